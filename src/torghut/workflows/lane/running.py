"""``run_autonomous_lane``: five phases in their order, the only producer of the phase manifest.

Everything is an event first; the manifest is published after each. A phase that breaks is a
recorded crash at that phase. A process that is killed says nothing: whoever comes next adopts its
run (``adopt_crashed``), and the manifest fails where it stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import EventStore
from torghut.governance.lanes.queue import (
    LANES,
    STREAM,
    EndLaneRun,
    LaneCommand,
    LaneState,
    StartLaneRun,
    read_lane_event,
)
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.judging import status_of_gates
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    CompleteLane,
    CrashLane,
    RecordPhase,
    RolloutCommand,
    StartRun,
    read_rollout_event,
    rollout_stream,
)
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.lanes import LaneOutcome, LaneRunEnded
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.phases import LANE_PHASES, PhaseName, PhaseStatus
from torghut.schemas.rollout.run import RunPlan
from torghut.workflows.lane.evidence import RunFiles
from torghut.workflows.lane.losing import retain_champion
from torghut.workflows.lane.naming import plan_of, run_id_of
from torghut.workflows.lane.phases import (
    PhaseDone,
    canary_done,
    drift_done,
    evaluation_done,
    prerequisites_done,
    readiness_done,
)
from torghut.workflows.lane.ports import LanePorts, LaneWork
from torghut.workflows.lane.stages import stage_file, stage_manifest
from torghut.workflows.rollout.places import REVIEW, run_folder, run_manifest
from torghut.workflows.rollout.publishing import project_run, publish_run
from torghut.workflows.streams import Streams

COMMAND: Final = "torghut lane run"
"""What causes the events of a run."""

_NOT_TRIGGERED: Final = RollbackFacts(triggered=False)
"""While its lane runs, nothing of a run serves that could be taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneResult:
    """What a run of the lane came to, for whoever started it.

    Attributes:
        ended: As it stands on record.
        manifest: As last published.
        own_copy: Where the run's own copy of it is.
        verdict: ``promote``, ``no-op``, ``deny``, ``insufficient``; empty where it broke off.
        target: That was requested in the end.
    """

    ended: LaneRunEnded
    manifest: PhaseManifest
    own_copy: str
    verdict: str
    target: str


@dataclass(slots=True, kw_only=True)
class _Run:
    """A run at work.

    Attributes:
        lineage: Of the last link; of none, the digest of the inputs.
        links: Stage manifests so far.
        statuses: Of the phases so far.
    """

    work: LaneWork
    ports: LanePorts
    plan: RunPlan
    files: RunFiles
    inputs: EvidenceReference
    lineage: str
    links: list[EvidenceReference] = field(default_factory=list)
    cited: list[EvidenceReference] = field(default_factory=list)
    statuses: list[PhaseStatus] = field(default_factory=list)
    verdict: str = ""
    reason: str = ""
    signals: int = 0
    decisions: int = 0

    @property
    def causes(self) -> Causes:
        """Return why its events are appended."""
        return Causes(correlation_id=self.plan.run_id, causation_id=COMMAND)

    async def record(self, command: RolloutCommand) -> PhaseManifest:
        """Append what a command causes, and publish the manifest; a reader sees old or new."""
        plan, ports = self.plan, self.ports
        stream = rollout_stream(plan.run_id, plan.attempt)
        await Streams(ports.events).run(
            ROLLOUT, read_rollout_event, stream, command, causes=self.causes
        )
        run = await project_run(ports.events, plan.run_id, attempt=plan.attempt)
        return publish_run(run, ports.store).current


