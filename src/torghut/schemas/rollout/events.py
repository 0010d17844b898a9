"""What happens to a run of the rollout lane, from its start to what the safety controls say."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter
from pydantic.json_schema import SkipJsonSchema

from torghut.schemas.control import ReasoningModeName
from torghut.schemas.reasoning.standing import AdviceRollback
from torghut.schemas.rollout.gates import EvidenceReference, GateRow, Reason
from torghut.schemas.rollout.manifest import Observation, ObservationName
from torghut.schemas.rollout.phases import PhaseName, PhaseStatus
from torghut.schemas.rollout.run import DriftStatus, RunPlan
from torghut.schemas.types import UNION, Added, Message, Nanoseconds, Real, SafeCount, Sha256

OccurredAt = Annotated[
    Nanoseconds, Field(description="By the clock of whoever asked; never before the event before.")
]


DETAIL_LETTERS: Final = 400
"""Of what is kept about a crash."""


class RollbackEvidence(Message):
    """What shows a rollback; only what was found as it is cited."""

    drift_last_detection_path: EvidenceReference | None
    drift_last_action_path: EvidenceReference | None
    drift_last_outcome_path: EvidenceReference | None
    rollback_incident_evidence_path: EvidenceReference | None


class RollbackJudged(Message):
    """What the rollback-proof rule comes to."""

    status: Literal["pass", "fail"]
    reason: Reason | None
    triggered: bool
    evidence: RollbackEvidence


class RuntimeAdvice(Message):
    """How advice stood when the safety controls spoke."""

    mode: Annotated[ReasoningModeName, Field(description="In force; the most that a symbol has.")]
    mode_at_begin: Annotated[ReasoningModeName, Field(description="When the run began.")]
    deterministic_only: Annotated[
        bool, Field(strict=True, description="The switch overrides it, for every symbol.")
    ]
    unanswered: Literal["measured", "missing", "not-finite", "not-applicable"]
    unanswered_ratio: Annotated[
        Real | None,
        Field(description="Of questions in the shortest service level window; null unless so."),
    ]
    questions: Annotated[SafeCount, Field(description="That ended in that window.")]
    off_by: Annotated[
        Sha256 | None, Field(description="Of the declaration that makes it not applicable.")
    ]
    rollback: Annotated[
        AdviceRollback | None, Field(description="The last one by the switch; null without one.")
    ]


class RuntimeJudged(Message):
    """What the runtime-governance rule comes to."""

    status: Literal["pass", "fail"]
    reason: Reason | None
    drift_status: DriftStatus | None
    rollback_triggered: bool
    advice: Annotated[
        RuntimeAdvice | SkipJsonSchema[None],
        Added,
        Field(description="Left out where nobody could look."),
    ] = None


class RunStarted(Message):
    """The lane began to work on a candidate."""

    type: Literal["rollout.run-started.v1"] = "rollout.run-started.v1"
    plan: RunPlan
    occurred_at_ns: OccurredAt


class PhaseRecorded(Message):
    """The lane is through with a phase."""

    type: Literal["rollout.phase-recorded.v1"] = "rollout.phase-recorded.v1"
    phase: PhaseName
    status: PhaseStatus
    gates: tuple[GateRow, ...]
    observations: dict[ObservationName, Observation]
    artifact_refs: tuple[EvidenceReference, ...]
    occurred_at_ns: OccurredAt


class LaneCrashed(Message):
    """The lane ended in the middle of a phase, and will not go on."""

    type: Literal["rollout.lane-crashed.v1"] = "rollout.lane-crashed.v1"
    phase: Annotated[PhaseName, Field(description="The one that it was at, or its last.")]
    detail: Annotated[str, Field(max_length=DETAIL_LETTERS, description="What is known of it.")]
    occurred_at_ns: OccurredAt


class LaneCompleted(Message):
    """The lane recorded all its phases, and read what the rollback latch says."""

    type: Literal["rollout.lane-completed.v1"] = "rollout.lane-completed.v1"
    rollback: RollbackJudged
    occurred_at_ns: OccurredAt


class RunFinalised(Message):
    """The safety controls of the same cycle have run, and this is what they came to."""

    type: Literal["rollout.run-finalised.v1"] = "rollout.run-finalised.v1"
    runtime: RuntimeJudged
    rollback: RollbackJudged
    occurred_at_ns: OccurredAt


class RunReassessed(Message):
    """A later cycle's safety controls say something else of a run that is final."""

    type: Literal["rollout.run-reassessed.v1"] = "rollout.run-reassessed.v1"
    runtime: RuntimeJudged
    rollback: RollbackJudged
    occurred_at_ns: OccurredAt


RolloutEvent = Annotated[
    RunStarted | PhaseRecorded | LaneCrashed | LaneCompleted | RunFinalised | RunReassessed,
    Field(discriminator="type"),
]

ROLLOUT_EVENT: TypeAdapter[RolloutEvent] = TypeAdapter(RolloutEvent, config=UNION)
"""Parses any event of a candidate rollout's stream."""
