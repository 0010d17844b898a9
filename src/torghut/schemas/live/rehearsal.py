"""Evidence that each hard switch was rehearsed: on a copy of the memory, on contexts of a log."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.types import Message, SafeCount, Sha256, Symbol


class SwitchRehearsal(Message):
    """What became of one switch on the copy."""

    name: SwitchName
    in_force: Annotated[
        bool, Field(description="From the first decision of every symbol on, without exception.")
    ]
    decisions_until_in_force: Annotated[
        SafeCount | None,
        Field(description="Of the symbol that took longest, before its first; null: never."),
    ]
    elapsed_ns: Annotated[
        SafeCount, Field(description="From placing its record to the last symbol's first decision.")
    ]
    asserted: Annotated[tuple[str, ...], Field(description="What was looked at, and held.")]
    failed: Annotated[tuple[str, ...], Field(description="What did not hold.")]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.in_force != (self.decisions_until_in_force == 0 and not self.failed):
            message = "in force exactly where the first decisions were under it and all held"
            raise ValueError(message)
        return self


class SwitchRehearsals(Message):
    """Every switch, rehearsed at one place of a log."""

    type: Literal["rollout.switch-rehearsal.v1"] = "rollout.switch-rehearsal.v1"
    head: Annotated[Sha256, Field(description="Digest of the log's block that it began after.")]
    declarations: Sha256
    kernel_version: SafeCount
    contexts: Annotated[SafeCount, Field(description="Given to each copy.")]
    symbols: Annotated[tuple[Symbol, ...], Field(description="Of these contexts.")]
    rehearsals: Annotated[tuple[SwitchRehearsal, ...], Field(min_length=1)]
    untouched: Annotated[bool, Field(description="The memory is as it was before, byte for byte.")]
