"""What whoever gathers news and fundamentals offers to be shown, one JSON object a line."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.types import Identifier, Message, Nanoseconds, Symbol

TEXT_MAX: Final = 65_536
"""Longest text, in characters; much less of it is shown."""


class PassageOffered(Message):
    """One piece of news or fundamentals, as it was received; again with its id, it is corrected."""

    type: Literal["reasoning.passage-offered.v1"] = "reasoning.passage-offered.v1"
    kind: Literal["news", "fundamentals"]
    item_id: Identifier
    symbols: Annotated[tuple[Symbol, ...], Field(description="That it is about; none: all.")] = ()
    published_at_ns: Annotated[
        Nanoseconds, Field(description="When its publisher made it known, in UTC.")
    ]
    received_ns: Annotated[
        Nanoseconds, Field(description="On the receive clock; no context before it is shown it.")
    ]
    source: Annotated[str, Field(max_length=400)]
    text: Annotated[str, Field(max_length=TEXT_MAX)]
