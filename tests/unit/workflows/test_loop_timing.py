"""The loop tells how long each block took, and nothing of that enters the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
from typing_extensions import override

from tests.fakes.clock import HandClock, SteppingClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import reference
from tests.support.decisions.rows import quotes
from torghut.eventlog.block import Block, Head
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.decision_loop import Committed, LoopSettings, Run, Timing, run_loop
from torghut.workflows.opening import Setup, open_fold

_LOOK_NS = SteppingClock().step_ns
_WRITE_NS = 5_000


class SlowLog(InMemoryLog):
    """A log that takes its time over every block, by the clock that it is given."""

    def __init__(self, stepping: SteppingClock) -> None:
        super().__init__(clock=HandClock())
        self._stepping = stepping

    @override
    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        self._stepping.time_ns += _WRITE_NS
        return await super().append(block, meanwhile=meanwhile)


def told(clock: SteppingClock, *, measured: bool) -> tuple[list[Committed], Head]:
    """Return what a run of three blocks tells, and its head."""
    committed: list[Committed] = []

    async def decide() -> Head:
        log = SlowLog(clock)
        setup = Setup(kernel=reference(), declarations=shipped(), packages={})
        opened = await open_fold(log, setup)
        return await run_loop(
            Run(
                source=ArraySource(rows=quotes(np.full(5, 1.3)), symbols=("fxcm:EURUSD",)),
                log=log,
                fold=opened.fold,
                observer=committed.append,
                clock=clock if measured else None,
                settings=LoopSettings(batch_records=2),
            )
        )

    return committed, asyncio.run(decide())


def test_each_block_tells_how_long_deciding_and_becoming_durable_took() -> None:
    committed, _ = told(SteppingClock(), measured=True)

    expected = Timing(decide_ns=_LOOK_NS, durable_ns=_WRITE_NS + _LOOK_NS)
    assert [one.timing for one in committed] == [expected] * 3


def test_a_run_without_a_clock_tells_nothing() -> None:
    committed, _ = told(SteppingClock(), measured=False)

    assert [one.timing for one in committed] == [None] * 3


def test_the_log_is_the_same_whatever_was_measured() -> None:
    measured = told(SteppingClock(), measured=True)[1]
    later = told(SteppingClock(time_ns=10**18), measured=True)[1]
    unmeasured = told(SteppingClock(), measured=False)[1]

    assert measured == later == unmeasured
