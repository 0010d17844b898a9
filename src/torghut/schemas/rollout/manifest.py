"""The phase manifest as a document: what it states, and what of that follows from the rest.

``status``, ``phase_count``, ``phase_transitions`` and ``artifact_refs`` follow. They stand in the
document for its readers, and no ``PhaseManifest`` exists in which they say anything else.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.rollout.gates import EvidenceReference, GateRow, Reason
from torghut.schemas.rollout.phases import PHASES, PhaseName, PhaseStatus, Target
from torghut.schemas.rollout.run import Attempt, CycleLength, DriftStatus, ExecutionContext, RunId
from torghut.schemas.types import Identifier, Message, Real, SafeCount, Sha256

SCHEMA_VERSION: Final = "autonomy-phase-manifest-v1"
"""What a phase manifest says that it is."""

Moment = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$",
        description="UTC.",
    ),
]
ManifestStatus = Literal["pass", "fail"]
ObservationName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,99}$")]
Observation = Real | Annotated[str, Field(max_length=500)]
EvidencePath = Annotated[str, Field(min_length=1, max_length=400)]


class Phase(Message):
    """One phase: what came of it, and the gates that say why."""

    name: PhaseName
    status: PhaseStatus
    timestamp: Moment
    slo_gates: tuple[GateRow, ...]
    observations: Annotated[
        dict[ObservationName, Observation], Field(description="`reason` among them, if any.")
    ]
    artifact_refs: tuple[EvidenceReference, ...]


class Transition(Message):
    """From one phase to the next, with the status of the one reached."""

    from_: PhaseName = Field(alias="from")
    to: PhaseName
    status: PhaseStatus


class RuntimeGovernance(Message):
    """What the runtime drift and rollback policy says of the candidate."""

    status: PhaseStatus
    reason: Reason | None
    drift_status: Annotated[DriftStatus | None, Field(description="null while nobody has said.")]
    rollback_triggered: bool | None


class RollbackProof(Message):
    """Whether a rollback was triggered, and where it is shown to have happened."""

    status: PhaseStatus
    reason: Reason | None
    rollback_triggered: Annotated[bool | None, Field(description="null while nobody has said.")]
    drift_last_detection_path: EvidencePath | None
    drift_last_action_path: EvidencePath | None
    drift_last_outcome_path: EvidencePath | None
    rollback_incident_evidence_path: EvidencePath | None

    def paths(self) -> Sequence[str]:
        """Return the paths that are given."""
        stated = (
            self.drift_last_detection_path,
            self.drift_last_action_path,
            self.drift_last_outcome_path,
            self.rollback_incident_evidence_path,
        )
        return [path for path in stated if path is not None]


class ObservationSummary(Message):
    """How far the run is, and what it was asked."""

    finalised: Annotated[bool, Field(description="false: not final, and never a pass.")]
    lane: Literal["running", "completed", "crashed"]
    attempt: Attempt
    cycle_length_s: CycleLength
    asked_promotion_target: Target
    missing_for_live: tuple[Reason, ...]


class ManifestDocument(Message):
    """A phase manifest as somebody states it; what follows from the rest may be stated wrongly."""

    schema_version: Literal["autonomy-phase-manifest-v1"]
    run_id: RunId
    candidate_id: Identifier
    execution_context: ExecutionContext
    requested_promotion_target: Target
    status: Annotated[ManifestStatus, Field(description="fail unless all phases pass or skip.")]
    phase_count: SafeCount
    phase_transitions: tuple[Transition, ...]
    phases: tuple[Phase, ...]
    runtime_governance: RuntimeGovernance
    rollback_proof: RollbackProof
    artifact_refs: Annotated[
        tuple[EvidenceReference, ...], Field(description="All that is cited, by path, each once.")
    ]
    slo_contract_version: Literal["governance-slo-v1"]
    observation_summary: ObservationSummary
    created_at: Moment
    updated_at: Moment
    content_hash: Annotated[Sha256, Field(description="sha256 of the RFC 8785 form without it.")]


class PhaseManifest(ManifestDocument):
    """What became of a candidate in the seven phases of its rollout."""

    phases: Annotated[
        tuple[Phase, ...],
        Field(min_length=7, max_length=7, description="All seven, in their one order."),
    ]

    @model_validator(mode="after")
    def _states_what_follows(self) -> Self:
        if tuple(phase.name for phase in self.phases) != PHASES:
            message = "the seven phases in their one order"
            raise ValueError(message)
        for fault in computed_faults(self):
            raise ValueError(fault)
        return self


def status_of(phases: Sequence[Phase]) -> ManifestStatus:
    """Return what phases come to: fail unless they are the seven and each is pass or skip."""
    whole = tuple(phase.name for phase in phases) == PHASES
    return "pass" if whole and all(phase.status != "fail" for phase in phases) else "fail"


def transitions_of(phases: Sequence[Phase]) -> tuple[Transition, ...]:
    """Return the transitions between adjacent phases."""
    return tuple(
        Transition.model_validate({"from": one.name, "to": two.name, "status": two.status})
        for one, two in itertools.pairwise(phases)
    )


def references_of(phases: Sequence[Phase]) -> tuple[EvidenceReference, ...]:
    """Return everything that phases and their gates cite, by path, each once."""
    cited = {
        (one.path, one.sha256, one.schema_): one for phase in phases for one in _cited_by(phase)
    }
    return tuple(cited[key] for key in sorted(cited))


def _cited_by(phase: Phase) -> Iterator[EvidenceReference]:
    """Yield what one phase cites, in any order, perhaps twice."""
    yield from phase.artifact_refs
    for row in phase.slo_gates:
        yield from row.evidence


def computed_faults(document: ManifestDocument) -> Iterator[str]:
    """Yield what ``document`` states and what does not follow from its phases."""
    phases = document.phases
    expected = {
        "status": (status_of(phases), document.status),
        "phase_count": (len(phases), document.phase_count),
        "phase_transitions": (transitions_of(phases), document.phase_transitions),
        "artifact_refs": (references_of(phases), document.artifact_refs),
    }
    for name, (follows, stated) in expected.items():
        if follows != stated:
            shown = f" {follows}, found {stated}" if isinstance(follows, str | int) else ""
            yield f"expected {name} as it follows from the phases{shown}"
