"""One walk over a log counts into every window what a walk of its own would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import run
from tests.support.decisions.logs import contexts, fill
from tests.support.governance.climbing import HOUR_NS
from torghut.eventlog.block import Block
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.slo.counting import Span, WindowCounts
from torghut.workflows.slo.walking import count_window, count_windows

COUNT: Final = 1200
ENDS_NS: Final = int(contexts(COUNT)["receive_ns"].max())


class ReadLog(InMemoryLog):
    """A log that counts the blocks that are read."""

    read = 0

    @override
    async def blocks(self, partition: int, *, after: int = -1) -> AsyncIterator[Block]:
        async for block in super().blocks(partition, after=after):
            self.read += 1
            yield block


@pytest.fixture(scope="module")
def log() -> ReadLog:
    """Return a log of more than six hours."""
    made = ReadLog(clock=HandClock())
    run(fill(made, contexts(COUNT)))
    return made


def said(counts: WindowCounts) -> object:
    """Return what counts say, as something that can be compared."""
    ages = [
        (one.required, one.stale, one.ages.longest_ns, one.ages.bins.tobytes())
        for one in counts.domains.values()
    ]
    return replace(counts, domains={}), ages


def back(hours: float, *, ends: float = 0.0) -> Span:
    """Return the span of so many hours that ends so long before the log does."""
    to_ns = ENDS_NS - int(ends * HOUR_NS)
    return Span(after_ns=to_ns - int(hours * HOUR_NS), to_ns=to_ns)


def test_each_window_is_counted_as_if_it_were_the_only_one(log: ReadLog) -> None:
    windows = [back(1), back(24), back(2, ends=3), back(1, ends=-5)]
    spans = [back(2), back(0.5, ends=4)]

    found = run(count_windows(log, windows, spans))

    alone = [run(count_window(log, after_ns=one.after_ns, to_ns=one.to_ns)) for one in windows]
    assert [said(one) for one in found.windows] == [said(one) for one in alone]
    only = [run(count_window(log, after_ns=one.after_ns, to_ns=one.to_ns)) for one in spans]
    assert list(found.accepted) == [one.accepted for one in only]


def test_log_is_read_once_for_all_windows_and_no_further_than_the_longest(log: ReadLog) -> None:
    def blocks_for(*windows: Span) -> int:
        log.read = 0
        run(count_windows(log, windows, [back(0.5)]))
        return log.read

    assert blocks_for(back(1), back(3)) == blocks_for(back(3))
    assert blocks_for(back(1)) < blocks_for(back(3)) < run(log.head(0)).number + 1


def test_span_is_counted_that_reaches_further_back_than_any_window(log: ReadLog) -> None:
    found = run(count_windows(log, [back(1)], [back(24)]))

    assert found.accepted == [COUNT]
