"""The lane as the scheduler sees it: a child that runs one candidate, and its end on record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter
from typing_extensions import override

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.envelopes import Envelope, read_event
from torghut.governance.lanes.queue import STREAM, LaneState
from torghut.kernel.canonical import JsonRefusedError
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneRunEnded
from torghut.schemas.publish import MODELS, stated_type
from torghut.schemas.rollout.lane import StageManifest
from torghut.schemas.rollout.phases import LANE_PHASES
from torghut.schemas.upcasting import MessageContentError, MessageTypeError, read_message
from torghut.workflows.lane.desk.adopting import Broken, adopt_crashed, refuse_waiting
from torghut.workflows.lane.ports import LanePorts
from torghut.workflows.lane.running import lane_state
from torghut.workflows.lane.stages import stage_file
from torghut.workflows.rollout.places import run_folder
from torghut.workflows.scheduling.ports import LaneEnded, LaneRunner

_ENDED: Final = stated_type(LaneRunEnded)
_END: Final = TypeAdapter(LaneRunEnded)

Starting = Callable[[int, str], Coroutine[object, object, str]]
"""Runs ``torghut lane run --once`` under an epoch of a holder's lease, within its budget.

Returns what went wrong with the process; empty where nothing did.
"""


@dataclass(slots=True, kw_only=True)
class QueuedLane(LaneRunner):
    """Runs the lane's queue as children, one candidate after the other.

    A child may take longer than a cycle: safety cannot wait for it.

    Attributes:
        ports: To adopt what a child that was killed leaves behind.
        start: Starts a child and waits for it.
        turn: Held while a dead run is adopted: nobody else runs the lane then.
        patience_s: How long a cycle waits for a child to end; None: as long as it takes.
    """

    ports: LanePorts
    start: Starting
    turn: Callable[[], AbstractContextManager[bool]]
    patience_s: float | None = None
    _child: asyncio.Future[str] | None = None
    _before: LaneRunEnded | None = None
    _waiting: CandidateSubmitted | None = None
    _faults: dict[tuple[str, int], str] = field(default_factory=dict)

    @override
    async def current(self) -> LaneEnded | None:
        state = await lane_state(self.ports.events)
        if state.running is not None:
            state = await self._adopt()
        return None if state.last is None else self._ended(state.last)

    @override
    async def run(self, *, epoch: int, holder: str, starts: bool) -> bool:
        if self._child is None:
            before = await lane_state(self.ports.events)
            if before.running is not None:  # of a scheduler that died, and perhaps its child too
                return (await self._adopt()).running is not None
            if before.next is None or not starts:
                return False
            self._before, self._waiting = before.last, before.next
            self._child = asyncio.ensure_future(self.start(epoch, holder))
        await asyncio.wait({self._child}, timeout=self.patience_s)
        return await self._wait_over(self._child)

    async def _wait_over(self, child: asyncio.Future[str]) -> bool:
        """Say whether a run is at work after its child was waited for."""
        if not child.done():
            return True
        self._child = None
        fault = child.result()
        after = await self._adopt()
        if fault and after.last == self._before and self._waiting is not None:
            after = await self._refuse(self._waiting, fault)
        if fault and after.last is not None and after.last != self._before:
            self._faults[after.last.run_id, after.last.attempt] = fault
        return after.running is not None

    @override
    async def ended_after(self, position: int, /) -> LaneEnded | None:
        ends = await self._ends()
        return self._read(ends[-1]) if ends and ends[-1].position > position else None

    @override
    async def ended_since(self, position: int, /) -> Sequence[LaneEnded]:
        ends = await self._ends()
        before = sum(one.position <= position for one in ends)
        return [self._read(one) for one in ends[max(0, before - 1) :]]

    async def _ends(self) -> Sequence[Envelope]:
        """Return the ends of all runs, oldest first."""
        return [one for one in await self.ports.events.read_events(STREAM) if one.type == _ENDED]

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

    def _read(self, envelope: Envelope) -> LaneEnded:
        """Return how the run ended whose end is in ``envelope``."""
        return self._ended(read_event(envelope, _END, {}))

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
