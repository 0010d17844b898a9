"""Every line that the live service sends, read strictly; one of a kind not known is passed over.

Whole numbers from 2^53 on come as decimal text, so numbers are taken in either spelling.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from torghut.client.wire.decision import Decision

_SHOWN: Final = 160

StateName = Literal["live", "stale", "stopped"]
Status = Literal["taken", "repeated", "refused"]


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A context was refused, and why; nothing was decided."""

    type: Literal["market.context-refused.v1"]
    context_id: str
    symbol: str
    stream: str
    source_sequence: int
    event_ns: int
    receive_ns: int
    code: str


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """What every line carries: its type."""


class Decided(_Line, frozen=True, tag="live.decided.v1"):
    """A context was decided."""

    position: str
    ingress_wall_ns: int | None
    speed: float | None
    decision: Decision


class Refused(_Line, frozen=True, tag="live.refused.v1"):
    """A context was refused."""

    position: str
    ingress_wall_ns: int | None
    speed: float | None
    refusal: Refusal


class Heartbeat(_Line, frozen=True, tag="live.heartbeat.v1"):
    """The service is there."""

    worker: str
    wall_ns: int
    position: str | None
    control_records: int
    state: StateName
    reason: str
    switches: tuple[str, ...]
    degraded: tuple[str, ...]
    speed: float | None


class ControlRecorded(_Line, frozen=True, tag="live.control-recorded.v1"):
    """A control record became durable."""

    position: str
    control_id: str
    status: Status
    code: str
    record: msgspec.Raw


class ControlApplied(_Line, frozen=True, tag="live.control-applied.v1"):
    """A control record took effect on a symbol."""

    position: str
    control_id: str
    symbol: str
    contexts_before: int


class Answered(_Line, frozen=True, tag="live.answered.v1"):
    """What became of one control record that was offered."""

    control_id: str
    status: Status
    code: str
    detail: str
    position: str | None


class Fault(_Line, frozen=True, tag="live.fault.v1"):
    """Something that was sent was not taken."""

    code: str
    detail: str
    context_id: str = ""
    control_id: str = ""
    retry_after_ms: int | None = None


Incoming: TypeAlias = (
    Decided | Refused | Heartbeat | ControlRecorded | ControlApplied | Answered | Fault
)
Outcome: TypeAlias = Decided | Refused

_TAGS: Final = frozenset(
    f"live.{name}.v1"
    for name in (
        "decided",
        "refused",
        "heartbeat",
        "control-recorded",
        "control-applied",
        "answered",
        "fault",
    )
)


class _Typed(msgspec.Struct, frozen=True):
    """Only the type of a message."""

    type: str


class GarbledError(ValueError):
    """A line is no message of the live service."""


_LINE: Final[msgspec.json.Decoder[Incoming]] = msgspec.json.Decoder(Incoming, strict=False)
_TYPE: Final = msgspec.json.Decoder(_Typed)


def read_line(line: str) -> Incoming | None:
    """Return what a line says; None for a kind of message that this client does not know.

    Raises:
        GarbledError: It is no message, or not as its type promises.
    """
    try:
        return _LINE.decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        if _is_unknown(line):
            return None
        message = f"{error}: {line[:_SHOWN]!r}"
        raise GarbledError(message) from error


def _is_unknown(line: str) -> bool:
    """Return whether a line is a message of a type that is not known here."""
    try:
        return _TYPE.decode(line).type not in _TAGS
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
