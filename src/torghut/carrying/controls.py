"""Control records as messages."""

from __future__ import annotations

import hashlib
from typing import Final

from pydantic import ValidationError

from torghut.carrying.contexts import Unreadable, unreadable
from torghut.carrying.messages import CAUSATION_ID, CORRELATION_ID, SCHEMA, Outgoing, Received
from torghut.kernel.canonical import JsonRefusedError, canonical_bytes, parse_json_object
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import CONTROL_RECORD, ControlRecord

RECORD_BYTES_MAX: Final = 65_536
"""Longest message that is looked at."""


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


def control_message(record: ControlRecord) -> Outgoing:
    """Return a control record as the message that carries it: keyed by its symbol, or its id."""
    body = canonical_bytes(record.model_dump(mode="json"))
    key = record.control_id if record.symbol == "*" else record.symbol
    headers = (
        (SCHEMA, f"control.{record.kind}.v1".encode()),
        (CORRELATION_ID, record.control_id.encode()),
        (CAUSATION_ID, hashlib.sha256(body).hexdigest()[:32].encode()),
    )
    return Outgoing(key.encode(), body, headers)
