"""What the service tells its subscribers, one JSON object a line.

An outcome is handed over only once it is durable. Its ingress wall time and playing speed travel
beside it: a client discards it when (wall now - ingress wall time) x speed exceeds what is left
between ``receive_ns`` and ``valid_until_ns``. Speed null is a source played as fast as it goes:
nothing is measured. Ingress time null is an outcome read back from the log: nobody knows how long
it took, so it is history and never acted on.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.control import ControlRecord
from torghut.schemas.decision import Decision
from torghut.schemas.live.position import PositionText
from torghut.schemas.refusal import ContextRefused
from torghut.schemas.types import Identifier, Message, Nanoseconds, SafeCount, Symbol

LiveState = Literal["live", "stale", "stopped"]
"""live: act on what comes. stale: open nothing. stopped: a stop is in force, open nothing."""

Degraded = Literal[
    "log-slow",
    "log-away",
    "disk-full",
    "source-silent",
    "source-ended",
    "clock-stepped",
    "lag",
    "paused",
    "switches-unread",
    "page-unwritten",
    "broker-away",
]
"""Named ways in which the service is not as it should be; the docs say what each one means."""

DEGRADED_STALE: Final[frozenset[str]] = frozenset(
    {"log-away", "disk-full", "source-silent", "source-ended", "paused", "switches-unread"}
)
"""Those in which the loop is told to open nothing."""

SwitchName = Literal[
    "stop", "deterministic-only", "defensive-weights", "revert-packages", "last-stable-revision"
]

WallTime = Annotated[
    Nanoseconds | None, Field(description="When its context came in; null for history.")
]
Speed = Annotated[
    float | None, Field(gt=0, description="Of playing; live 1; null where nothing is measured.")
]


class Decided(Message):
    """A context was decided."""

    type: Literal["live.decided.v1"] = "live.decided.v1"
    position: PositionText
    ingress_wall_ns: WallTime
    speed: Speed
    decision: Decision


class Refused(Message):
    """A context was refused; nothing was decided."""

    type: Literal["live.refused.v1"] = "live.refused.v1"
    position: PositionText
    ingress_wall_ns: WallTime
    speed: Speed
    refusal: ContextRefused


class Heartbeat(Message):
    """The service is there; comes every second and whenever its state changes."""

    type: Literal["live.heartbeat.v1"] = "live.heartbeat.v1"
    worker: Identifier
    wall_ns: Annotated[Nanoseconds, Field(description="The service's own clock; for people.")]
    position: Annotated[PositionText | None, Field(description="Newest outcome; null: none yet.")]
    control_records: Annotated[SafeCount, Field(description="Taken so far by the log.")]
    state: LiveState
    reason: Annotated[str, Field(max_length=600, description="Why it is not live; else empty.")]
    switches: Annotated[tuple[SwitchName, ...], Field(description="Thrown, by file or record.")]
    degraded: Annotated[tuple[Degraded, ...], Field(description="What is not as it should be.")]
    speed: Speed


class ControlRecorded(Message):
    """A control record became durable: taken, repeated or refused, and where it applied."""

    type: Literal["live.control-recorded.v1"] = "live.control-recorded.v1"
    position: Annotated[
        PositionText, Field(description="Partition, block, and the context it came before.")
    ]
    control_id: Identifier
    status: Literal["taken", "repeated", "refused"]
    code: Annotated[str, Field(description="Why it was refused; else empty.")]
    record: Annotated[ControlRecord | None, Field(description="Null where it is repeated.")]


class ControlApplied(Message):
    """A control record took effect on a symbol."""

    type: Literal["live.control-applied.v1"] = "live.control-applied.v1"
    position: Annotated[PositionText, Field(description="Of the block in which it did.")]
    control_id: Identifier
    symbol: Symbol
    contexts_before: Annotated[SafeCount, Field(description="That the symbol had taken by then.")]


class Answered(Message):
    """What became of one control record that was offered."""

    type: Literal["live.answered.v1"] = "live.answered.v1"
    control_id: Identifier
    status: Literal["taken", "repeated", "refused"]
    code: Annotated[str, Field(description="Why it was refused; else empty.")]
    detail: Annotated[str, Field(max_length=2000, description="The same in words.")]
    position: Annotated[PositionText | None, Field(description="Null where nothing was recorded.")]


class Fault(Message):
    """Something that was sent was not taken; it has no outcome."""

    type: Literal["live.fault.v1"] = "live.fault.v1"
    code: Annotated[str, Field(description="Stable; see the page of errors.")]
    detail: Annotated[str, Field(max_length=2000)]
    context_id: Annotated[str, Field(description="Of the context; empty where there is none.")] = ""
    control_id: Annotated[str, Field(description="Of the record; empty where there is none.")] = ""
    retry_after_ms: Annotated[
        SafeCount | None, Field(description="When to try again; null: as it is, never.")
    ] = None
