"""A run's rollback on record: its clock from detection to drained, and whether it is proven."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from torghut.schemas.governing.fields import Evidence, Ordinal
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds, SafeCount, Sha256

EvidenceName = Literal[
    "drift_last_detection_path",
    "drift_last_action_path",
    "drift_last_outcome_path",
    "rollback_incident_evidence_path",
]
"""What a rollback is proven with; the last one is always owed."""

ProofReason = Literal[
    "not-triggered",
    "proven",
    "evidence-missing",
    "evidence-unverified",
    "not-effective",
]


class RollbackTriggered(Message):
    """The candidate, or the running state, must go; evidence is owed from here on."""

    type: Literal["rollback.triggered.v1"] = "rollback.triggered.v1"
    number: Annotated[Ordinal, Field(description="Of the rollbacks of this run.")]
    run_id: Identifier
    cause: Literal["stop-latch", "drift", "person"]
    cause_id: Annotated[Identifier, Field(description="Of the incident, the action, the command.")]
    goes_back_to: Annotated[
        Sha256 | None,
        Field(description="Digest of the package; null: deterministic and defensive alone."),
    ]
    detected_at_ns: Nanoseconds
    at_ns: Nanoseconds


class RollbackSwitched(Message):
    """The control record that goes back is durable."""

    type: Literal["rollback.switched.v1"] = "rollback.switched.v1"
    number: Ordinal
    control_id: Identifier
    at_ns: Nanoseconds


class RollbackEffective(Message):
    """The first decisions after the switch were all made by what it goes back to."""

    type: Literal["rollback.effective.v1"] = "rollback.effective.v1"
    number: Ordinal
    decisions: Ordinal
    recovery_ns: Annotated[
        Nanoseconds, Field(description="From detection until effective: the RTO.")
    ]
    at_ns: Nanoseconds


class RollbackDrained(Message):
    """Nothing of what went is left: no order working, no decision that can still be acted on."""

    type: Literal["rollback.drained.v1"] = "rollback.drained.v1"
    number: Ordinal
    at_ns: Nanoseconds


class RollbackSuperseded(Message):
    """What it would have done is not to be done any more: it never switched, and proves nothing."""

    type: Literal["rollback.superseded.v1"] = "rollback.superseded.v1"
    number: Ordinal
    reason: Annotated[
        Literal["stop-over", "not-serving"],
        Field(description="The stop that it was is over, or there is nothing to take back."),
    ]
    at_ns: Nanoseconds


class ProofJudged(Message):
    """What the phase ``rollback-proof`` shows; without a rollback it cites nothing at all."""

    type: Literal["rollback.proof-judged.v1"] = "rollback.proof-judged.v1"
    run_id: Identifier
    judgement: Ordinal
    number: Annotated[SafeCount, Field(description="Of the rollback; 0 where there is none.")]
    triggered: bool
    status: Literal["pass", "fail"]
    reason: ProofReason
    evidence: Annotated[
        dict[EvidenceName, Evidence], Field(description="Verified; empty unless triggered.")
    ]
    recovery_ns: Annotated[Nanoseconds | None, Field(description="Null until effective.")]
    at_ns: Nanoseconds

    @model_validator(mode="after")
    def _proves_what_it_says(self) -> Self:
        if self.triggered != (self.number > 0) or (self.evidence and not self.triggered):
            message = "evidence of a rollback where one was triggered, and nowhere else"
            raise ValueError(message)
        owed = self.triggered and "rollback_incident_evidence_path" not in self.evidence
        if self.status == "pass" and (owed or self.reason not in {"not-triggered", "proven"}):
            message = "a pass with the evidence that is owed"
            raise ValueError(message)
        return self


RollbackEvent = Annotated[
    RollbackTriggered
    | RollbackSwitched
    | RollbackEffective
    | RollbackDrained
    | RollbackSuperseded
    | ProofJudged,
    Field(discriminator="type"),
]

ROLLBACK_EVENT: TypeAdapter[RollbackEvent] = TypeAdapter(RollbackEvent, config=UNION)
"""Parses any event of a run's rollback."""
