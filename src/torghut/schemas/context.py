"""A market context as it is published: one message of a source, admitted to be decided or refused.

Null stands for a value that the message does not carry, never for zero.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.kernel.ids import SYMBOL_PATTERN, IdentifierMalformedError, parse_context_id
from torghut.schemas.types import Message, Nanoseconds, Real, Symbol, Unsigned64

StreamName = Literal["quote", "trade", "depth", "bar"]
Assumption = Literal["event-time", "receive-time", "quote"]
"""What the ingress had to assume because the source does not say it."""

ContextIdText = Annotated[
    str,
    Field(
        pattern=rf"^[0-9a-f]{{32}}:{SYMBOL_PATTERN}"
        r":(quote|trade|depth|bar):(0|[1-9][0-9]{0,19})$",
        description="First 16 bytes of the source's sha256, symbol, stream, sequence.",
    ),
]
DecisionIdText = Annotated[
    str,
    Field(
        max_length=400,
        pattern=rf"^[0-9a-f]{{32}}:{SYMBOL_PATTERN}:[a-z]+:[0-9]+"
        r"/(serving|[a-z][a-z-]{0,31}/([0-9a-f]{64}|none)/[A-Za-z0-9][A-Za-z0-9._-]{0,63})$",
    ),
]


class Identified(Message):
    """What names a context; the parts stand in its id too, and must say the same."""

    context_id: ContextIdText
    symbol: Symbol
    stream: StreamName
    source_sequence: Annotated[
        Unsigned64, Field(description="The source's own, else the record's ordinal in its part.")
    ]
    event_ns: Annotated[Nanoseconds, Field(description="When it happened; a bar's is its close.")]
    receive_ns: Annotated[Nanoseconds, Field(description="When it was first received.")]

    @model_validator(mode="after")
    def _id_says_the_same(self) -> Self:
        try:
            context = parse_context_id(self.context_id)
        except IdentifierMalformedError as error:
            raise ValueError(str(error)) from error
        found = (context.symbol, context.stream, context.sequence)
        if found != (self.symbol, self.stream, self.source_sequence):
            message = "a context id made of symbol, stream and source sequence"
            raise ValueError(message)
        return self


class ContextReceived(Identified):
    """A market context came in."""

    type: Literal["market.context-received.v1"] = "market.context-received.v1"
    sequenced: Annotated[
        bool, Field(strict=True, description="Successive sequences are +1, so a jump is a gap.")
    ] = False
    assumed: Annotated[
        tuple[Assumption, ...], Field(description="What the source did not say.")
    ] = ()
    bid: Real | None = None
    ask: Real | None = None
    bid_size: Real | None = None
    ask_size: Real | None = None
    last: Annotated[Real | None, Field(description="A trade's price, or a bar's close.")] = None
    last_size: Real | None = None
