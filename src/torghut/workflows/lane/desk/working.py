"""The queue worked off: dead runs adopted, the oldest submission run, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from torghut.eventlog.ports import DecisionLog
from torghut.governance.lanes.queue import LaneState, StartLaneRun
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.schemas.types import message_digest
from torghut.workflows.lane.desk.admitting import Admitting
from torghut.workflows.lane.desk.adopting import Broken, adopt_crashed, end_broken
from torghut.workflows.lane.desk.preparing import LaneTools, prepare_work
from torghut.workflows.lane.naming import candidate_id_of
from torghut.workflows.lane.ports import LanePorts
from torghut.workflows.lane.running import (
    LaneResult,
    lane_command,
    lane_state,
    run_autonomous_lane,
    told_of,
)

_DIGITS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneDesk:
    """What works the queue off.

    Attributes:
        ports: Of every run; each is admitted anew.
        tools: Of every run.
        open_log: Opens the decision log that a submission names.
        admit: Says what a run is admitted for.
    """

    ports: LanePorts
    tools: LaneTools
    open_log: Callable[[str], DecisionLog]
    admit: Admitting

    async def adopt(self) -> LaneResult | None:
        """End the run whose process is gone; only whoever holds the lane's turn may ask."""
        return await adopt_crashed(self.ports)

    async def run_next(self) -> LaneResult | None:
        """Run what has waited longest; None where nothing waits.

        What cannot even be prepared fails at the first phase, on record as a crash there.

        Raises:
            LaneBusyError: A run is at work.
            TorghutError: Governance's log or the artifact root cannot be written.
        """
        state = await lane_state(self.ports.events)
        waiting = state.next
        if waiting is None:
            return None
        try:
            log = self.open_log(waiting.asked.window.log)
        except TorghutError as error:
            return await self._refuse(waiting, state, error)
        try:
            work = await prepare_work(waiting, log, self.tools)
            admission = await self.admit(waiting, work)
        except TorghutError as error:
            await log.close()
            return await self._refuse(waiting, state, error)
        try:
            rehearse = self.tools.rehearsing.on(log, partition=waiting.asked.window.partition)
            ports = replace(self.ports, admission=admission, rehearse=rehearse)
            return await run_autonomous_lane(work, ports)
        finally:
            await log.close()

    async def _refuse(
        self, waiting: CandidateSubmitted, state: LaneState, error: TorghutError
    ) -> LaneResult:
        """Record that a submission broke before its inputs were known; its asking names the run."""
        run_id = f"lane-{message_digest(waiting.asked)[:_DIGITS]}"
        start = StartLaneRun(
            submission=waiting.submission,
            run_id=run_id,
            attempt=state.attempts.get(run_id, 0) + 1,
            candidate_id=candidate_id_of(waiting.asked.candidate),
            at_ns=self.ports.wall.now_ns(),
        )
        await lane_command(self.ports.events, start, run_id)
        found = await end_broken(
            self.ports, Broken(outcome="failed", reason="lane-crashed", detail=told_of(error))
        )
        assert found is not None  # noqa: S101 - it has just been started
        return found
