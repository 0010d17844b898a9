"""The rollout's stage on record: each review of its exit criteria, and each step on or back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.control import Reasoned
from torghut.schemas.declarations.fields import Name
from torghut.schemas.declarations.roadmap import StageCaps, StageNumber
from torghut.schemas.governing.fields import Evidence, Found, Ordinal, Person
from torghut.schemas.types import UNION, Message, Nanoseconds, Sha256


class CriterionShown(Message):
    """What was offered for one exit criterion, and what it was found to be just now."""

    passed: Annotated[bool, Field(description="Whether the test passed, the artifact says so.")]
    evidence: Evidence
    found: Found


class CriterionReviewed(Message):
    """What became of one exit criterion."""

    id: Name
    status: Literal["pass", "fail", "missing", "not-built"]
    evidence: Annotated[Evidence | None, Field(description="Null where none was offered.")]


class StageReviewed(Message):
    """The present stage's exit criteria were looked at; it passes only if every one does."""

    type: Literal["stages.reviewed.v1"] = "stages.reviewed.v1"
    review: Ordinal
    roadmap: Annotated[Sha256, Field(description="Of the declared roadmap.")]
    stage: StageNumber
    status: Literal["pass", "fail"]
    criteria: Annotated[tuple[CriterionReviewed, ...], Field(min_length=1)]
    at_ns: Nanoseconds


class StageEntered(Message):
    """Another stage holds, with what it allows at most."""

    type: Literal["stages.entered.v1"] = "stages.entered.v1"
    entry: Ordinal
    roadmap: Sha256
    came_from: Annotated[StageNumber | None, Field(description="Null for the first of all.")]
    stage: StageNumber
    caps: StageCaps
    review: Annotated[Ordinal | None, Field(description="That allowed it; null for steps back.")]
    person: Person
    reason: Reasoned
    at_ns: Nanoseconds


StageEvent = Annotated[StageReviewed | StageEntered, Field(discriminator="type")]

STAGE_EVENT: TypeAdapter[StageEvent] = TypeAdapter(StageEvent, config=UNION)
"""Parses any event of the stage roadmap."""
