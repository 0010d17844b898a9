"""The rollout's stages: what each allows at most, and what must be shown before the next one."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import AmountOrZero, Name, Why
from torghut.schemas.rollout.phases import Target
from torghut.schemas.types import Message

StageNumber = Annotated[int, Field(ge=0, le=5)]
RouterCap = Literal["static", "shadow", "live"]
ReasoningCap = Literal["off", "shadow", "active"]

STAGE_NAMES: Final = (
    "baseline-capture",
    "evaluation-and-data-integrity-hardening",
    "regime-router-shadow-mode",
    "dspy-serving-cutover",
    "controlled-live-routing-activation",
    "alpha-discovery-loop-activation",
)


class StageCaps(Message):
    """The most that a stage allows."""

    target: Target
    router_mode: RouterCap
    reasoning_mode: ReasoningCap
    notional_cap: Annotated[
        AmountOrZero, Field(description="Live, for each symbol, in its quote currency.")
    ]


class ShownByTest(Message):
    """A test shows it."""

    test: Annotated[str, Field(pattern=r"^tests/[a-z0-9_/]+\.py::test_[a-z0-9_]+$")]


class ShownByArtifact(Message):
    """A file of a published type, made for the stage, shows it."""

    artifact: Annotated[str, Field(pattern=r"^[a-z-]+\.v[1-9][0-9]*$")]


class ExitCriterion(Message):
    """One thing that must be shown; ``not-built`` fails, whatever anybody says."""

    id: Name
    says: Annotated[str, Field(min_length=10, max_length=300, description="As agreed.")]
    evidence: ShownByTest | ShownByArtifact | Literal["not-built"]


class Stage(Message):
    """One step of the rollout."""

    number: StageNumber
    name: Name
    caps: StageCaps
    exit_criteria: Annotated[tuple[ExitCriterion, ...], Field(min_length=1)]


class StageRoadmap(Message):
    """All stages in their order, and what the whole of it ends by."""

    kind: Literal["stage-roadmap.v1"]
    why: Why
    stages: tuple[Stage, ...]
    operational_exit: Annotated[
        tuple[ExitCriterion, ...],
        Field(description="Of the whole rollout; looked at with its last stage, beside its own."),
    ] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if tuple((one.number, one.name) for one in self.stages) != tuple(enumerate(STAGE_NAMES)):
            message = f"the stages {', '.join(STAGE_NAMES)}, numbered from 0 in this order"
            raise ValueError(message)
        ids = [criterion.id for one in self.stages for criterion in one.exit_criteria]
        ids += [criterion.id for criterion in self.operational_exit]
        if len(set(ids)) != len(ids):
            message = "each criterion's id once"
            raise ValueError(message)
        return self

    def asked_of(self, stage: int) -> tuple[ExitCriterion, ...]:
        """Return what is to be shown in a stage: in the last one also what the rollout ends by."""
        own = self.stages[stage].exit_criteria
        return (*own, *self.operational_exit) if stage == self.stages[-1].number else own
