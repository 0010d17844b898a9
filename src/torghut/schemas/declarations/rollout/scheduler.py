"""The scheduler: how often it looks, what it waits for at most, and whether live is allowed."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Count, Ratio, Why
from torghut.schemas.declarations.safety import Span
from torghut.schemas.rollout.run import CycleLength
from torghut.schemas.types import Message, Symbol

Budget = Annotated[int, Field(ge=1, le=3_600_000, description="Milliseconds of wall time.")]


class Cycles(Message):
    """When cycles come."""

    every_s: CycleLength
    jitter_ratio: Annotated[
        Ratio, Field(le=0.5, description="Of the length; each start is early by up to that.")
    ]


class Budgets(Message):
    """The longest wait for each thing that may hang."""

    view_ms: Annotated[Budget, Field(description="Reading what the loop did.")]
    lane_ms: Annotated[Budget, Field(description="One run of the lane, then it is killed.")]
    drift_ms: Budget
    loop_ms: Annotated[Budget, Field(description="An answer of the loop to control records.")]


class Heartbeats(Message):
    """What tells a live loop that governance is there."""

    every_ms: Budget
    time_to_live_ms: Annotated[
        Span, Field(description="On the receive clock; past it the loop opens nothing.")
    ]

    @model_validator(mode="after")
    def _beats_in_time(self) -> Self:
        if self.time_to_live_ms < 2 * self.every_ms:
            message = "a time to live of two beats or more: one may be lost"
            raise ValueError(message)
        return self


class SchedulerPolicy(Message):
    """What the scheduler of governance is bound by."""

    kind: Literal["scheduler-policy.v1"]
    why: Why
    allow_live: Annotated[bool, Field(strict=True, description="false: every target is paper.")]
    cycles: Cycles
    budgets: Budgets
    heartbeats: Heartbeats
    window_ms: Annotated[
        Span,
        Field(description="Of receive time that drift is judged on, and up to a quarter more."),
    ]
    window_lifetimes: Annotated[
        Count,
        Field(description="It spans so many lifetimes of a decision, where that is longer."),
    ]
    weights: Annotated[
        dict[Symbol, Annotated[Decimal, Field(ge=0, le=1000)]],
        Field(description="Shares of the cap; a symbol that is not named has weight 1."),
    ]
