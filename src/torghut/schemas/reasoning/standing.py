"""What control records did to advice: a change of its mode, and its rollback by the switch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.control import Reasoned, ReasoningModeName, Scope
from torghut.schemas.types import Identifier, Message, Nanoseconds, SafeCount

Came = Annotated[
    Nanoseconds,
    Field(
        description="On the receive clock: of the newest context before it, 0 before any; or when "
        "it was to come into force, where its record says so and that is later."
    ),
]


class ReasoningChange(Message):
    """A control record that changed the reasoning mode, or whether the switch overrides it.

    A mode's ``from`` is the most that any symbol had for which it is another one now.
    """

    what: Literal["mode", "deterministic-only"]
    symbol: Scope
    from_: Annotated[ReasoningModeName | Literal["released", "thrown"], Field(alias="from")]
    to: ReasoningModeName | Literal["released", "thrown"]
    at_ns: Came
    control_id: Identifier
    reason: Reasoned


class AdviceRollback(Message):
    """The switch ``deterministic-only`` was thrown while advice counted, and what came of that."""

    control_id: Identifier
    reason: Reasoned
    at_ns: Came
    fell_back_ns: Annotated[
        Nanoseconds | None,
        Field(description="When the first decision fell back for it; null while none has."),
    ]
    recovery_ns: Annotated[
        Nanoseconds | None,
        Field(description="Between the two, so never less than it took; null while none has."),
    ]
    advised_since: Annotated[
        SafeCount, Field(description="Decisions under it in which advice counted all the same.")
    ]

    @model_validator(mode="after")
    def _recovers_when_it_falls_back(self) -> Self:
        ended = None if self.fell_back_ns is None else max(0, self.fell_back_ns - self.at_ns)
        if self.recovery_ns != ended:
            message = "the time from at_ns to fell_back_ns as recovery_ns"
            raise ValueError(message)
        return self
