"""A record as a broker gives it, and one as it is given to a broker."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec

Headers: TypeAlias = Sequence[tuple[str, bytes]]
"""Names and values beside a record; of a name that comes twice the last one counts."""

SCHEMA: Final = "schema"
SOURCE: Final = "source"
INGRESS_WALL_NS: Final = "ingress-wall-ns"
SPEED: Final = "speed"
REFUSAL: Final = "refusal"
LOG_POSITION: Final = "log-position"
BLOCK_DIGEST: Final = "block-digest"
EVENT_POSITION: Final = "event-position"
EVENT_DIGEST: Final = "event-digest"
STREAM_VERSION: Final = "stream-version"
RECORDED_AT_NS: Final = "recorded-at-ns"
CORRELATION_ID: Final = "correlation-id"
CAUSATION_ID: Final = "causation-id"
TOPIC: Final = "topic"
PARTITION: Final = "partition"
OFFSET: Final = "offset"
TRACEPARENT: Final = "traceparent"

_TRACE: Final = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Received(msgspec.Struct, frozen=True, gc=False):
    """A record of a topic; a struct, since one is made for every context.

    Attributes:
        offset: Its place in its partition; ascending, not always by one.
        key: As sent; None without one.
        value: As sent; None where it says that its key is gone.
        headers: As sent.
        timestamp_ms: When it was made, by its sender's clock; -1 where nobody says.
    """

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What was read of one partition.

    Attributes:
        records: In their order; there may be none.
        then: The offset from which reading goes on: marks that are no records are passed by.
    """

    records: Sequence[Received]
    then: int


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A record to be sent.

    Attributes:
        key: What its partition follows from; None without one.
        value: What it says.
        headers: Beside it.
        topic: Where it goes; empty: where whoever sends it speaks. A voice stays on its partition.
    """

    key: bytes | None
    value: bytes
    headers: Headers
    topic: str = ""


def trace_of(headers: Mapping[str, bytes]) -> bytes:
    """Return a W3C trace as it came; empty where it is none, for no trace is worth a record."""
    said = headers.get(TRACEPARENT)
    return said if said is not None and _TRACE.fullmatch(said) else b""
