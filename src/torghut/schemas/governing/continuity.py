"""The continuity of signals on record: each cycle, and the alert that missing ones raise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.governing.fields import Ordinal
from torghut.schemas.types import UNION, Message, Nanoseconds, SafeCount

NoSignalReason = Literal[
    "source-silent",
    "source-unreachable",
    "records-refused",
    "universe-empty",
    "market-closed",
    "bootstrap",
    "unexplained",
]
"""Why a cycle had no signals."""

AlertId = Annotated[str, Field(pattern=r"^continuity-[0-9a-f]{64}$")]


class CycleObserved(Message):
    """A cycle had signals, or a reason for having none; the streaks are those after it."""

    type: Literal["continuity.cycle-observed.v1"] = "continuity.cycle-observed.v1"
    cycle: Ordinal
    at_ns: Nanoseconds
    session: Literal["open", "closed", "unknown"]
    signals: SafeCount
    reason: Annotated[NoSignalReason | None, Field(description="Null where there were signals.")]
    excused: Annotated[bool, Field(description="Whether its having none was to be expected.")]
    streaks: Annotated[
        dict[NoSignalReason, SafeCount],
        Field(description="Cycles without signals since the last one with, by reason."),
    ]
    healthy_streak: Annotated[SafeCount, Field(description="Cycles with signals in a row.")]


class AlertRaised(Message):
    """Signals were missing too often for the same reason."""

    type: Literal["continuity.alert-raised.v1"] = "continuity.alert-raised.v1"
    alert_id: AlertId
    cycle: Ordinal
    at_ns: Nanoseconds
    reason: NoSignalReason
    streak: Ordinal


class AlertCleared(Message):
    """Enough cycles in a row had signals again."""

    type: Literal["continuity.alert-cleared.v1"] = "continuity.alert-cleared.v1"
    alert_id: AlertId
    cycle: Ordinal
    at_ns: Nanoseconds


ContinuityEvent = Annotated[CycleObserved | AlertRaised | AlertCleared, Field(discriminator="type")]

CONTINUITY_EVENT: TypeAdapter[ContinuityEvent] = TypeAdapter(ContinuityEvent, config=UNION)
"""Parses any event of the continuity alert."""
