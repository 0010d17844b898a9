"""A refused context as published JSON."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from torghut.kernel.ids import source_key
from torghut.schemas.codes import RefusalCode, Stream, published_names

_ENCODER: Final = msgspec.json.Encoder()
_STREAMS: Final = published_names(Stream)
_UNNAMED_STREAM: Final = "other"


class _Refused(
    msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="market.context-refused.v1"
):
    """``schemas.refusal.ContextRefused``, quick to make.

    Unlike there, a time may be negative and a stream unknown where that is why it was refused.
    """

    context_id: str
    symbol: str
    stream: str
    source_sequence: str
    event_ns: str
    receive_ns: str
    code: str


def refusal_json(context: np.void, code: RefusalCode, *, symbol: str, source: str) -> bytes:
    """Return a refusal that fits ``schemas/events/market/context-refused.v1.json``.

    Args:
        context: One row of dtype ``CONTEXT``.
        code: Why it was refused.
        symbol: The declared instrument.
        source: sha256 of the source part.
    """
    number = int(context["stream"])
    stream = _STREAMS[number] if number < len(_STREAMS) else _UNNAMED_STREAM
    sequence = str(context["sequence"])
    return _ENCODER.encode(
        _Refused(
            context_id=f"{source_key(source).hex()}:{symbol}:{stream}:{sequence}",
            symbol=symbol,
            stream=stream,
            source_sequence=sequence,
            event_ns=str(context["event_ns"]),
            receive_ns=str(context["receive_ns"]),
            code=code.code,
        )
    )
