"""What the loop and the process that asks for advice say to each other, one JSON object a line.

Both run on one machine and read one steady clock, so a deadline is a time of it.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.context import ContextIdText
from torghut.schemas.control import ResolutionName, Share, check_verdict
from torghut.schemas.types import Added, Message, Nanoseconds, SafeCount, Sha256, Symbol

LINE_MAX: Final = 16_384
"""Longest line, in bytes."""


class Inquired(Message):
    """The loop asks."""

    type: Literal["reasoning.inquired.v1"] = "reasoning.inquired.v1"
    context_id: ContextIdText
    symbol: Symbol
    row: Annotated[
        str,
        Field(pattern=r"^([0-9a-f]{2}){1,4096}$", description="What is known, as a leaf's bytes."),
    ]
    regimes: Annotated[tuple[str, ...], Field(max_length=8)]
    multiplier: Annotated[float, Field(gt=0)]
    deadline_ns: Nanoseconds


class Found(Message):
    """What became of it."""

    type: Literal["reasoning.found.v1"] = "reasoning.found.v1"
    context_id: ContextIdText
    resolution: ResolutionName
    factor: Share | None
    confidence: Share | None
    advice: Sha256 | None
    code: Annotated[str, Field(max_length=100)]
    tokens: Annotated[SafeCount | None, Added, Field(description="Used; null: nobody knows.")] = (
        None
    )

    @model_validator(mode="after")
    def _fits_its_verdict(self) -> Self:
        check_verdict(self.resolution, self.factor, self.confidence)
        return self
