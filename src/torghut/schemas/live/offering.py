"""What live senders offer and ask for: contexts to be decided, control records, releases.

Null or absent stands for a value that the sender does not know, never for zero. The service stamps
the receive time where the sender gives none.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torghut.schemas.context import StreamName
from torghut.schemas.control import ControlRecord, Reasoned
from torghut.schemas.types import Message, Nanoseconds, Real, Symbol, Unsigned64

FeedName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="What the sender calls its feed; with symbol and sequence it names a context.",
    ),
]


class ContextOffered(Message):
    """One market context, offered to be decided.

    The same feed, symbol, stream and sequence is the same context, over every transport and for
    ever: offered again it is not decided again.
    """

    type: Literal["live.context-offered.v1"] = "live.context-offered.v1"
    feed: FeedName
    symbol: Annotated[Symbol, Field(description="A declared instrument.")]
    stream: Annotated[StreamName, Field(description="Kind of message.")] = "quote"
    sequence: Annotated[
        Unsigned64, Field(description="The feed's own number; rises within symbol and stream.")
    ]
    sequenced: Annotated[
        bool, Field(strict=True, description="Successive sequences are +1, so a jump is a gap.")
    ] = False
    event_ns: Annotated[
        Nanoseconds | None, Field(description="When it happened; absent: when it was received.")
    ] = None
    receive_ns: Annotated[
        Nanoseconds | None, Field(description="When the sender received it; absent: stamped here.")
    ] = None
    bid: Real | None = None
    ask: Real | None = None
    bid_size: Real | None = None
    ask_size: Real | None = None
    last: Annotated[Real | None, Field(description="A trade's price, or a bar's close.")] = None
    last_size: Real | None = None


class ControlOffered(Message):
    """One control record, offered to be taken; the same again counts once."""

    type: Literal["live.control-offered.v1"] = "live.control-offered.v1"
    record: ControlRecord


class ReleaseAsked(Message):
    """Asks for a switch to be released: why, by whom, and which of its throws are to end."""

    reason: Reasoned
    who: Annotated[
        str,
        Field(max_length=200, description="Who asks; recorded beside the name of the token."),
    ] = ""
    ends: Annotated[
        tuple[str, ...] | None,
        Field(
            max_length=64,
            description="Ids of the throws that are to end, as the status tells them: if another "
            "one stands, nothing is released. Null: whatever stands.",
        ),
    ] = None
