"""Contexts as records of a topic, for tests of what takes them."""

from __future__ import annotations

import math
from typing import Final

from tests.fakes.topics import partition_of
from torghut.carrying.contexts import context_message
from torghut.carrying.controls import control_message
from torghut.carrying.messages import Outgoing, Received
from torghut.schemas.codes import Stream
from torghut.schemas.control import ControlRecord

START_NS: Final = 1_700_000_000_000_000_000
STEP_NS: Final = 20_000_000_000
SOURCE: Final = "ab" * 32

WALL_NS: Final = 1_399_291_200_000_000_000
"""When what tests send came in, by wall time."""


def quote(
    sequence: int,
    symbol: str,
    *,
    source: str = SOURCE,
    speed: float | None = None,
    wall_ns: int | None = START_NS,
) -> Outgoing:
    """Return a quote that drifts upwards, 20 s after the one before it of the same symbol."""
    mid = 1.3 * (1.0 + 3e-5 * sequence)
    at_ns = START_NS + sequence * STEP_NS
    row = (0, 0, int(Stream.QUOTE), 0, 0, sequence, at_ns, at_ns)
    message = context_message(
        (*row, mid, mid * 1.00001, 1e6, 1e6, math.nan, math.nan),
        symbol=symbol,
        source=source,
        ingress_wall_ns=wall_ns,
        speed=speed,
    )
    assert message is not None
    return message


def at(offset: int, message: Outgoing) -> Received:
    """Return a message as it stands in a topic."""
    return Received(offset, message.key, message.value, message.headers, 1_000)


def belongs(partitions: int, symbol: str) -> int:
    """Return the partition of a symbol."""
    return partition_of(symbol.encode(), partitions)


def carried_control(record: ControlRecord) -> Outgoing:
    """Return a control record as it is sent."""
    return control_message(record, wall_ns=WALL_NS)
