"""The lane as the scheduler sees it: a child that runs one candidate, and its end on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.governance.lanes.queue import STREAM, LaneState, read_lane_event
from torghut.kernel.canonical import JsonRefusedError
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneRunEnded
from torghut.schemas.publish import MODELS
from torghut.schemas.rollout.lane import StageManifest
from torghut.schemas.rollout.phases import LANE_PHASES
from torghut.schemas.upcasting import MessageContentError, MessageTypeError, read_message
from torghut.workflows.lane.desk.adopting import Broken, adopt_crashed, refuse_waiting
from torghut.workflows.lane.ports import LanePorts
from torghut.workflows.lane.running import lane_state
from torghut.workflows.lane.stages import stage_file
from torghut.workflows.rollout.places import run_folder
from torghut.workflows.scheduling.ports import LaneEnded, LaneRunner

_ENDED: Final = "lanes.run-ended.v1"

Starting = Callable[[int, str], Awaitable[str]]
"""Runs ``torghut lane run --once`` under an epoch of a holder's lease, within its budget.

Returns what went wrong with the process; empty where nothing did.
"""


@dataclass(slots=True, kw_only=True)
class QueuedLane(LaneRunner):
    """Runs the lane's queue as children, one candidate a cycle.

    Attributes:
        ports: To adopt what a child that was killed leaves behind.
        start: Starts a child and waits for it.
        turn: Held while a dead run is adopted: nobody else runs the lane then.
    """

    ports: LanePorts
    start: Starting
    turn: Callable[[], AbstractContextManager[bool]]
    _faults: dict[tuple[str, int], str] = field(default_factory=dict)

    @override
    async def current(self) -> LaneEnded | None:
        state = await lane_state(self.ports.events)
        if state.running is not None:
            state = await self._adopt()
        return self._last(state)

    @override
    async def run(self, *, epoch: int, holder: str) -> LaneEnded | None:
        before = await lane_state(self.ports.events)
        if before.running is not None:  # of a scheduler that died, and perhaps its child with it
            return self._ended_run(await self._adopt())
        if before.next is None:
            return None
        fault = await self.start(epoch, holder)
        after = await self._adopt()
        if fault and after.last == before.last:
            after = await self._refuse(before.next, fault)
        if after.last is None or after.last == before.last:
            return None  # another process has the turn, or it came to no run
        if fault:
            self._faults[after.last.run_id, after.last.attempt] = fault
        return self._ended_run(after)

    @override
    async def ended_after(self, position: int, /) -> LaneEnded | None:
        envelopes = await self.ports.events.read_events(STREAM)
        ends = [one for one in envelopes if one.type == _ENDED]
        if not ends or ends[-1].position <= position:
            return None
        ended = read_lane_event(ends[-1])
        return self._ended(ended) if isinstance(ended, LaneRunEnded) else None

    async def _adopt(self) -> LaneState:
        """End the run whose process is gone, unless another process has the lane's turn."""
        with self.turn() as mine:
            if mine:
                await adopt_crashed(self.ports)
        return await lane_state(self.ports.events)

    async def _refuse(self, waiting: CandidateSubmitted, fault: str) -> LaneState:
        """End a candidate whose child died before its run began: the next would die of it too."""
        with self.turn() as mine:
            state = await lane_state(self.ports.events)
            if mine and state.running is None and state.next == waiting:
                broken = Broken(outcome="killed", reason="lane-killed", detail=fault)
                await refuse_waiting(self.ports, waiting, broken)
        return await lane_state(self.ports.events)

    def _ended_run(self, state: LaneState) -> LaneEnded | None:
        """Return the run that ended last, unless one is at work elsewhere."""
        return self._last(state) if state.running is None else None

    def _last(self, state: LaneState) -> LaneEnded | None:
        """Return the run that was started last."""
        if state.running is not None:
            return LaneEnded(run_id=state.running.run_id, attempt=state.running.attempt)
        return None if state.last is None else self._ended(state.last)

    def _ended(self, ended: LaneRunEnded) -> LaneEnded:
        """Return how a run ended, with the lineage of its stages."""
        known = self._faults.get((ended.run_id, ended.attempt), ended.reason)
        failure = "" if ended.outcome == "completed" else f"{ended.outcome}: {known}"
        folder = run_folder(ended.run_id, ended.attempt)
        return LaneEnded(
            run_id=ended.run_id,
            attempt=ended.attempt,
            failure=failure,
            traces=tuple(lineages(self.ports.store, folder)),
        )


def lineages(store: ArtifactStore, folder: str) -> list[str]:
    """Return the lineage of each stage of a run, as far as it came."""
    found: list[str] = []
    for phase in LANE_PHASES:
        try:
            link = read_message(store.read(f"{folder}/{stage_file(phase)}"), MODELS)
        except (
            ArtifactUnreadableError,
            JsonRefusedError,
            MessageTypeError,
            MessageContentError,
        ):
            break
        if isinstance(link, StageManifest):
            found.append(link.lineage)
    return found
