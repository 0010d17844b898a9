"""Risks that nobody has resolved yet, and the role that answers for each."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Name, Role, Why
from torghut.schemas.declarations.roadmap import StageNumber
from torghut.schemas.types import Message


class Risk(Message):
    """Something that may go wrong and is not dealt with."""

    id: Name
    says: Annotated[str, Field(min_length=10, max_length=400)]
    since_stage: Annotated[StageNumber, Field(description="The first stage that it concerns.")]
    owner: Annotated[
        Role | None, Field(description="Null until somebody takes it: no stage is recorded then.")
    ]
    resolves: Annotated[
        str, Field(min_length=10, max_length=300, description="What would take it off this list.")
    ]


class RiskRegister(Message):
    """Every risk that is not resolved; one that is leaves the list, and the history keeps it."""

    kind: Literal["risk-register.v1"]
    why: Why
    risks: tuple[Risk, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({one.id for one in self.risks}) != len(self.risks):
            message = "each risk's id once"
            raise ValueError(message)
        return self
