"""A run whose process is gone: found by whoever comes next, and ended where it stood."""

from __future__ import annotations

from typing import Final

from torghut.eventlog.envelopes import Causes
from torghut.governance.lanes.queue import EndLaneRun, LaneState
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    CrashLane,
    RolloutState,
    StartRun,
    read_rollout_event,
    rollout_stream,
)
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneRunEnded, LaneRunStarted
from torghut.schemas.rollout.run import RunPlan
from torghut.workflows.handle import handle
from torghut.workflows.lane.ports import LanePorts
from torghut.workflows.lane.running import lane_command, lane_state
from torghut.workflows.rollout.places import run_manifest
from torghut.workflows.rollout.publishing import project_manifest, publish_manifest

_DETAIL: Final = "the process of the lane ended without a word"
_COMMAND: Final = "torghut lane adopt"


async def adopt_crashed(ports: LanePorts) -> LaneRunEnded | None:
    """End the run that is at work, whose process is known to be gone; None where none is.

    Its manifest fails at the phase that it was at. A run that recorded all its phases before it was
    killed completed, and is put on record as such. What was recorded and not published is
    published. Doing it again changes nothing.

    Raises:
        ConcurrencyConflictError: The run is alive, or somebody else adopts it.
    """
    state = await lane_state(ports)
    if state.running is None or state.at_work is None:
        return None
    started = state.running
    rollout = await _ensure_ended(ports, started, state.at_work)
    manifest = await project_manifest(ports.events, started.run_id, attempt=started.attempt)
    publish_manifest(manifest, ports.store)
    crashed = rollout.crashed
    end = EndLaneRun(
        run_id=started.run_id,
        attempt=started.attempt,
        outcome="completed" if crashed is None else "killed",
        phase=None if crashed is None else crashed.phase,
        reason="lane-completed" if crashed is None else "lane-killed",
        manifest=run_manifest(manifest),
        content_hash=manifest.content_hash,
        signals=0,
        decisions=0,
        at_ns=ports.wall.now_ns(),
    )
    await lane_command(ports, end, started.run_id)
    after: LaneState = await lane_state(ports)
    return after.last


async def _ensure_ended(
    ports: LanePorts, started: LaneRunStarted, submission: CandidateSubmitted
) -> RolloutState:
    """Return the run's state after its lane has ended, which it is made to where it has not."""
    stream = rollout_stream(started.run_id, started.attempt)
    causes = Causes(correlation_id=started.run_id, causation_id=_COMMAND)
    state = await _rollout_state(ports, stream)
    at_ns = ports.wall.now_ns()
    if state.started is None:  # killed between the two first events
        start = StartRun(plan=_plan(ports, started, submission), at_ns=at_ns)
        await handle(ports.events, ROLLOUT, read_rollout_event, stream, start, causes=causes)
    if state.completed is None:
        crash = CrashLane(detail=_DETAIL, at_ns=at_ns)
        await handle(ports.events, ROLLOUT, read_rollout_event, stream, crash, causes=causes)
    return await _rollout_state(ports, stream)


async def _rollout_state(ports: LanePorts, stream: str) -> RolloutState:
    """Return what a run's events come to."""
    envelopes = await ports.events.read_events(stream)
    return ROLLOUT.fold(read_rollout_event(envelope) for envelope in envelopes)


def _plan(ports: LanePorts, started: LaneRunStarted, submission: CandidateSubmitted) -> RunPlan:
    """Return the plan of a run that did not come to say it: for what it asked, which fails."""
    asked = submission.asked
    return RunPlan(
        run_id=started.run_id,
        attempt=started.attempt,
        candidate_id=started.candidate_id,
        execution_context=asked.context,
        asked_promotion_target=asked.target,
        requested_promotion_target=asked.target,
        missing_for_live=(),
        cycle_length_s=ports.cycle_length_s,
    )
