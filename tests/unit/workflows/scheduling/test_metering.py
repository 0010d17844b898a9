"""Drift that cannot be measured in time is measured as nothing, and nothing is never stable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import run
from tests.governing import drift_policy
from tests.logs import in_memory
from torghut.drift.verdicts import judge_drift
from torghut.eventlog.errors import LogIntegrityError, LogReadError, Obstacle
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.workflows.drift.measuring import Measured, WindowAsked
from torghut.workflows.scheduling.metering import LogMeter

AWAY: Final = LogReadError(obstacle=Obstacle.BUSY, detail="away")
BROKEN: Final = LogIntegrityError(place="block 3", expected="a", found="b")
ASKED: Final = WindowAsked(subject="loop", from_ns=5, to_ns=9)


@dataclass
class Opened:
    """A log that may be out of reach.

    Attributes:
        error: Raised when it is opened, or read.
        reads: Whether it can be opened at all.
        closed: How often it was.
    """

    error: TorghutError | None
    reads: bool = True
    closed: int = 0

    def __call__(self) -> DecisionLog:
        """Open it."""
        if self.error is not None and not self.reads:
            raise self.error
        opened = self

        class Stuck(InMemoryLog):
            @override
            async def partitions(self) -> Sequence[int]:
                if opened.error is not None:
                    raise opened.error
                await asyncio.sleep(3600)
                return await super().partitions()

            @override
            async def close(self) -> None:
                opened.closed += 1

        return Stuck(clock=HandClock())


def measured(log: Opened | DecisionLog, asked: WindowAsked = ASKED) -> Measured:
    """Return what a window comes to."""
    opening = log if isinstance(log, Opened) else lambda: log
    return run(LogMeter(opening=opening, policy=drift_policy(), budget_ms=100).measure(asked))


@pytest.mark.parametrize("error", [AWAY, BROKEN])
def test_log_that_cannot_be_opened_is_measured_as_nothing(error: TorghutError) -> None:
    found = measured(Opened(error, reads=False))

    assert (found.contexts, found.decisions, found.last_ns) == (0, 0, None)
    assert (found.window.subject, found.window.from_ns, found.window.to_ns) == ("loop", 5, 9)
    assert judge_drift(found.window, drift_policy()).status == "unhealthy"


@pytest.mark.parametrize("error", [AWAY, BROKEN, None], ids=["away", "broken", "too slow"])
def test_log_that_cannot_be_read_in_time_is_measured_as_nothing_and_closed(
    error: TorghutError | None,
) -> None:
    log = Opened(error)
    found = measured(log)

    assert found.window.readings == {}
    assert log.closed == 1


def test_window_without_ends_has_ends_all_the_same() -> None:
    found = measured(Opened(AWAY, reads=False), WindowAsked(subject="x", from_ns=None, to_ns=None))

    assert (found.window.from_ns, found.window.to_ns) == (0, 0)


def test_log_that_can_be_read_is_measured() -> None:
    log = run(in_memory())
    meter = LogMeter(opening=lambda: log, policy=drift_policy(), budget_ms=60_000)
    found = run(meter.measure(WindowAsked(subject="loop", from_ns=None, to_ns=None)))

    assert found.decisions > 0
    assert found.window.readings
