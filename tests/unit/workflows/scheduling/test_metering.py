"""Drift that cannot be measured in time is measured as nothing, and nothing is never stable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import run
from tests.support.decisions.growing import APART_NS, COUNT, GrowingLog, grown, watchful_policy
from tests.support.decisions.logs import in_memory
from tests.support.decisions.rows import START_NS
from tests.support.governance.governing import drift_policy
from torghut.drift.verdicts import judge_drift
from torghut.eventlog.errors import LogIntegrityError, LogReadError, Obstacle
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.workflows.drift.measuring import Measured, WindowAsked, measure
from torghut.workflows.scheduling.metering import LogMeter
from torghut.workflows.scheduling.steps.drifting import begin_of

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


SEED: Final = 2
POLICY: Final = watchful_policy()
WINDOW_NS: Final = COUNT * APART_NS // 3


def window(now_ns: int) -> WindowAsked:
    """Return the window that a scheduler asks for."""
    return WindowAsked(subject="loop", from_ns=begin_of(now_ns, WINDOW_NS), to_ns=now_ns)


async def _whole() -> GrowingLog:
    log = GrowingLog(SEED)
    await log.grow(len(grown(SEED)[0]))
    return log


def whole() -> GrowingLog:
    """Return a log to the end."""
    grown(SEED)
    return run(_whole())


def cut(log: GrowingLog, reads: int) -> LogMeter:
    """Return a meter whose budgets allow so many reads each."""

    def opening() -> DecisionLog:
        log.faults.left = reads
        return log

    return LogMeter(opening=opening, policy=POLICY, budget_ms=60_000)


NOW_NS: Final = START_NS + COUNT * APART_NS


@pytest.mark.parametrize("reads", [40, 90, 1000])
def test_first_look_at_a_long_log_takes_as_many_budgets_as_it_takes(reads: int) -> None:
    log = whole()

    found = run(cut(log, reads).measure(window(NOW_NS)))

    log.faults.left = None
    assert found == run(measure(log, window(NOW_NS), POLICY))


def test_budget_that_gets_nowhere_measures_nothing() -> None:
    assert run(cut(whole(), 3).measure(window(NOW_NS))).window.readings == {}


def test_window_before_answers_until_the_one_that_is_asked_for_is_read() -> None:
    log = whole()
    before, now = window(NOW_NS - WINDOW_NS // 4), window(NOW_NS)
    meter = cut(log, 1000)
    run(meter.measure(before))
    meter.opening = cut(log, 20).opening

    found = [run(meter.measure(now)) for _ in range(6)]

    log.faults.left = None
    begins = [one.window.from_ns for one in found]
    older = begins.count(before.from_ns or 0)
    assert begins == [before.from_ns] * older + [now.from_ns] * (6 - older)
    assert 0 < older < 5
    assert {one.window.to_ns for one in found} == {now.to_ns}
    assert found[-1] == run(measure(log, now, POLICY))
    longer = replace(now, from_ns=before.from_ns)
    assert found[0].window == run(measure(log, longer, POLICY)).window


def test_block_that_is_not_as_it_was_written_measures_nothing_and_spoils_nothing() -> None:
    log = whole()
    meter = cut(log, 1000)
    run(meter.measure(window(NOW_NS)))
    log.faults.error, log.faults.left = BROKEN, None
    meter.opening = cut(log, 2).opening

    broken = run(meter.measure(window(NOW_NS + WINDOW_NS // 4)))
    meter.opening = cut(log, 1000).opening
    healed = run(meter.measure(window(NOW_NS + WINDOW_NS // 4)))

    log.faults.left = None
    assert broken.window.readings == {}
    assert healed == run(measure(log, window(NOW_NS + WINDOW_NS // 4), POLICY))
