"""Control records as messages."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from torghut.carrying.contexts import Unreadable, unreadable
from torghut.carrying.messages import (
    CORRELATION_ID,
    INGRESS_WALL_NS,
    SCHEMA,
    SPEED,
    Outgoing,
    Received,
)
from torghut.kernel.canonical import JsonRefusedError, canonical_bytes, parse_json_object
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import (
    CONTROL_RECORD,
    ControlRecord,
    DepthSnapshot,
    FillReported,
    FundamentalsArrived,
    NewsArrived,
    OrderReported,
    PositionReported,
)

RECORD_BYTES_MAX: Final = 65_536
"""Longest message that is looked at."""

_BY_SYMBOL: Final = (
    DepthSnapshot
    | FillReported
    | FundamentalsArrived
    | NewsArrived
    | OrderReported
    | PositionReported
)
_SNAPSHOT: Final = (SCHEMA, b"control.depth-snapshot.v1")


def is_snapshot(received: Received) -> bool:
    """Return whether a record of the topic of contexts says that it is a snapshot of a book.

    It is the one control record that stands among the contexts: which of them it comes before is
    what it says. All others have topics of their own, and so senders of their own.
    """
    return any(one == _SNAPSHOT for one in received.headers)


def read_control(received: Received) -> ControlRecord | Unreadable:
    """Return the control record that a message spells; or why it spells none."""
    value = received.value or b""
    if len(value) > RECORD_BYTES_MAX:
        return unreadable(received, RefusalCode.OVERSIZED_LINE, f"over {RECORD_BYTES_MAX} bytes")
    try:
        parse_json_object(value)
        return CONTROL_RECORD.validate_json(value)
    except JsonRefusedError as error:
        return unreadable(received, RefusalCode.UNDECODABLE, error.found)
    except ValidationError:
        return unreadable(received, RefusalCode.WRONG_TYPE, "no control record")


def control_key(record: ControlRecord) -> str:
    """Return the key of a control record: its symbol where a partition must see it in its order.

    Everybody reads commands whole, also those about one symbol; they have their own id.
    """
    by_symbol = isinstance(record, _BY_SYMBOL) and record.symbol != "*"
    return record.symbol if by_symbol else record.control_id


def control_message(record: ControlRecord, *, wall_ns: int) -> Outgoing:
    """Return a control record as the message that carries it.

    Args:
        record: That is carried.
        wall_ns: When it came in, by wall time.
    """
    headers = (
        (SCHEMA, f"control.{record.kind}.v{record.version}".encode()),
        (INGRESS_WALL_NS, b"%d" % wall_ns),
        (SPEED, b"1.0"),
        (CORRELATION_ID, record.control_id.encode()),
    )
    return Outgoing(
        control_key(record).encode(), canonical_bytes(record.model_dump(mode="json")), headers
    )
