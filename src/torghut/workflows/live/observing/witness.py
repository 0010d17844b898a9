"""What happens to the service besides blocks and requests, as figures and log lines.

The parts of the service say what happened; what that comes to for others is said here alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torghut.kernel.clock import WallClock
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import NS_PER_S
from torghut.schemas.control import SwitchThrown
from torghut.schemas.live.worker import DegradedSince
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.observing.log_events import (
    Defect,
    DegradedBegun,
    DegradedEnded,
    LogAway,
    LogBack,
    SenderLetGo,
    ServeDraining,
    SnapshotMissed,
    SubscriberLetGo,
    SwitchRecorded,
    SwitchTaken,
)
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import Telemetry
from torghut.workflows.live.switch_ports import ThrownSwitch

_DETAIL_MAX: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Tells others what happened.

    Attributes:
        telemetry: Takes the figures.
        journal: Takes the log lines.
        wall: Tells how long ago something was.
    """

    telemetry: Telemetry
    journal: Journal
    wall: WallClock

    def degraded(self, mode: DegradedSince) -> None:
        """A degraded mode began."""
        self.journal.say(DegradedBegun(code=mode.code, detail=mode.detail))

    def recovered(self, mode: DegradedSince) -> None:
        """A degraded mode ended."""
        lasted_s = self._since_s(mode.since_wall_ns)
        self.journal.say(DegradedEnded(code=mode.code, lasted_seconds=lasted_s))

    def log_away(self, fault: TorghutError) -> None:
        """The log cannot be written."""
        self.journal.say(LogAway(error_code=fault.code, detail=_short(fault)))

    def log_reopened(self) -> None:
        """The log was opened again."""
        self.telemetry.count(metrics.LOG_REOPENED, 1)

    def log_back(self, away_s: float) -> None:
        """The log can be written again."""
        self.journal.say(LogBack(away_seconds=away_s))

    def snapshot_missed(self, block: int, detail: str) -> None:
        """A snapshot was not kept."""
        self.journal.say(SnapshotMissed(block=block, detail=detail[:_DETAIL_MAX]))

    def halted(self) -> None:
        """This process was halted for a while."""
        self.telemetry.count(metrics.PAUSES, 1)

    def switch_taken(self, thrown: ThrownSwitch) -> None:
        """A switch file was read for the first time."""
        self.journal.say(
            SwitchTaken(
                switch=thrown.name,
                throw_id=thrown.throw_id,
                who=thrown.who,
                reason=thrown.reason,
                drill=thrown.drill,
            ),
            correlation_id=thrown.throw_id,
        )

    def switch_acknowledged(self, thrown: ThrownSwitch) -> None:
        """A throw was acknowledged; a drill's time says nothing of throws."""
        if thrown.thrown_wall_ns is not None and not thrown.drill:
            since_s = self._since_s(thrown.thrown_wall_ns)
            self.telemetry.observe(metrics.SWITCH_ACKNOWLEDGEMENT, (since_s,))

    def switch_recorded(self, record: SwitchThrown) -> None:
        """A switch, thrown or released, is on the record."""
        self.journal.say(
            SwitchRecorded(switch=record.name, state=record.state, control_id=record.control_id),
            correlation_id=record.control_id,
        )

    def beaten(self, listeners: int) -> None:
        """A heartbeat was told to so many."""
        self.telemetry.count(metrics.HEARTBEATS, listeners)

    def let_go(self, silent_s: float) -> None:
        """A subscriber that took nothing for so long was let go."""
        self.telemetry.count(metrics.SUBSCRIBERS_LET_GO, 1)
        self.journal.say(SubscriberLetGo(silent_seconds=silent_s))

    def sender_let_go(self, error: TorghutError) -> None:
        """A sender on a socket, who gets no answer, was let go with a line that was not taken."""
        self.journal.say(SenderLetGo(error_code=error.code, detail=_short(error)))

    def draining(self, waiting: int, budget_ms: int) -> None:
        """The service was asked to end."""
        self.journal.say(ServeDraining(waiting=waiting, budget_ms=budget_ms))

    def failed(self, where: str, error: Exception) -> None:
        """Something happened that nobody foresaw."""
        self.telemetry.count(metrics.DEFECTS, 1)
        self.journal.say(Defect(where=where, error=type(error).__name__, detail=_short(error)))

    def _since_s(self, wall_ns: int) -> float:
        """Return how long ago something was, in seconds; a clock set back makes none negative."""
        return max(0, self.wall.now_ns() - wall_ns) / NS_PER_S


def _short(error: Exception) -> str:
    """Return what an error says, on one line."""
    return " ".join(str(error).split())[:_DETAIL_MAX]
