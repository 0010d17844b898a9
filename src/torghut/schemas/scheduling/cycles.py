"""The scheduler's cycles on record: each one's beginning, what it saw, and how it ended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.governing.fields import Evidence, Ordinal
from torghut.schemas.rollout.gates import Reason
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds, Real, Sha256

CycleOutcome = Literal["lane_completed", "lane_execution_failed", "blocked_no_signal"]
"""How a cycle ended, in the words of the rollout contract."""


class CycleBegan(Message):
    """A holder of the lease began a cycle."""

    type: Literal["cycles.began.v1"] = "cycles.began.v1"
    cycle: Ordinal
    epoch: Ordinal
    holder: Identifier
    policies: Annotated[Sha256, Field(description="Of all that the cycle is bound by.")]
    at_ns: Nanoseconds


class PortfolioSeen(Message):
    """What all symbols together were worth, and the most that they were since the last reset."""

    type: Literal["cycles.portfolio-seen.v1"] = "cycles.portfolio-seen.v1"
    cycle: Ordinal
    equity: Annotated[Real, Field(description="Net of costs, in quote currency counted at par.")]
    peak: Real
    capital: Annotated[Real, Field(ge=0, description="Allotted to the symbols seen.")]
    last_block: Annotated[
        int, Field(ge=-1, lt=2**40, strict=True, description="Of the log, as far as it was seen.")
    ]
    at_ns: Nanoseconds


class CycleEnded(Message):
    """A cycle is over: what came of it, and the note that says so at length."""

    type: Literal["cycles.ended.v1"] = "cycles.ended.v1"
    cycle: Ordinal
    outcome: CycleOutcome
    reason: Reason
    note: Evidence
    at_ns: Nanoseconds


class GovernanceBound(Message):
    """What cycles govern from here on, and by which key they answer for what they say."""

    type: Literal["cycles.bound.v1"] = "cycles.bound.v1"
    log: Annotated[
        Sha256 | None,
        Field(description="Of the decision log's first block; null before it has one."),
    ]
    signer: Annotated[
        Sha256 | None, Field(description="Fingerprint of the key; null while nothing is signed.")
    ]
    at_ns: Nanoseconds


class NoteMeant(Message):
    """A cycle's note as it is about to be written: no other file is one of that cycle."""

    type: Literal["cycles.note-meant.v1"] = "cycles.note-meant.v1"
    cycle: Ordinal
    note: Evidence
    at_ns: Nanoseconds


CycleEvent = Annotated[
    CycleBegan | PortfolioSeen | CycleEnded | GovernanceBound | NoteMeant,
    Field(discriminator="type"),
]

CYCLE_EVENT: TypeAdapter[CycleEvent] = TypeAdapter(CycleEvent, config=UNION)
"""Parses any event of the scheduler's cycles."""
