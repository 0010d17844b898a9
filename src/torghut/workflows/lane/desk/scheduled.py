"""The lane as the scheduler sees it: a child that runs one candidate, and its end on record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from typing_extensions import override

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.governance.lanes.queue import LaneState
from torghut.kernel.canonical import JsonRefusedError
from torghut.schemas.governing.lanes import LaneRunEnded
from torghut.schemas.publish import MODELS
from torghut.schemas.rollout.lane import StageManifest
from torghut.schemas.rollout.phases import LANE_PHASES
from torghut.schemas.upcasting import MessageContentError, MessageTypeError, read_message
from torghut.workflows.lane.desk.adopting import adopt_crashed
from torghut.workflows.lane.ports import LanePorts
from torghut.workflows.lane.running import lane_state
from torghut.workflows.lane.stages import stage_file
from torghut.workflows.rollout.places import run_folder
from torghut.workflows.scheduling.ports import LaneEnded, LaneRunner, LaneTerms

Starting = Callable[[LaneTerms], Awaitable[None]]
"""Runs ``torghut lane run --once`` with these terms to its end, or kills it after its budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedLane(LaneRunner):
    """Runs the lane's queue as children, one candidate a cycle.

    Attributes:
        ports: To adopt what a child that was killed leaves behind.
        start: Starts a child and waits for it.
        turn: Held while a dead run is adopted: nobody else runs the lane then.
    """

    ports: LanePorts
    start: Starting
    turn: Callable[[], AbstractContextManager[None]]

    @override
    async def current(self) -> LaneEnded | None:
        state = await lane_state(self.ports.events)
        if state.running is not None:
            return LaneEnded(run_id=state.running.run_id, attempt=state.running.attempt)
        return None if state.last is None else self._ended(state.last)

    @override
    async def run(self, terms: LaneTerms) -> LaneEnded | None:
        before = await lane_state(self.ports.events)
        if before.running is not None:
            return await self._adopted(before)
        if before.next is None:
            return None
        await self.start(terms)
        after = await lane_state(self.ports.events)
        if after.running is not None:
            return await self._adopted(after)
        same = before.last is not None and after.last == before.last
        return None if after.last is None or same else self._ended(after.last)

    async def _adopted(self, state: LaneState) -> LaneEnded | None:
        """Return how a run ended whose child is gone."""
        with self.turn():
            found = await adopt_crashed(self.ports)
        last = state.last if found is None else found.ended
        return None if last is None else self._ended(last)

    def _ended(self, ended: LaneRunEnded) -> LaneEnded:
        """Return how a run ended, with the lineage of its stages."""
        failure = "" if ended.outcome == "completed" else f"{ended.outcome}: {ended.reason}"
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
