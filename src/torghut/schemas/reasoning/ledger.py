"""What asking for advice costs, and how the breaker stands, on record: one stream a day.

Times are of the wall clock: what they count has to outlive a restart of the machine.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.context import ContextIdText
from torghut.schemas.control import ResolutionName
from torghut.schemas.reasoning.record import FaultCode
from torghut.schemas.types import UNION, Message, Nanoseconds, SafeCount

BreakerState = Literal["closed", "open", "half-open"]

QUESTIONS_MAX: Final = 1_048_576


class OpenQuestion(Message):
    """A question of the last hour, carried into another day's stream."""

    question: SafeCount
    at_ns: Nanoseconds
    tokens: SafeCount


class DayOpened(Message):
    """A day begins with what still counts of the one before."""

    type: Literal["asking.day-opened.v1"] = "asking.day-opened.v1"
    questions: Annotated[tuple[OpenQuestion, ...], Field(max_length=QUESTIONS_MAX)]
    next_question: SafeCount
    breaker: BreakerState
    failures: SafeCount
    until_ns: Nanoseconds
    wait_ns: Nanoseconds
    turn: SafeCount
    at_ns: Nanoseconds


class QuestionBegun(Message):
    """A question may be asked; from here on it counts."""

    type: Literal["asking.question-begun.v1"] = "asking.question-begun.v1"
    question: SafeCount
    context_id: ContextIdText
    tokens: Annotated[SafeCount, Field(description="Reserved: the most that it may use.")]
    turn: Annotated[SafeCount, Field(description="Of the breaker, in which its answer counts.")]
    at_ns: Nanoseconds


class QuestionEnded(Message):
    """A question is over; ``lost`` where the process that asked died meanwhile."""

    type: Literal["asking.question-ended.v1"] = "asking.question-ended.v1"
    question: SafeCount
    resolution: ResolutionName
    code: FaultCode
    tokens: Annotated[SafeCount | None, Field(description="Used; null: the reserve stays spent.")]
    asked: Annotated[bool, Field(strict=True, description="False: it was never put to anybody.")]
    at_ns: Nanoseconds


class BreakerChanged(Message):
    """The circuit breaker stands differently from here on."""

    type: Literal["asking.breaker-changed.v1"] = "asking.breaker-changed.v1"
    before: BreakerState
    after: BreakerState
    failures: Annotated[SafeCount, Field(description="In a row.")]
    until_ns: Annotated[Nanoseconds, Field(description="When an open breaker lets one call try.")]
    wait_ns: Nanoseconds
    turn: Annotated[SafeCount, Field(description="How often it has changed.")]
    code: FaultCode
    at_ns: Nanoseconds


AskingEvent = Annotated[
    DayOpened | QuestionBegun | QuestionEnded | BreakerChanged, Field(discriminator="type")
]

ASKING_EVENT: TypeAdapter[AskingEvent] = TypeAdapter(AskingEvent, config=UNION)
"""Parses any event of asking."""
