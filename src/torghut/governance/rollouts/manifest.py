"""The phase manifest as a projection: the same events give the same bytes, whoever rebuilds it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from torghut.governance.rollouts.errors import RunNotStartedError
from torghut.governance.rollouts.rendering import phases_of, rollback_of
from torghut.governance.rollouts.rollout import RolloutState
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.times import moment, moment_ns
from torghut.kernel.units import NS_PER_S
from torghut.schemas.rollout.events import RollbackJudged
from torghut.schemas.rollout.manifest import (
    SCHEMA_VERSION,
    ManifestDocument,
    ObservationSummary,
    PhaseManifest,
    RollbackProof,
    RuntimeGovernance,
    references_of,
    status_of,
    transitions_of,
)
from torghut.schemas.rollout.phases import PhaseStatus

NOT_FINALISED: Final = "not-finalised"
"""Why a manifest that nobody finalised in time is a fail, for whoever reads it."""

_CYCLES: Final = 2


def manifest_of(state: RolloutState) -> PhaseManifest:
    """Return the manifest of a run that is after ``state``.

    Raises:
        RunNotStartedError: There is no run yet.
    """
    if state.started is None:
        raise RunNotStartedError
    plan = state.started.plan
    phases = tuple(phases_of(state, plan.requested_promotion_target))
    document = ManifestDocument(
        schema_version=SCHEMA_VERSION,
        run_id=plan.run_id,
        candidate_id=plan.candidate_id,
        execution_context=plan.execution_context,
        requested_promotion_target=plan.requested_promotion_target,
        status=status_of(phases),
        phase_count=len(phases),
        phase_transitions=transitions_of(phases),
        phases=phases,
        runtime_governance=_runtime_of(state, phases[-2].status),
        rollback_proof=_proof_of(rollback_of(state), phases[-1].status),
        artifact_refs=references_of(phases),
        slo_contract_version="governance-slo-v1",
        observation_summary=ObservationSummary(
            finalised=state.finalised is not None,
            lane="crashed" if state.crashed else "completed" if state.completed else "running",
            attempt=plan.attempt,
            cycle_length_s=plan.cycle_length_s,
            asked_promotion_target=plan.asked_promotion_target,
            missing_for_live=plan.missing_for_live,
        ),
        created_at=moment(state.started.occurred_at_ns),
        updated_at=moment(state.updated_at_ns),
        content_hash="0" * 64,
    )
    stated = document.model_dump(mode="json")
    return PhaseManifest.model_validate({**stated, "content_hash": content_hash(stated)})


def lane_manifest_of(state: RolloutState) -> PhaseManifest | None:
    """Return the manifest as the lane left it; None while it is at work."""
    ended = state.crashed or state.completed
    if ended is None:
        return None
    left = replace(state, finalised=None, reassessed=None, updated_at_ns=ended.occurred_at_ns)
    return manifest_of(left)


def final_manifest_of(state: RolloutState) -> PhaseManifest | None:
    """Return the manifest as it was when the run became final; None while it is not.

    Whatever later cycles say changes the current manifest only, never this one.
    """
    if state.finalised is None:
        return None
    at_ns = state.finalised.occurred_at_ns
    return manifest_of(replace(state, reassessed=None, updated_at_ns=at_ns))


def _runtime_of(state: RolloutState, status: PhaseStatus) -> RuntimeGovernance:
    """Return the section on runtime governance."""
    if state.judged is None:
        return RuntimeGovernance(
            status=status, reason="pending", drift_status=None, rollback_triggered=None
        )
    runtime = state.judged.runtime
    return RuntimeGovernance(
        status=status,
        reason=runtime.reason,
        drift_status=runtime.drift_status,
        rollback_triggered=runtime.rollback_triggered,
    )


def _proof_of(rollback: RollbackJudged | None, status: PhaseStatus) -> RollbackProof:
    """Return the section on the rollback's proof."""
    paths = {} if rollback is None else dict(rollback.evidence)
    named = {name: one and one.path for name, one in paths.items()}
    return RollbackProof(
        status=status,
        reason="not-reached" if rollback is None else rollback.reason,
        rollback_triggered=None if rollback is None else rollback.triggered,
        drift_last_detection_path=named.get("drift_last_detection_path"),
        drift_last_action_path=named.get("drift_last_action_path"),
        drift_last_outcome_path=named.get("drift_last_outcome_path"),
        rollback_incident_evidence_path=named.get("rollback_incident_evidence_path"),
    )


def content_hash(stated: JsonObject) -> str:
    """Return the digest of a manifest: of its canonical form, without the digest's own key."""
    content = {key: value for key, value in stated.items() if key != "content_hash"}
    return sha256_hex(canonical_bytes(content))


def manifest_bytes(manifest: PhaseManifest) -> bytes:
    """Return ``manifest`` as it stands in its file."""
    return canonical_bytes(manifest.model_dump(mode="json"))


def overdue(document: ManifestDocument, now_ns: int) -> bool:
    """Say whether a manifest is not final although two cycles have passed since it was touched.

    Args:
        document: The manifest.
        now_ns: Wall time of the reader.
    """
    if document.observation_summary.finalised:
        return False
    allowed_ns = _CYCLES * document.observation_summary.cycle_length_s * NS_PER_S
    return now_ns - moment_ns(document.updated_at) > allowed_ns
