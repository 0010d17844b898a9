"""One look at the exposure ladder: windows measured, controls read, the ladder decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import DecisionLog
from torghut.governance.exposure.ladder import LADDER, LadderState, exposure_cap
from torghut.governance.exposure.looking import ReviewExposure
from torghut.governance.stages.caps import caps_in_force
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.roadmap import StageCaps, StageRoadmap
from torghut.schemas.declarations.staging.ladder import ExposurePolicy
from torghut.schemas.declarations.staging.slo import SloPolicy, WindowName
from torghut.schemas.staging.exposure import EXPOSURE_EVENT, ExposureEvent, ExposureReviewed
from torghut.schemas.staging.slo_window import SloWindow
from torghut.workflows.aggregates import SIGNALS, STOP_LATCH, Aggregate, Governance, rollback_of
from torghut.workflows.live.switch_ports import DRILL_ID, WorkerSeen
from torghut.workflows.slo.measuring import LatencyCounts, measure
from torghut.workflows.staging.moving import stage_state
from torghut.workflows.staging.unseen import Run, Unseen, place_of, unseen
from torghut.workflows.streams import Streams

LADDER_STREAM: Final = "ladder-main"
"""The one stream of the exposure ladder."""

_LADDER: Final[Aggregate[ReviewExposure, ExposureEvent, LadderState]] = Aggregate(
    stream=LADDER_STREAM, decider=LADDER, events=EXPOSURE_EVENT
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at the ladder is told that no stream knows.

    Attributes:
        at_ns: Receive clock; the windows end then.
        windows: As measured.
        run: Whose rollback counts, and which attempt at it; None where no candidate runs.
        drill_age_ms: Of the last drill that every living worker acknowledged; None without one.
        causes: Of what is put on record.
        switched: Whether a switch is in force on a living worker.
        by_hand: Whether a person looks: then the ladder falls or stays, and no window counts.
    """

    at_ns: int
    windows: Mapping[WindowName, SloWindow]
    run: Run | None
    drill_age_ms: int | None
    causes: Causes
    switched: bool = False
    by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the ladder stands.

    Attributes:
        state: Of the ladder.
        allowed: By the stage in force.
        cap: Notional that is given now, for each symbol.
    """

    state: LadderState
    allowed: StageCaps
    cap: Decimal


async def ladder_standing(streams: Streams, roadmap: StageRoadmap) -> Standing:
    """Return where the ladder stands under the stage in force; nothing is put on record."""
    state = await streams.state(LADDER, _LADDER.read, LADDER_STREAM)
    allowed = caps_in_force(await stage_state(streams), roadmap)
    return Standing(state=state, allowed=allowed, cap=exposure_cap(state, allowed))


def drill_age_ms(workers: Sequence[WorkerSeen], now_ns: int) -> int | None:
    """Return how long ago every living worker had acknowledged a drill; None where one has not.

    Args:
        workers: As their pages show them.
        now_ns: Wall time.
    """
    ends = [_drilled_ns(one) for one in workers if one.alive]
    known = [one for one in ends if one is not None]
    if not known or len(known) < len(ends):
        return None
    return max(0, now_ns - min(known)) // NS_PER_MS


def is_switched(workers: Sequence[WorkerSeen]) -> bool:
    """Say whether a switch is in force on a living worker, by its own page."""
    return any(one.alive and one.status is not None and one.status.switches for one in workers)


def _drilled_ns(worker: WorkerSeen) -> int | None:
    """Return when a worker acknowledged its last drill; None if it has not."""
    if worker.status is None:
        return None
    drills = [one for one in worker.status.acknowledged if one.throw_id.startswith(DRILL_ID)]
    return max((one.wall_ns for one in drills), default=None)


async def measured_windows(
    log: DecisionLog, at_ns: int, policy: SloPolicy, latency: Mapping[WindowName, LatencyCounts]
) -> Mapping[WindowName, SloWindow]:
    """Return every declared window of ``log`` that ends at ``at_ns``, judged.

    Args:
        log: Of decisions.
        at_ns: Receive time.
        policy: The declared service levels.
        latency: In each window; one that is not there is missing.
    """
    found = await measure(log, at_ns, policy.windows, policy=policy, latency=latency)
    return {one.window.name: one.window for one in found}


async def look(
    streams: Streams,
    told: Look,
    *,
    roadmap: StageRoadmap,
    policy: ExposurePolicy,
    slo: SloPolicy,
) -> Standing:
    """Look at the ladder once, put on record what was seen, and return where it stands then."""
    governance = Governance(streams=streams, causes=told.causes)
    seen_to = await place_of(governance, told.run)
    before = await ladder_standing(streams, roadmap)
    last = before.state.reviewed
    since = await _since(governance, told.run, last)
    latch = await governance.state(STOP_LATCH)
    continuity = await governance.state(SIGNALS)
    entered = (await stage_state(streams)).entered
    command = ReviewExposure(
        review=1 if last is None else last.review + 1,
        at_ns=told.at_ns,
        caps=before.allowed,
        windows=told.windows,
        stopped=since.stopped or latch.incident is not None,
        continuity_alert=continuity.alert_id is not None,
        rollback=since.rolled_back or await _is_rolling_back(governance, told.run),
        on_paper=since.on_paper,
        switched=told.switched,
        by_hand=told.by_hand,
        entered_ns=0 if entered is None else entered.at_ns,
        drill_age_ms=told.drill_age_ms,
        seen_to=seen_to,
        policy=policy,
        slo=slo,
    )
    await governance.run(_LADDER, command)
    return await ladder_standing(streams, roadmap)


async def _since(governance: Governance, run: Run | None, last: ExposureReviewed | None) -> Unseen:
    """Return what came since the last look; before the first there is nothing to lose."""
    if last is None:
        return Unseen()
    # Looks did not always say up to where they saw: then it was no further than their own place.
    after = await governance.place(_LADDER) if last.seen_to is None else last.seen_to
    return await unseen(governance, run, after=after)


async def _is_rolling_back(governance: Governance, run: Run | None) -> bool:
    """Say whether a run's candidate was taken back and nothing proves yet that it is gone."""
    if run is None:
        return False
    state = await governance.state(rollback_of(*run))
    if state.triggered is None or state.superseded is not None:
        return False
    return state.judged is None or state.judged.status != "pass"
