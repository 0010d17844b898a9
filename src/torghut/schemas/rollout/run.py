"""What a run of the lane is asked to do: for which candidate, towards what, from which commits."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.rollout.gates import Reason
from torghut.schemas.rollout.phases import Target
from torghut.schemas.types import Identifier, Message

RunId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="Derived from the run's inputs; names its folder.",
    ),
]
Attempt = Annotated[
    int, Field(ge=1, lt=10_000, strict=True, description="How often these inputs were run.")
]
CycleLength = Annotated[
    int, Field(ge=1, le=604_800, strict=True, description="Seconds between the scheduler's cycles.")
]
Text = Annotated[str, Field(min_length=1, max_length=200)]

DriftStatus = Literal["stable", "detected", "unhealthy", "cooldown"]
"""What the drift policy came to; drift in cooldown is still drift."""


class ExecutionContext(Message):
    """Where a run comes from and where its artifacts go."""

    repository: Text
    base: Annotated[Text, Field(description="What the change starts from.")]
    head: Annotated[Text, Field(description="The change itself.")]
    artifact_path: Text = Field(alias="artifactPath", description="The artifact root.")
    priority_id: Text = Field(alias="priorityId")


class RunPlan(Message):
    """Everything that a run is asked for."""

    run_id: RunId
    attempt: Attempt
    candidate_id: Identifier
    execution_context: ExecutionContext
    asked_promotion_target: Annotated[Target, Field(description="Before anything was missing.")]
    requested_promotion_target: Target
    missing_for_live: Annotated[
        tuple[Reason, ...], Field(description="Why live was asked and paper is requested.")
    ]
    cycle_length_s: CycleLength

    @model_validator(mode="after")
    def _only_lowered_with_a_reason(self) -> Self:
        lowered = (self.asked_promotion_target, self.requested_promotion_target) == (
            "live",
            "paper",
        )
        raised = self.asked_promotion_target != self.requested_promotion_target and not lowered
        if raised or lowered != bool(self.missing_for_live):
            message = "a target as asked, or one lowered to paper together with what was missing"
            raise ValueError(message)
        return self
