"""A cycle's last word on runs: the one that just ended made final, the current one reassessed."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.governance.rollouts.evidence import Subject
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.manifest import manifest_bytes
from torghut.governance.rollouts.rollout import CrashLane, FinaliseRun, ReassessRun, RolloutState
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.run import DriftStatus
from torghut.workflows.aggregates import rollout_of
from torghut.workflows.rollout.publishing import publish_run
from torghut.workflows.scheduling.office import Office, Turn
from torghut.workflows.scheduling.ports import LaneEnded
from torghut.workflows.scheduling.steps.rolling_back import RunSubject


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The current manifest as it was published.

    Attributes:
        manifest: What it says.
        evidence: The run's own copy, which later cycles do not change.
    """

    manifest: PhaseManifest
    evidence: Evidence


async def end_broken_lane(office: Office, turn: Turn, ran: LaneEnded) -> None:
    """Record that a lane broke off that never said how it ended; one that did is left alone."""
    stream = rollout_of(ran.run_id, ran.attempt)
    state = await office.governance.state(stream)
    if state.started is not None and not state.ended:
        detail = ran.failure or "found broken off"
        await office.governance.run(stream, CrashLane(detail=detail, at_ns=turn.now_ns))


async def run_subject(office: Office, ran: LaneEnded) -> RunSubject | None:
    """Return a run with what evidence of it must be about; None where it never started."""
    state = await office.governance.state(rollout_of(ran.run_id, ran.attempt))
    if state.started is None:
        return None
    subject = Subject(run_id=ran.run_id, candidate_id=state.started.plan.candidate_id)
    return RunSubject(run_id=ran.run_id, attempt=ran.attempt, subject=subject)


async def say_last_word(
    office: Office,
    turn: Turn,
    run: RunSubject,
    *,
    drift: DriftStatus | None,
    rollback: RollbackFacts,
) -> Published:
    """Finalise a run whose lane has ended, or reassess one that is final, and publish it."""
    stream = rollout_of(run.run_id, run.attempt)
    state = await office.governance.state(stream)
    kind = FinaliseRun if state.finalised is None else ReassessRun
    await office.governance.run(
        stream, kind(drift_status=drift, rollback=rollback, at_ns=turn.now_ns)
    )
    return publish(office, await office.governance.state(stream))


def publish(office: Office, state: RolloutState) -> Published:
    """Publish the manifests of a run, and return the current one."""
    written = publish_run(state, office.store, key=office.key)
    digest = sha256_hex(manifest_bytes(written.own))
    evidence = Evidence(path=written.place, sha256=digest)
    return Published(manifest=written.current, evidence=evidence)
