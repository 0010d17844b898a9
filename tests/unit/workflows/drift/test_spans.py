"""A window of what one feed brought is found without reading what lies before it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator

import numpy as np
import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.support.decisions.growing import after, bare
from tests.support.decisions.logs import COUNT, contexts, fill
from torghut.decisions.block_text import EMPTY_RECORDS
from torghut.eventlog.block import Block
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.drift.spans import (
    EVER,
    Bounds,
    Edges,
    Span,
    blocks_of,
    span_between,
    span_of,
)


class CountingLog(InMemoryLog):
    """A log that counts the blocks it was asked for."""

    read: int = 0

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        async for block in super().blocks(partition, after=after):
            self.read += 1
            yield block


@functools.cache
def log() -> CountingLog:
    """Return a log of many small blocks."""
    made = CountingLog(clock=HandClock())
    asyncio.run(fill(made, contexts(), batch=10))
    return made


async def _numbers(from_ns: int | None, to_ns: int | None, reference_ns: int = 0) -> list[int]:
    span = await span_of(log(), from_ns=from_ns, to_ns=to_ns, reference_ns=reference_ns)
    return [found.block.number async for found in blocks_of(log(), span.heads[0], span)]


def numbers(from_ns: int | None, to_ns: int | None, reference_ns: int = 0) -> list[int]:
    """Return the numbers of the blocks that are read for a window."""
    log()
    return asyncio.run(_numbers(from_ns, to_ns, reference_ns))


def spanned(from_ns: int | None, to_ns: int | None, reference_ns: int) -> Span:
    """Return a window of the log."""
    made = log()
    return asyncio.run(span_of(made, from_ns=from_ns, to_ns=to_ns, reference_ns=reference_ns))


TIMES = contexts()["receive_ns"]


@pytest.mark.parametrize(("begin", "end"), [(0, COUNT - 1), (300, 420), (1000, 1000), (0, 0)])
def test_blocks_of_a_window_are_all_there_with_one_before_at_most(begin: int, end: int) -> None:
    found = numbers(int(TIMES[begin]), int(TIMES[end]))

    wanted = set(range(begin // 10, end // 10 + 1))
    assert wanted <= set(found)
    assert len(found) <= len(wanted) + 3
    assert found == sorted(found)


def test_reference_before_the_window_is_read_too() -> None:
    found = numbers(int(TIMES[600]), int(TIMES[700]), int(TIMES[600] - TIMES[400]))

    assert set(range(40, 71)) <= set(found)


def test_window_is_found_in_few_reads() -> None:
    log().read = 0

    numbers(int(TIMES[1100]), int(TIMES[1100]))

    assert log().read < 20


def test_without_bounds_everything_is_read_and_a_quarter_of_it_or_more_learnt_from() -> None:
    span = spanned(None, None, 10**18)

    assert (span.from_ns, span.reference_ns) == (EVER, EVER)
    assert TIMES[COUNT // 4 - 1] < span.watched_ns <= TIMES[COUNT // 2]
    assert numbers(None, None) == list(range(COUNT // 10))


@pytest.mark.parametrize("from_ns", [None, 500])
def test_what_is_learnt_from_stays_until_there_is_twice_as_much(from_ns: int | None) -> None:
    bounds = Bounds(from_ns=from_ns, to_ns=None, reference_ns=1000)
    sizes = range(2, 2000)
    edges = [Edges(first_ns=100, last_ns=100 + size) for size in sizes]

    learnt = [span_between(bounds, one, ()).watched_ns - 100 for one in edges]

    assert sorted(set(learnt)) == [1 << power for power in range(10)]
    assert all(size / 4 < part <= size / 2 for size, part in zip(sizes, learnt, strict=True))


def test_where_the_log_reaches_far_enough_back_all_of_the_window_is_watched() -> None:
    begin, before = int(TIMES[600]), int(TIMES[600] - TIMES[350])

    assert spanned(begin, None, before).watched_ns == begin
    assert spanned(begin, None, 2 * before).watched_ns == begin
    assert spanned(begin, None, 3 * before).watched_ns != begin


def test_window_after_the_log_reads_its_end_and_finds_nothing() -> None:
    found = numbers(int(TIMES[-1]) + 1, int(TIMES[-1]) + 2)

    assert len(found) <= 2
    assert np.all(np.array(found) < COUNT // 10)


def test_blocks_of_control_records_alone_are_read_once_each() -> None:
    made = CountingLog(clock=HandClock())

    async def reads() -> int:
        chain = [block async for block in log().blocks(0, after=-1)][:10]
        for _ in range(200):
            chain.append(after(chain, bare(chain[9], EMPTY_RECORDS)))
        for block in chain:
            for digest in block.cites:
                await made.put_object(await log().get_object(digest))
            await made.append(block)
        span = await span_of(made, from_ns=int(TIMES[50]), to_ns=None, reference_ns=10**18)
        assert span.watched_ns < TIMES[99]
        return made.read

    log()
    assert asyncio.run(reads()) <= len(range(200)) + 5