async def run_autonomous_lane(work: LaneWork, ports: LanePorts) -> LaneResult:
    """Take a submitted candidate through the lane's phases, and return what came of it.

    Whatever breaks inside a phase is recorded as a crash there, and the manifest fails there.

    Raises:
        LaneBusyError: Another run is at work.
        ConcurrencyConflictError: Somebody else appended to the run's streams.
        LogWriteError: Governance's log cannot be written.
        ArtifactUnwritableError: The artifact root cannot be written.
    """
    run = await _begin(work, ports)
    await run.record(StartRun(plan=run.plan, at_ns=ports.wall.now_ns()))
    for place, phase in enumerate(LANE_PHASES):
        ports.told(phase, "", place / len(LANE_PHASES))
        try:
            done = await _phase_done(run, phase)
            link = _link(run, phase, done)
        except Exception as error:  # noqa: BLE001 - any fault of a phase is a crash on record
            return await _crashed(run, phase, error)
        await run.record(
            RecordPhase(
                phase=phase,
                gates=done.gates,
                at_ns=ports.wall.now_ns(),
                observations=done.observations,
                artifact_refs=(*done.outputs, link),
            )
        )
    manifest = await run.record(CompleteLane(rollback=_NOT_TRIGGERED, at_ns=ports.wall.now_ns()))
    reason = run.reason if run.statuses[0] == "fail" else _reason(manifest)
    return await _ended(run, manifest, "completed", None, reason)


async def _begin(work: LaneWork, ports: LanePorts) -> _Run:
    """Put the run on record, under the next attempt of its inputs, and write the inputs down."""
    run_id = run_id_of(work.inputs)
    attempt = (await lane_state(ports.events)).attempts.get(run_id, 0) + 1
    plan = plan_of(
        work.inputs,
        ports.admission,
        asked=work.submission.asked.target,
        attempt=attempt,
        context=work.submission.asked.context,
        cycle_length_s=ports.cycle_length_s,
    )
    start = StartLaneRun(
        submission=work.submission.submission,
        run_id=run_id,
        attempt=attempt,
        candidate_id=plan.candidate_id,
        at_ns=ports.wall.now_ns(),
    )
    await lane_command(ports.events, start, run_id)
    files = RunFiles(
        store=ports.store,
        folder=run_folder(run_id, attempt),
        run_id=run_id,
        candidate_id=plan.candidate_id,
        wall=ports.wall,
    )
    inputs = files.keep(work.inputs, "inputs.json")
    return _Run(
        work=work, ports=ports, plan=plan, files=files, inputs=inputs, lineage=inputs.sha256
    )


async def _phase_done(run: _Run, phase: PhaseName) -> PhaseDone:
    """Return what a phase comes to."""
    ports, work, target = run.ports, run.work, run.plan.requested_promotion_target
    if phase == "gate-evaluation":
        return await _evaluated(run)
    if phase == "promotion-prerequisites":
        required = [run.inputs, *run.cited, *run.links]
        return prerequisites_done(run.files, _once(required), await work.intact())
    if phase == "rollback-readiness":
        rehearsed = await ports.rehearse()
        now_ns = ports.wall.now_ns()
        return readiness_done(run.files, rehearsed, ports.admission, target, now_ns)
    if phase == "drift-gate":
        drift, now_ns = await ports.drift(), ports.wall.now_ns()
        return drift_done(run.files, drift, target, now_ns, max_age_ms=ports.drift_max_age_ms)
    passed = all(status == "pass" for status in run.statuses)
    return canary_done(run.files, work, ports.admission, passed=passed, lineage=run.inputs.sha256)


async def _evaluated(run: _Run) -> PhaseDone:
    """Return gate evaluation, and keep what is reported of it."""

    def told(what: str, far: float) -> None:
        run.ports.told("gate-evaluation", what, far / len(LANE_PHASES))

    found = await run.work.evaluate(run.files, told)
    run.signals, run.decisions = found.signals, found.decisions
    run.verdict = str(found.observations.get("verdict", ""))
    run.reason = str(found.observations.get("reason", ""))
    return evaluation_done(run.files, found, run.inputs)


