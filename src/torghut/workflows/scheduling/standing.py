"""The scheduler's page: how governance stands after each cycle, for those who cannot read its log.

All of it follows from events and the last note, so it is only ever a copy; that it could not be
written stops nothing, for its age is seen by whoever reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from torghut.governance.cycles.cycle import CycleState
from torghut.governance.notes.errors import NoteUnreadableError
from torghut.governance.notes.note import read_note
from torghut.governance.safety.breaches import RECOVERING
from torghut.governance.safety.stopping import LatchState
from torghut.kernel.clock import WallClock
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.latch import LoopStopped
from torghut.schemas.live.governance import (
    CyclesCounted,
    GovernanceStanding,
    LastCycle,
    LatchClosed,
    ManifestStands,
)
from torghut.schemas.scheduling.cycles import CycleOutcome
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import CYCLE_RECORD, STOP_LATCH
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.scheduling.governor import Governor


@dataclass(slots=True, kw_only=True)
class StandingPage:
    """Where a scheduler says how governance stands.

    Attributes:
        pid: Of its process.
        log: The decision log that it governs.
        every_s: The declared length of a cycle.
        wall: Tells when it was written.
        put: Puts the page there.
    """

    pid: int
    log: str
    every_s: float
    wall: WallClock
    put: Callable[[GovernanceStanding], None]
    _ended: Counter[CycleOutcome] = field(default_factory=Counter)
    _since: tuple[str, int] = ("", 0)

    def count(self, outcome: CycleOutcome) -> None:
        """Count a cycle that is over."""
        self._ended[outcome] += 1

    async def show(
        self,
        governor: Governor,
        *,
        holder: str,
        epoch: int,
        ended: bool = False,
        held: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        """Put the page there as governance stands now.

        Args:
            governor: Whose streams say how it stands.
            holder: Of the lease.
            epoch: Of the lease.
            ended: Whether the holder lets go.
            held: Gives a time in which nobody else can take the lease, nor put a page of theirs.

        Raises:
            TorghutError: It cannot be written, and grows old.
        """
        cycles = await governor.governance.state(CYCLE_RECORD)
        latch = await governor.governance.state(STOP_LATCH)
        standing = GovernanceStanding(
            holder=holder,
            epoch=epoch,
            pid=self.pid,
            log=self.log,
            written_wall_ns=self.wall.now_ns(),
            every_s=self.every_s,
            cycles=CyclesCounted(
                lane_completed=self._ended["lane_completed"],
                lane_execution_failed=self._ended["lane_execution_failed"],
                blocked_no_signal=self._ended["blocked_no_signal"],
            ),
            last=_last(cycles),
            latch=await self._latch(governor, latch),
            manifest=_manifest(_note(governor, cycles)),
            ended=ended,
        )
        async with held():
            self.put(standing)

    async def _latch(self, governor: Governor, latch: LatchState) -> LatchClosed | None:
        """Return what keeps the latch closed."""
        incident = latch.incident
        if incident is None:
            return None
        if self._since[0] != incident.incident_id:
            since_ns = await _closed_at(governor, incident.incident_id)
            self._since = (incident.incident_id, since_ns)
        return LatchClosed(
            incident_id=incident.incident_id,
            since_ns=self._since[1],
            triggers=tuple(sorted(incident.triggers)),
            live=incident.live,
            recovers=incident.triggers <= RECOVERING,
        )


async def _closed_at(governor: Governor, incident_id: str) -> int:
    """Return when an incident closed the latch."""
    found = await governor.governance.streams.store.read_events(STOP_LATCH.stream)
    for event in map(STOP_LATCH.read, reversed(found)):
        if isinstance(event, LoopStopped) and event.incident_id == incident_id:
            return event.at_ns
    return 0


def _last(cycles: CycleState) -> LastCycle | None:
    """Return the last cycle that is over."""
    ended = cycles.ended or cycles.before
    if ended is None:
        return None
    return LastCycle(
        cycle=ended.cycle,
        outcome=ended.outcome,
        reason=ended.reason,
        note=ended.note.path,
        at_ns=ended.at_ns,
    )


def _note(governor: Governor, cycles: CycleState) -> IterationNote | None:
    """Return the note of the last cycle that is over; None where it is not as it was written."""
    ended = cycles.ended or cycles.before
    body = None if ended is None else read_found(governor.store, ended.note.path)
    if ended is None or not isinstance(body, bytes) or sha256_hex(body) != ended.note.sha256:
        return None
    try:
        return read_note(body)
    except NoteUnreadableError:
        return None


def _manifest(note: IterationNote | None) -> ManifestStands | None:
    """Return how the current manifest stands."""
    if note is None or note.phase_manifest is None or note.manifest_status is None:
        return None
    return ManifestStands(path=note.phase_manifest.path, status=note.manifest_status)
