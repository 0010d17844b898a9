"""The lane as a child of the scheduler: whatever becomes of it, the scheduler goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from torghut import standby
from torghut.eventlog.ports import EventStore
from torghut.governance.lanes.queue import LaneState
from torghut.kernel.errors import ExitCode
from torghut.schemas.rollout.phases import LANE_PHASES
from torghut.settings import artifact_dir
from torghut.workflows.aggregates import Governance, rollout_of
from torghut.workflows.lane.adopting import adopt_crashed
from torghut.workflows.lane.ports import LanePorts
from torghut.workflows.lane.running import lane_state
from torghut.workflows.scheduling.ports import LaneEnded, LaneRunner

STAGE: Final = "rollout.stage-manifest.v1"
_FAULT_LETTERS: Final = 300
_MS_PER_S: Final = 1000


@dataclass(slots=True, kw_only=True)
class ChildLane(LaneRunner):
    """Runs ``torghut lane run`` for as long as declared, and ends what it leaves undone.

    Attributes:
        command: That runs the lane once, without the lease that it writes under.
        events: Governance's log.
        governance: The same as streams.
        ports: What ends a run whose process is gone.
        budget_ms: Longest that a run may take.
    """

    command: Sequence[str]
    events: EventStore
    governance: Governance
    ports: LanePorts
    budget_ms: int
    _faults: dict[tuple[str, int], str] = field(default_factory=dict)

    @override
    async def current(self) -> LaneEnded | None:
        state = await lane_state(self.events)
        if state.running is not None and await self._adopt():
            state = await lane_state(self.events)
        return await self._last(state)

    @override
    async def run(self, *, epoch: int, holder: str) -> LaneEnded | None:
        state = await lane_state(self.events)
        if state.next is None and state.running is None:
            return None
        before = state.last
        fault = await self._child(epoch, holder)
        await self._adopt()
        state = await lane_state(self.events)
        if state.last is None or state.last == before:
            return None  # another process has the lane's turn, or it never came to a run
        if fault:
            self._faults[state.last.run_id, state.last.attempt] = fault
        return await self._last(state)

    async def _child(self, epoch: int, holder: str) -> str:
        """Run the lane in a child and return what went wrong; empty where nothing did."""
        child = await asyncio.create_subprocess_exec(
            *self.command,
            "--under",
            f"{epoch}:{holder}",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self.budget_ms / _MS_PER_S):
                _, said = await child.communicate()
        except TimeoutError:
            return f"killed: it took longer than {self.budget_ms} ms"
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode in (ExitCode.YES, ExitCode.NO):
            return ""
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        return f"exit status {child.returncode}: {' '.join(last)[:_FAULT_LETTERS]}"

    async def _adopt(self) -> bool:
        """End the run whose process is gone, if there is one; False while another has the turn."""
        try:
            with standby.lane_turn(artifact_dir()):
                await adopt_crashed(self.ports)
        except standby.TurnTakenError:
            return False
        return True

    async def _last(self, state: LaneState) -> LaneEnded | None:
        """Return the run that was started last."""
        if state.running is not None:
            return LaneEnded(run_id=state.running.run_id, attempt=state.running.attempt)
        last = state.last
        if last is None:
            return None
        failure = ""
        if last.outcome != "completed":
            known = self._faults.get((last.run_id, last.attempt), last.reason)
            failure = f"{last.outcome} at {last.phase or LANE_PHASES[0]}: {known}"
        return LaneEnded(
            run_id=last.run_id,
            attempt=last.attempt,
            failure=failure,
            traces=await self._traces(last.run_id, last.attempt),
        )

    async def _traces(self, run_id: str, attempt: int) -> tuple[str, ...]:
        """Return the digests of a run's stage manifests, each of which names the one before."""
        run = await self.governance.state(rollout_of(run_id, attempt))
        return tuple(
            one.sha256 for done in run.phases for one in done.artifact_refs if one.schema_ == STAGE
        )
