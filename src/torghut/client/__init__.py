"""What a trading loop needs of Torghut, and nothing that decides: quick to load, safe by itself.

Everything else here is how; this is what.
"""

from __future__ import annotations

from torghut.client.blocking import SyncClient, connect_sync
from torghut.client.bookmark import Bookmark
from torghut.client.calling import Client, connect
from torghut.client.delivery import Delivery, State, Verdict
from torghut.client.errors import (
    AnswerLateError,
    ClosedError,
    DeniedError,
    InFlightFullError,
    NotTakenError,
    UnreachableError,
)
from torghut.client.limits import Limits
from torghut.client.wire.decision import Decision
from torghut.client.wire.messages import Answered, Refusal
from torghut.client.wire.offers import Context, fill, order, position
from torghut.kernel.errors import TorghutError
from torghut.schemas.live.position import Position, parse_position

__all__ = [
    "AnswerLateError",
    "Answered",
    "Bookmark",
    "Client",
    "ClosedError",
    "Context",
    "Decision",
    "Delivery",
    "DeniedError",
    "InFlightFullError",
    "Limits",
    "NotTakenError",
    "Position",
    "Refusal",
    "State",
    "SyncClient",
    "TorghutError",
    "UnreachableError",
    "Verdict",
    "connect",
    "connect_sync",
    "fill",
    "order",
    "parse_position",
    "position",
]
