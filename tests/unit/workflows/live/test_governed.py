"""What is seen of governance comes to figures that grow with its cycles, whoever runs them."""

from __future__ import annotations

import math

from tests.fakes.observing import RecordedTelemetry
from tests.support.governance.governance_pages import CLOSED, standing
from tests.support.governance.governing import SECOND_NS, START_NS
from torghut.governance.ports import Lease
from torghut.schemas.live.governance import GovernanceStanding
from torghut.workflows.live.observing.governed import (
    NOTHING_SEEN,
    GovernanceFigures,
    GovernanceSeen,
)

HELD = Lease(epoch=3, holder="scheduler-1", expires_wall_ns=START_NS + 30 * SECOND_NS)
CYCLES = "torghut_governance_cycles_total"


class Eye:
    """Sees what it is told to see."""

    def __init__(self, page: GovernanceStanding | None = None) -> None:
        self.seen = GovernanceSeen(page=page, lease=HELD)

    def __call__(self) -> GovernanceSeen:
        """Return it."""
        return self.seen

    def show(self, holder: str, completed: int) -> None:
        """Let a scheduler have completed so many cycles."""
        cycles = {"lane_completed": completed, "lane_execution_failed": 0, "blocked_no_signal": 0}
        self.seen = GovernanceSeen(page=standing(holder=holder, cycles=cycles), lease=HELD)


def counted(told: RecordedTelemetry) -> dict[str, int]:
    """Return the cycles that were counted, by outcome."""
    return {name.partition(CYCLES)[2]: n for name, n in told.counted.items() if CYCLES in name}


def test_nothing_is_known_where_nobody_governed() -> None:
    told = RecordedTelemetry()
    GovernanceFigures(told, lambda: NOTHING_SEEN).show(START_NS)

    assert math.isnan(told.shown["torghut_governance_last_cycle_age_seconds"])
    assert math.isnan(told.shown["torghut_governance_latch_closed"])
    assert told.shown["torghut_governance_lease_epoch"] == 0
    assert told.shown["torghut_governance_alive"] == 0
    assert not told.counted


def test_gauges_say_what_the_page_and_the_lease_say() -> None:
    told, eye = RecordedTelemetry(), Eye(standing(latch=CLOSED))
    GovernanceFigures(told, eye).show(START_NS + 5 * SECOND_NS)

    assert told.shown["torghut_governance_last_cycle_age_seconds"] == 5
    assert told.shown["torghut_governance_latch_closed"] == 1
    assert told.shown["torghut_governance_lease_epoch"] == 3
    assert told.shown["torghut_governance_alive"] == 1


def test_cycles_before_this_process_were_counted_elsewhere() -> None:
    told, eye = RecordedTelemetry(), Eye(standing())
    GovernanceFigures(told, eye).show(START_NS)

    assert not told.counted


def test_counts_of_one_scheduler_after_the_other_add_up() -> None:
    told, eye = RecordedTelemetry(), Eye()
    figures = GovernanceFigures(told, eye)
    for holder, completed in (("a", 2), ("a", 5), ("a", 5), ("b", 1), ("b", 3)):
        eye.show(holder, completed)
        figures.show(START_NS)
    eye.seen = NOTHING_SEEN
    figures.show(START_NS)

    assert list(counted(told).values()) == [8]


def test_holding_follows_the_lease_alone() -> None:
    released = Lease(epoch=3, holder="a", expires_wall_ns=0)

    assert NOTHING_SEEN.holding(START_NS) == "never"
    assert GovernanceSeen(lease=HELD).holding(HELD.expires_wall_ns - 1) == "alive"
    assert GovernanceSeen(lease=HELD).holding(HELD.expires_wall_ns) == "silent"
    assert GovernanceSeen(lease=released).holding(START_NS) == "let go"
    assert GovernanceSeen(lease_fault="x").holding(START_NS) == "unreadable"
