"""The rollout lane on record: candidates and who made them, and every run with its end."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator
from pydantic.json_schema import SkipJsonSchema

from torghut.schemas.governing.fields import ArtifactPath, Ordinal, Person
from torghut.schemas.rollout.gates import Reason
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.phases import PhaseName, Target
from torghut.schemas.rollout.run import Attempt, ExecutionContext, RunId
from torghut.schemas.types import UNION, Added, Identifier, Message, Nanoseconds, SafeCount, Sha256

LaneOutcome = Literal["completed", "failed", "killed"]
"""How a run ended: through all its phases, in the middle of one, or without a word."""


class LaneAsked(Message):
    """What a run of the lane is asked for."""

    candidate: CandidateSpec
    window: LogWindow
    target: Target
    context: ExecutionContext
    author: Annotated[Identifier | None, Field(description="Who made it, and cannot approve it.")]
    evaluation: Annotated[
        Sha256 | SkipJsonSchema[None],
        Added,
        Field(description="Of what a program was asked and answered; for programs alone."),
    ] = None

    @model_validator(mode="after")
    def _shows_a_program(self) -> Self:
        if (self.evaluation is not None) != (self.candidate.kind == "program"):
            message = "the digest of an evaluation for a program, and for nothing else"
            raise ValueError(message)
        return self


class CandidateSubmitted(Message):
    """A candidate waits for its run."""

    type: Literal["lanes.candidate-submitted.v1"] = "lanes.candidate-submitted.v1"
    submission: Ordinal
    asked: LaneAsked
    at_ns: Nanoseconds


class MakerStatement(Message):
    """What somebody signs who made a candidate, as canonical JSON in a DSSE envelope."""

    type: Literal["lanes.maker-statement.v1"] = "lanes.maker-statement.v1"
    candidate: Annotated[Sha256, Field(description="Of its package, or of its declarations.")]


class MakerSigned(Message):
    """Somebody said by their key that they made a candidate; they cannot approve it."""

    type: Literal["lanes.maker-signed.v1"] = "lanes.maker-signed.v1"
    candidate: Sha256
    person: Person
    envelope: Annotated[str, Field(max_length=8192, description="DSSE, as it was handed in.")]
    at_ns: Nanoseconds


class LaneRunStarted(Message):
    """The lane began to work on a submission."""

    type: Literal["lanes.run-started.v1"] = "lanes.run-started.v1"
    submission: Ordinal
    run_id: RunId
    attempt: Attempt
    candidate_id: Identifier
    at_ns: Nanoseconds


class LaneRunEnded(Message):
    """The lane is through with a run, or somebody found that it never will be."""

    type: Literal["lanes.run-ended.v1"] = "lanes.run-ended.v1"
    submission: Ordinal
    run_id: RunId
    attempt: Attempt
    outcome: LaneOutcome
    phase: Annotated[PhaseName | None, Field(description="At which it broke off; else null.")]
    reason: Reason
    manifest: Annotated[ArtifactPath | None, Field(description="Null where none was written.")]
    content_hash: Annotated[Sha256 | None, Field(description="Of that manifest.")]
    signals: SafeCount
    decisions: SafeCount
    failure_streak: Annotated[SafeCount, Field(description="Runs in a row that did not complete.")]
    at_ns: Nanoseconds


LaneEvent = Annotated[
    CandidateSubmitted | LaneRunStarted | LaneRunEnded, Field(discriminator="type")
]

LANE_EVENT: TypeAdapter[LaneEvent] = TypeAdapter(LaneEvent, config=UNION)
"""Parses any event of the lane's stream."""

MAKER_EVENT: TypeAdapter[MakerSigned] = TypeAdapter(MakerSigned)
"""Parses any event of the stream of makers."""
