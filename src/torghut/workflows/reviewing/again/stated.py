"""What a manifest states of itself and of the lane's other phases, derived again."""

from __future__ import annotations

from torghut.governance.rollouts.judging import status_of_gates
from torghut.governance.rollouts.manifest import content_hash
from torghut.schemas.governing.drift_evidence import DriftJudged
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.schemas.rollout.evidence import GateEvidence
from torghut.schemas.rollout.gates import GateRow
from torghut.schemas.rollout.lane import (
    LaneInputs,
    RollbackReadiness,
    StageManifest,
    StrategyPatch,
)
from torghut.schemas.rollout.manifest import Phase, references_of, status_of, transitions_of
from torghut.schemas.rollout.phases import CANARY_GATE, DRIFT_GATE, LANE_PHASES
from torghut.workflows.lane.gates import (
    CHAINED,
    chain_figure,
    drift_figure,
    patch_figure,
    readiness_figure,
    seed_of,
)
from torghut.workflows.lane.naming import candidate_id_of, run_id_of
from torghut.workflows.lane.stages import chain_faults, lineage_of, stage_file
from torghut.workflows.reviewing.again.judged import figure_row
from torghut.workflows.reviewing.again.values import Derived, row_text
from torghut.workflows.reviewing.material import Material

NOT_DERIVED = {
    "gate_equal_budget": "the arms' budgets are known where they decide",
    "gate_unmatched_contexts": "contexts would have to be decided again",
    "gate_rows_reproducibility": "contexts would have to be decided again",
    "slo_required_artifacts_present": "the candidate's own bytes are not among the evidence",
}
"""Gates whose values follow from nothing that a manifest cites."""


def manifest_again(material: Material, derived: Derived) -> None:
    """Derive what follows from the phases."""
    document = material.document
    for phase in document.phases:
        _status_again(material, phase, derived)
    derived.add("status", document.status, status_of(document.phases))
    derived.add("phase count", document.phase_count, len(document.phases))
    one, two = document.phase_transitions, transitions_of(document.phases)
    derived.add("transitions", _arrows(one), _arrows(two))
    references = references_of(document.phases)
    derived.add("references", len(document.artifact_refs), len(references))
    stated = document.model_dump(mode="json")
    derived.add("content hash", document.content_hash, content_hash(stated))


def _arrows(transitions: object) -> str:
    """Return transitions in one line."""
    assert isinstance(transitions, tuple)  # noqa: S101 - both are
    return " ".join(f"{one.to}:{one.status}" for one in transitions)


def _status_again(material: Material, phase: Phase, derived: Derived) -> None:
    """Derive a phase's status from its gates."""
    target = material.document.requested_promotion_target
    follows = status_of_gates(phase.name, target, phase.slo_gates)
    if phase.status == "fail" and follows != "fail":
        derived.leave(f"status of {phase.name}", "it failed before or beside its gates")
    else:
        derived.add(f"status of {phase.name}", phase.status, follows)


def names_again(material: Material, derived: Derived) -> None:
    """Derive the names of run and candidate from the run's inputs."""
    inputs, document = material.only(LaneInputs), material.document
    if inputs is None:
        derived.leave("the names of run and candidate", "no inputs of a lane are cited intact")
        return
    derived.add("run", document.run_id, run_id_of(inputs))
    derived.add("candidate", document.candidate_id, candidate_id_of(inputs.candidate))
    asked = document.observation_summary.asked_promotion_target
    derived.add("target asked", asked, inputs.target)
    card = material.only(EvaluationCard)
    if card is not None:
        derived.add("seed", card.seed, seed_of(document.run_id))


def lineage_again(material: Material, derived: Derived) -> None:
    """Derive the chain of stages, link by link."""
    cited = [one for one in material.evidence.values() if isinstance(one.message, StageManifest)]
    inputs = next(
        (one for one in material.evidence.values() if isinstance(one.message, LaneInputs)), None
    )
    if inputs is None or not cited:
        derived.leave("the chain of stages", "no stage manifests with inputs are cited intact")
        return
    statuses = {phase.name: phase.status for phase in material.document.phases}
    previous = inputs.reference.sha256
    for phase in LANE_PHASES[: len(cited)]:
        link = material.at(f"{material.folder}/{stage_file(phase)}", StageManifest)
        if link is None:
            derived.add(f"stage {phase}", "cited intact", "missing or altered")
            return
        derived.add(f"lineage of {phase}", link.lineage, lineage_of(link))
        derived.add(f"{phase} follows", link.previous, previous)
        derived.add(f"stage status of {phase}", statuses.get(phase), link.status)
        previous = link.lineage
    if len(cited) == len(LANE_PHASES):
        faults = chain_faults(material.store, material.folder, inputs.reference.sha256, CHAINED)
        _row_again(material, figure_row(chain_figure(len(list(faults)))), derived)


def lane_again(material: Material, derived: Derived) -> None:
    """Derive the gates of the phases after the evaluation, as far as they follow from evidence."""
    readiness = material.only(RollbackReadiness)
    measured = _measured(material, "slo_required_rollback_checks_present")
    if readiness is not None and measured is not None:
        target = material.document.requested_promotion_target
        found = readiness_figure(readiness, target, measured.measured_at_ns)
        _row_again(material, figure_row(found), derived)
    judged = material.only(DriftJudged)
    if judged is None:
        derived.leave(DRIFT_GATE, "the verdict on drift stands in governance's log")
    else:
        found = drift_figure(judged, material.document.requested_promotion_target)
        _row_again(material, figure_row(found), derived)
    patches = [one for one in material.evidence.values() if isinstance(one.message, StrategyPatch)]
    for row in material.document.phases[4].slo_gates:
        if row.id == CANARY_GATE and row.value is not None:
            _patch_again(material, row, len(patches), derived)
    for phase in material.document.phases:
        for row in phase.slo_gates:
            if row.id in NOT_DERIVED:
                derived.leave(row.id, NOT_DERIVED[row.id])


def _patch_again(material: Material, row: GateRow, patches: int, derived: Derived) -> None:
    """Derive the canary's gate; a lane that is not Torghut's own may count other things."""
    if any(isinstance(one.message, LaneInputs) for one in material.evidence.values()):
        derived.add(row.id, row_text(row), row_text(figure_row(patch_figure(patches))))
    else:
        derived.leave(row.id, "no inputs of a lane are cited intact")


def _measured(material: Material, gate: str) -> GateEvidence | None:
    """Return what was measured for a gate."""
    found = [one.message for one in material.evidence.values()]
    own = [one for one in found if isinstance(one, GateEvidence) and one.gate == gate]
    return own[0] if len(own) == 1 else None


def _row_again(material: Material, again: GateRow, derived: Derived) -> None:
    """Add a gate's row, wherever in the manifest it stands."""
    rows = [row for phase in material.document.phases for row in phase.slo_gates]
    recorded = next((row_text(row) for row in rows if row.id == again.id), "no such gate")
    derived.add(again.id, recorded, row_text(again))
