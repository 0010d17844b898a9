"""Each look at a log's drift costs what was appended since the one before."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from dataclasses import replace
from typing import Final, TypeVar

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import run
from tests.support.decisions.growing import (
    APART_NS,
    COUNT,
    GrowingLog,
    after,
    grown,
    watchful_policy,
)
from tests.support.decisions.rows import START_NS
from torghut.eventlog.block import Block
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.ids import SERVING
from torghut.workflows.drift.going_on import GoingOn
from torghut.workflows.drift.measuring import Measured, WindowAsked, measure
from torghut.workflows.drift.spans import before_span

T = TypeVar("T")

END_NS: Final = START_NS + COUNT * APART_NS
POLICY: Final = watchful_policy()
SEED: Final = 1


def blocks() -> int:
    """Return how many blocks there are of the log."""
    return len(grown(SEED)[0])


def looking(steps: Coroutine[object, object, T]) -> T:
    """Return what looks at a log come to, whose blocks were decided before."""
    grown(SEED)
    return run(steps)


def window(from_ns: int = START_NS, to_ns: int = END_NS) -> WindowAsked:
    """Return a window, by default all of the log."""
    return WindowAsked(subject="loop", from_ns=from_ns, to_ns=to_ns)


async def look(known: GoingOn, log: GrowingLog, asked: WindowAsked) -> Measured:
    """Look once."""
    span = await known.sight(log, asked)
    assert span is not None
    return await known.serve(log, asked, span)


def test_look_reads_what_was_appended_since_the_one_before() -> None:
    async def reads() -> list[int]:
        log, known, found = GrowingLog(SEED), GoingOn(policy=POLICY), []
        for count in (100, 5, 0, 0):
            await log.grow(count)
            log.reads = 0
            await look(known, log, window())
            found.append(log.reads)
        return found

    first, few, none, again = looking(reads())

    assert first >= 100
    assert few <= 2 * 5 + 1, "the first says what it follows, the last ones when the log ends"
    assert (none, again) == (0, 0)


def test_window_that_lies_behind_the_log_begins_where_it_would_at_once() -> None:
    async def places() -> tuple[int, int, int]:
        log, known = GrowingLog(SEED), GoingOn(policy=POLICY)
        asked = window(END_NS + 10**15, END_NS + 2 * 10**15)
        await log.grow(60)
        await look(known, log, asked)
        assert known.serving is not None
        early = known.serving.after
        await log.grow(60)
        await look(known, log, asked)
        span = await known.sight(log, asked)
        assert span is not None
        return early, known.serving.after, await before_span(log, span.heads[0], span)

    early, late, expected = looking(places())

    assert early < late == expected


def test_clock_that_goes_back_is_answered_too() -> None:
    async def answers() -> tuple[Measured, Measured]:
        log, known, back = GrowingLog(SEED), GoingOn(policy=POLICY), window(to_ns=END_NS - 10**12)
        await log.grow(blocks())
        await look(known, log, window())
        return await look(known, log, back), await measure(log, back, POLICY)

    found, expected = looking(answers())

    assert found == expected


async def _altered(known: GoingOn) -> None:
    """Look at a log that ends with a block whose symbols have no names."""
    log = GrowingLog(SEED)
    await log.grow(50)
    await look(known, log, window())
    chain, nameless = grown(SEED)[0], dict[str, str]()
    block = next(one for one in chain[50:] if one.arms[SERVING].count)
    header = {**json.loads(block.header), "symbols": nameless}
    await log.append(after(chain[:50], replace(block, header=canonical_bytes(header))))
    with pytest.raises(LogIntegrityError):
        await look(known, log, window())


def test_block_that_was_taken_in_half_is_not_gone_on_from() -> None:
    async def answers() -> tuple[Measured, Measured]:
        known, log = GoingOn(policy=POLICY), GrowingLog(SEED)
        await _altered(known)
        await log.grow(70)
        return await look(known, log, window()), await measure(log, window(), POLICY)

    found, expected = looking(answers())

    assert found == expected


async def _copied(partitions: int) -> InMemoryLog:
    """Return the log once in each partition."""
    log, source = InMemoryLog(clock=HandClock()), GrowingLog(SEED)
    await source.grow(blocks())
    for body in grown(SEED)[1]:
        await log.put_object(body)
    for partition in range(partitions):
        chain: list[Block] = []
        for block in grown(SEED)[0]:
            chain.append(after(chain, replace(block, partition=partition)))
            await log.append(chain[-1])
    return log


@pytest.mark.parametrize(("partitions", "served"), [(1, True), (2, False)])
def test_partitions_that_have_no_order_between_them_are_read_at_once(
    partitions: int, *, served: bool
) -> None:
    async def found() -> bool:
        log = await _copied(partitions)
        return await GoingOn(policy=POLICY).sight(log, window()) is not None

    assert looking(found()) is served


def test_log_that_is_empty_is_read_at_once() -> None:
    log = InMemoryLog(clock=HandClock())

    assert run(GoingOn(policy=POLICY).sight(log, window())) is None
