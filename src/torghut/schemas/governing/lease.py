"""The lease of governance's one writer on record: each epoch, and how it ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.governing.fields import Ordinal
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds


class LeaseTaken(Message):
    """An epoch began; whoever wrote under an earlier one writes no more."""

    type: Literal["lease.taken.v1"] = "lease.taken.v1"
    epoch: Ordinal
    holder: Identifier
    at_ns: Nanoseconds


class LeaseEnded(Message):
    """An epoch's holder let go, or found that it had lost it."""

    type: Literal["lease.ended.v1"] = "lease.ended.v1"
    epoch: Ordinal
    holder: Identifier
    how: Literal["released", "lost"]
    at_ns: Nanoseconds


LeaseEvent = Annotated[LeaseTaken | LeaseEnded, Field(discriminator="type")]

LEASE_EVENT: TypeAdapter[LeaseEvent] = TypeAdapter(LeaseEvent, config=UNION)
"""Parses any event of the lease."""
