"""How governance stands as a worker and a person on call see it, and what that is in figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from typing_extensions import override

from torghut.governance.ports import Lease
from torghut.kernel.units import NS_PER_S
from torghut.schemas.live.governance import CyclesCounted, GovernanceBeat, GovernanceStanding
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.scheduling.cycles import CycleOutcome
from torghut.workflows.live.observing.telemetry import Telemetry

_NOT_KNOWN: Final = float("nan")

_NONE: Final = CyclesCounted(lane_completed=0, lane_execution_failed=0, blocked_no_signal=0)

Holding = Literal["alive", "silent", "let go", "never", "unreadable"]
"""Whether somebody holds governance's lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernanceSeen:
    """What is to be seen of governance without its log.

    Attributes:
        page: How it stood after its last cycle; None where there is none that can be read.
        page_fault: What is wrong with the page; empty where nothing is.
        lease: Who held it last; None if nobody ever did, or nobody can say.
        lease_fault: Why nobody can say.
        log_there: Whether governance has a log.
    """

    page: GovernanceStanding | None = None
    page_fault: str = ""
    lease: Lease | None = None
    lease_fault: str = ""
    log_there: bool = False

    def holding(self, now_ns: int) -> Holding:
        """Return whether somebody governs at ``now_ns``, wall time."""
        if self.lease_fault:
            return "unreadable"
        if self.lease is None:
            return "never"
        if not self.lease.expires_wall_ns:
            return "let go"
        return "alive" if now_ns < self.lease.expires_wall_ns else "silent"


NOTHING_SEEN: Final = GovernanceSeen()
"""Nobody ever governed."""


class GovernanceEar(Protocol):
    """Where governance says that it is there."""

    def heard(self) -> GovernanceBeat | None:
        """Return its newest beat; None where there is none, or none that can be read."""
        ...


class DeafEar(GovernanceEar):
    """Hears nothing, so that live nothing is opened."""

    @override
    def heard(self) -> GovernanceBeat | None:
        return None


class GovernanceFigures:
    """Puts into figures what is seen of governance, cycle counts as they grow from here on.

    A scheduler counts from its own beginning; here the counts of one after the other add up.

    Args:
        telemetry: Takes the figures.
        seen: Looks.
    """

    def __init__(self, telemetry: Telemetry, seen: Callable[[], GovernanceSeen]) -> None:
        self._telemetry = telemetry
        self._seen = seen
        page = seen().page
        self._known = ("", _NONE) if page is None else (page.holder, page.cycles)

    def show(self, now_ns: int) -> None:
        """Let every figure say what is so at ``now_ns``, wall time."""
        seen = self._seen()
        page, put = seen.page, self._telemetry.put
        last = None if page is None else page.last
        age_s = _NOT_KNOWN if last is None else max(0, now_ns - last.at_ns) / NS_PER_S
        closed = _NOT_KNOWN if page is None else float(page.latch is not None)
        put(metrics.GOVERNANCE_LAST_CYCLE_AGE, age_s)
        put(metrics.GOVERNANCE_LATCH_CLOSED, closed)
        put(metrics.GOVERNANCE_LEASE_EPOCH, 0 if seen.lease is None else seen.lease.epoch)
        put(metrics.GOVERNANCE_ALIVE, seen.holding(now_ns) == "alive")
        if page is not None:
            self._count(page)

    def _count(self, page: GovernanceStanding) -> None:
        """Count the cycles that came since the last look."""
        holder, known = self._known
        self._known = (page.holder, page.cycles)
        before = known if holder == page.holder else _NONE
        counted = _by_outcome(before)
        for outcome, count in _by_outcome(page.cycles).items():
            if count > counted[outcome]:
                self._telemetry.count(metrics.GOVERNANCE_CYCLES, count - counted[outcome], outcome)


def _by_outcome(cycles: CyclesCounted) -> Mapping[CycleOutcome, int]:
    """Return how many cycles ended how."""
    return {
        "lane_completed": cycles.lane_completed,
        "lane_execution_failed": cycles.lane_execution_failed,
        "blocked_no_signal": cycles.blocked_no_signal,
    }
