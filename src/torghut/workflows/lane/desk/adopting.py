"""A run whose process is gone: found by whoever comes next, and ended where it stood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torghut.eventlog.envelopes import Causes
from torghut.governance.lanes.queue import EndLaneRun, StartLaneRun
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    CrashLane,
    RolloutState,
    StartRun,
    read_rollout_event,
    rollout_stream,
)
from torghut.schemas.governing.lanes import CandidateSubmitted, LaneOutcome, LaneRunStarted
from torghut.schemas.rollout.run import RunPlan
from torghut.workflows.lane.losing import retain_champion, verdict_of
from torghut.workflows.lane.naming import candidate_id_of, run_id_of
from torghut.workflows.lane.ports import LanePorts
from torghut.workflows.lane.running import LaneResult, lane_command, lane_state, leave_page
from torghut.workflows.rollout.publishing import project_run, publish_run
from torghut.workflows.streams import Streams

_COMMAND: Final = "torghut lane adopt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """How a run is put on record that did not end by itself.

    Attributes:
        outcome: Killed, or failed before it came to its first phase.
        reason: A code.
        detail: What is known of it.
    """

    outcome: LaneOutcome
    reason: str
    detail: str


_KILLED: Final = Broken(
    outcome="killed",
    reason="lane-killed",
    detail="the process of the lane ended without a word",
)


async def adopt_crashed(ports: LanePorts) -> LaneResult | None:
    """End the run that is at work, whose process is known to be gone; None where none is.

    Its manifest fails at the phase that it was at. A run that recorded all its phases before it was
    killed completed, and is put on record as such. What was recorded and not published is
    published. Doing it again changes nothing.

    Raises:
        ConcurrencyConflictError: The run is alive, or somebody else adopts it.
    """
    return await end_broken(ports, _KILLED)


async def end_broken(ports: LanePorts, broken: Broken) -> LaneResult | None:
    """End the run at work as ``broken`` says, unless it completed; None where none is at work."""
    state = await lane_state(ports.events)
    if state.running is None or state.at_work is None:
        return None
    started, submission = state.running, state.at_work
    rollout = await _ensure_ended(ports, started, submission, broken.detail)
    run = await project_run(ports.events, started.run_id, attempt=started.attempt)
    published = publish_run(run, ports.store)
    manifest, own_copy = published.current, published.place
    crashed, at_ns = rollout.crashed, ports.wall.now_ns()
    reason = "lane-completed" if crashed is None else broken.reason
    verdict = verdict_of(rollout)
    if verdict != "promote":
        await retain_champion(
            ports.events, submission, run_id=started.run_id, reason=reason, at_ns=at_ns
        )
    end = EndLaneRun(
        run_id=started.run_id,
        attempt=started.attempt,
        outcome="completed" if crashed is None else broken.outcome,
        phase=None if crashed is None else crashed.phase,
        reason=reason,
        manifest=own_copy,
        content_hash=manifest.content_hash,
        signals=_counted(rollout, "slo_signal_count_minimum"),
        decisions=_counted(rollout, "slo_decision_count_minimum"),
        at_ns=at_ns,
    )
    await lane_command(ports.events, end, started.run_id)
    ended = (await lane_state(ports.events)).last
    assert ended is not None  # noqa: S101 - it has just been recorded
    leave_page(ports, manifest)
    target = manifest.requested_promotion_target
    return LaneResult(
        ended=ended,
        manifest=manifest,
        own_copy=own_copy,
        verdict=verdict if crashed is None else "",
        target=target,
    )


def _counted(rollout: RolloutState, gate: str) -> int:
    """Return what a count of the evaluation came to; 0 where the run did not come to it."""
    rows = rollout.phases[0].gates if rollout.phases else ()
    return next((int(row.value or 0) for row in rows if row.id == gate), 0)


async def refuse_waiting(
    ports: LanePorts, waiting: CandidateSubmitted, broken: Broken
) -> LaneResult:
    """Record that a submission broke before its inputs were known; its asking names the run.

    Raises:
        LaneBusyError: A run is at work.
        SubmissionUnknownError: It waits no more.
    """
    run_id = run_id_of(waiting.asked)
    state = await lane_state(ports.events)
    start = StartLaneRun(
        submission=waiting.submission,
        run_id=run_id,
        attempt=state.attempts.get(run_id, 0) + 1,
        candidate_id=candidate_id_of(waiting.asked.candidate),
        at_ns=ports.wall.now_ns(),
    )
    await lane_command(ports.events, start, run_id)
    found = await end_broken(ports, broken)
    assert found is not None  # noqa: S101 - it has just been started
    return found


async def _ensure_ended(
    ports: LanePorts, started: LaneRunStarted, submission: CandidateSubmitted, detail: str
) -> RolloutState:
    """Return the run's state after its lane has ended, which it is made to where it has not."""
    stream = rollout_stream(started.run_id, started.attempt)
    causes = Causes(correlation_id=started.run_id, causation_id=_COMMAND)
    streams = Streams(ports.events)
    state = await streams.state(ROLLOUT, read_rollout_event, stream)
    at_ns = ports.wall.now_ns()
    if state.started is None:  # killed between the two first events
        start = StartRun(plan=_plan(ports, started, submission), at_ns=at_ns)
        await streams.run(ROLLOUT, read_rollout_event, stream, start, causes=causes)
    if state.completed is None and state.crashed is None:
        crash = CrashLane(detail=detail, at_ns=at_ns)
        await streams.run(ROLLOUT, read_rollout_event, stream, crash, causes=causes)
    return await streams.state(ROLLOUT, read_rollout_event, stream)


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
