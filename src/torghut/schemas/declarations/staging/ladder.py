"""The exposure ladder: how much of a stage's notional cap is given, and what a step up takes."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import AmountOrZero, Why
from torghut.schemas.declarations.safety import Span, Streak
from torghut.schemas.types import Message

Fraction = Annotated[AmountOrZero, Field(le=1, description="Of the stage's notional cap.")]


class ClimbingRule(Message):
    """What must hold before one step up."""

    passing_windows: Annotated[
        Streak, Field(description="Of the shortest, one after the other, none overlapping.")
    ]
    dwell_ms: Annotated[Span, Field(description="Since the last step, whichever way.")]
    drill_max_age_ms: Annotated[
        Span, Field(le=86_400_000, description="Of the last drill of the stop switch.")
    ]
    window_max_age_ms: Annotated[
        Span, Field(description="A window that ended longer ago counts as none.")
    ]


class ExposurePolicy(Message):
    """The steps, and what leads from one to the next; down it goes at once, whatever this says."""

    kind: Literal["exposure-policy.v1"]
    why: Why
    steps: Annotated[tuple[Fraction, ...], Field(min_length=2, max_length=20)]
    climbing: ClimbingRule

    @model_validator(mode="after")
    def _ascending_from_nothing(self) -> Self:
        ascending = all(low < high for low, high in zip(self.steps, self.steps[1:], strict=False))
        if self.steps[0] != Decimal(0) or self.steps[-1] != Decimal(1) or not ascending:
            message = "steps that rise from 0 to 1"
            raise ValueError(message)
        return self
