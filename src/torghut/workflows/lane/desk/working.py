"""The queue worked off: dead runs adopted, the oldest submission run, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.workflows.lane.desk.admitting import Admitting
from torghut.workflows.lane.desk.adopting import Broken, adopt_crashed, refuse_waiting
from torghut.workflows.lane.desk.preparing import LaneTools, prepare_work
from torghut.workflows.lane.ports import LanePorts
from torghut.workflows.lane.running import (
    LaneResult,
    lane_state,
    run_autonomous_lane,
    told_of,
)


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
        waiting = (await lane_state(self.ports.events)).next
        if waiting is None:
            return None
        try:
            log = self.open_log(waiting.asked.window.log)
        except TorghutError as error:
            return await refuse_waiting(self.ports, waiting, _broken(error))
        try:
            work = await prepare_work(waiting, log, self.tools)
            admission = await self.admit(waiting, work)
        except TorghutError as error:
            await log.close()
            return await refuse_waiting(self.ports, waiting, _broken(error))
        try:
            rehearse = self.tools.rehearsing.on(log, partition=waiting.asked.window.partition)
            ports = replace(self.ports, admission=admission, rehearse=rehearse)
            return await run_autonomous_lane(work, ports)
        finally:
            await log.close()


def _broken(error: TorghutError) -> Broken:
    """Return how a run is put on record that broke before it was begun."""
    return Broken(outcome="failed", reason="lane-crashed", detail=told_of(error))