def _once(references: Sequence[EvidenceReference]) -> Sequence[EvidenceReference]:
    """Return references in their order, each once."""
    return list(dict.fromkeys(references))


def _link(run: _Run, phase: PhaseName, done: PhaseDone) -> EvidenceReference:
    """Write a phase's stage manifest, and return its citation."""
    status = status_of_gates(phase, run.plan.requested_promotion_target, done.gates)
    manifest = stage_manifest(
        run.files,
        attempt=run.plan.attempt,
        phase=phase,
        status=status,
        put=(done.inputs, done.cited),
        previous=run.lineage,
    )
    reference = run.files.keep(manifest, stage_file(phase))
    run.lineage = manifest.lineage
    run.links.append(reference)
    run.cited.extend(done.cited)
    run.statuses.append(status)
    return reference


async def _crashed(run: _Run, phase: PhaseName, error: Exception) -> LaneResult:
    """Record that a phase broke, and end the run."""
    at_ns = run.ports.wall.now_ns()
    manifest = await run.record(CrashLane(detail=told_of(error), at_ns=at_ns))
    return await _ended(run, manifest, "failed", phase, "lane-crashed")


def told_of(error: Exception) -> str:
    """Return what is known of an error, in one line: its code or name, and what it says."""
    code = error.code if isinstance(error, TorghutError) else type(error).__name__
    return " ".join(f"{code}: {error}".split())


async def _ended(
    run: _Run,
    manifest: PhaseManifest,
    outcome: LaneOutcome,
    phase: PhaseName | None,
    reason: str,
) -> LaneResult:
    """Put the end of a run on record, whose candidate may have lost, and return it."""
    own_copy, at_ns = run_manifest(manifest), run.ports.wall.now_ns()
    if run.verdict != "promote":
        await retain_champion(
            run.ports.events,
            run.work.submission,
            run_id=run.plan.run_id,
            reason=reason,
            at_ns=at_ns,
        )
    end = EndLaneRun(
        run_id=run.plan.run_id,
        attempt=run.plan.attempt,
        outcome=outcome,
        phase=phase,
        reason=reason,
        manifest=own_copy,
        content_hash=manifest.content_hash,
        signals=run.signals,
        decisions=run.decisions,
        at_ns=at_ns,
    )
    await lane_command(run.ports.events, end, run.plan.run_id)
    ended = (await lane_state(run.ports.events)).last
    assert ended is not None  # noqa: S101 - it has just been recorded
    leave_page(run.ports, manifest)
    return LaneResult(
        ended=ended,
        manifest=manifest,
        own_copy=own_copy,
        verdict=run.verdict,
        target=run.plan.requested_promotion_target,
    )


def leave_page(ports: LanePorts, manifest: PhaseManifest) -> None:
    """Put a run's page beside its manifest; the run has ended on record, with or without it."""
    if ports.page is not None:
        folder = run_folder(manifest.run_id, manifest.observation_summary.attempt)
        ports.store.replace(f"{folder}/{REVIEW}", ports.page(manifest))


def _reason(manifest: PhaseManifest) -> str:
    """Return why a manifest is as it is: its first failing gate, or that none of the lane fails."""
    for phase in manifest.phases[: len(LANE_PHASES)]:
        if phase.status == "fail":
            rows = [row for row in phase.slo_gates if row.status in ("fail", "insufficient")]
            return (rows[0].reason if rows else None) or "phase-failed"
    return "lane-passed"


async def lane_command(events: EventStore, command: LaneCommand, correlation_id: str) -> None:
    """Append what a command to the queue causes; submissions may come in between."""
    causes = Causes(correlation_id=correlation_id, causation_id=COMMAND)
    await Streams(events).run(LANES, read_lane_event, STREAM, command, causes=causes)


async def lane_state(events: EventStore) -> LaneState:
    """Return what the queue's events come to."""
    return await Streams(events).state(LANES, read_lane_event, STREAM)
