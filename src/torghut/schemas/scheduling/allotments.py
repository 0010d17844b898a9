"""Allotments on record: what was asked of the loop for each symbol, and what became of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.declarations.fields import AmountOrZero
from torghut.schemas.governing.fields import Ordinal
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds, Symbol


class AllotmentAsked(Message):
    """A symbol is to have another allotment; until it is settled, either may hold."""

    type: Literal["allotments.asked.v1"] = "allotments.asked.v1"
    cycle: Ordinal
    symbol: Symbol
    control_id: Identifier
    allotment: Annotated[AmountOrZero, Field(description="Quote currency.")]
    after_block: Annotated[
        int, Field(ge=-1, lt=2**40, description="The log's last block when it was asked for.")
    ]
    at_ns: Nanoseconds


class AllotmentSettled(Message):
    """An allotment that was asked for holds, or never will."""

    type: Literal["allotments.settled.v1"] = "allotments.settled.v1"
    symbol: Symbol
    control_id: Identifier
    how: Literal["applied", "refused"]
    at_ns: Nanoseconds


AllotmentEvent = Annotated[AllotmentAsked | AllotmentSettled, Field(discriminator="type")]

ALLOTMENT_EVENT: TypeAdapter[AllotmentEvent] = TypeAdapter(AllotmentEvent, config=UNION)
"""Parses any event of the allotter."""
