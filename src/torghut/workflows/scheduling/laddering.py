"""The exposure ladder as a cycle looks at it: windows measured on the log, drills on the pages.

Latency stands in no decision log, so each cycle puts on record what workers' pages count of it,
from the first stage on: a stage that allows live then begins with windows that are covered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from typing_extensions import override

from torghut.eventlog.ports import DecisionLog
from torghut.governance.slo.latency import LatencyState
from torghut.governance.stages.caps import caps_in_force
from torghut.kernel.clock import WallClock
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.declarations.staging.ladder import ExposurePolicy
from torghut.schemas.declarations.staging.slo import SloPolicy, WindowName
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.schemas.live.worker import WorkerStatus
from torghut.schemas.staging.slo_window import SloWindow
from torghut.workflows.aggregates import LATENCIES, Governance
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.scheduling.ports import ExposureLadder, LadderSeen
from torghut.workflows.scheduling.seen.opening import opened
from torghut.workflows.slo.measuring import readings, span_of
from torghut.workflows.slo.reading import SETTLED_NS, read_pages, windows_with
from torghut.workflows.slo.walking import count_window
from torghut.workflows.staging.capping import ReasoningAllowed, reasoning_allowed
from torghut.workflows.staging.climbing import (
    Look,
    drill_age_ms,
    is_switched,
    ladder_standing,
    look,
)
from torghut.workflows.staging.moving import stage_state


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLadder(ExposureLadder):
    """Looks at the ladder while the stage in force allows live; there is nothing to climb before.

    Attributes:
        governance: The streams.
        opening: Opens the log for reading.
        log: Its name or path; of other logs' workers the latency is none of its.
        pages: Returns the workers.
        live: Whether contexts are decided as they come; of recorded data there is no latency.
        wall: Tells how long ago a drill was, and when pages were read.
        roadmap: The declared stages.
        policy: Of the ladder.
        slo: The declared service levels.
        budget_ms: Longest that measuring may take.
    """

    governance: Governance
    opening: Callable[[], DecisionLog]
    log: str
    pages: Callable[[], Sequence[WorkerSeen]]
    wall: WallClock
    roadmap: StageRoadmap
    policy: ExposurePolicy
    slo: SloPolicy
    budget_ms: int
    live: bool = True

    @override
    async def lets_route(self) -> bool:
        state = await stage_state(self.governance.streams)
        return state.entered is None or caps_in_force(state, self.roadmap).router_mode == "live"

    @override
    async def lets_reason(self) -> ReasoningAllowed | None:
        return await reasoning_allowed(self.governance.streams, self.roadmap)

    @override
    async def unanswered(self, *, now_ns: int) -> Reading:
        window = span_of(self.slo.windows[0], now_ns)
        try:
            async with opened(self.opening, self.budget_ms) as log:
                counts = await count_window(log, after_ns=window.after_ns, to_ns=window.to_ns)
        except (TorghutError, TimeoutError):
            return reading_of(None, samples=0)
        return readings(counts, (window.after_ns, window.to_ns), None)["reasoning-fallback-ratio"]

    @override
    async def review(self, *, now_ns: int, run: tuple[str, int] | None) -> LadderSeen:
        streams = self.governance.streams
        remarks = await self._read_latency(now_ns)
        if (await ladder_standing(streams, self.roadmap)).allowed.target != "live":
            return LadderSeen(cap=None, remarks=remarks)
        workers = self._workers()
        told = Look(
            at_ns=now_ns,
            windows=await self._windows(now_ns - SETTLED_NS),
            run=run,
            drill_age_ms=drill_age_ms(workers, self.wall.now_ns()),
            switched=is_switched(workers),
            causes=self.governance.causes,
        )
        after = await look(streams, told, roadmap=self.roadmap, policy=self.policy, slo=self.slo)
        return LadderSeen(cap=after.cap, remarks=remarks)

    async def _read_latency(self, now_ns: int) -> tuple[str, ...]:
        """Put on record what the workers' pages count, once anybody leads a rollout.

        What cannot be read or is refused stays unseen, and counts as slow; that is to be said.
        """
        if not self.live or (await stage_state(self.governance.streams)).entered is None:
            return ()
        try:
            pages = self.pages()
        except TorghutError as error:
            return (f"exposure: no latency, for pages cannot be read: {error}",)
        own = [one for one in pages if one.status is not None and self._decides(one.status)]
        if pages and not own:
            return (f"exposure: no latency, for no page is of a worker that decides {self.log}",)
        refused = await read_pages(self.governance, own, max(now_ns, self.wall.now_ns()))
        return tuple(f"exposure: {one.code}, {len(refused)} pages: {one}" for one in refused[:1])

    def _decides(self, status: WorkerStatus) -> bool:
        """Say whether a worker decides this log, which each may know by a path of its own."""
        return PurePath(status.log).name == PurePath(self.log).name

    async def _windows(self, to_ns: int) -> Mapping[WindowName, SloWindow]:
        """Return the windows as measured; one that cannot be measured is not there, and fails."""
        readings = await self.governance.state(LATENCIES) if self.live else LatencyState()
        try:
            async with opened(self.opening, self.budget_ms) as log:
                return await windows_with(log, readings, to_ns, self.slo)
        except (TorghutError, TimeoutError):
            return {}

    def _workers(self) -> Sequence[WorkerSeen]:
        """Return the workers; none where pages cannot be read, and then no drill is known."""
        try:
            return self.pages()
        except TorghutError:
            return ()
