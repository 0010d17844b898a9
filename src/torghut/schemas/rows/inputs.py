"""What goes into the kernel: contexts, the sources they come from, and trading sessions."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np


class ContextRow(Protocol):
    """One market context; NaN where the message carries no such value."""

    symbol: int
    source: int
    stream: int
    marks: int
    refusal: int
    sequence: np.uint64
    event_ns: int
    receive_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float
    last: float
    last_size: float


CONTEXT: Final = np.dtype(
    [
        ("symbol", "<u4"),  # index into the run's symbol table
        ("source", "<u2"),  # index into the run's source table
        ("stream", "u1"),  # codes.Stream
        ("marks", "u1"),  # codes.ContextFlag
        ("refusal", "u1"),  # codes.RefusalCode found while decoding, or 0
        ("sequence", "<u8"),  # the source's own, else the record's ordinal
        ("event_ns", "<i8"),
        ("receive_ns", "<i8"),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("bid_size", "<f8"),
        ("ask_size", "<f8"),
        ("last", "<f8"),  # trade price, or a bar's close
        ("last_size", "<f8"),
    ]
)


class SourceRow(Protocol):
    """The first 16 bytes of a source's digest, as two little-endian words."""

    key_low: np.uint64
    key_high: np.uint64


LATEST_NS: Final = 7_258_118_400_000_000_000
"""2200-01-01, the first instant that no context has: from there on it is another unit, or garbage.
"""

INT64_LAST_NS: Final = 2**63 - 1
"""The last time that a row has room for; as a bound, none."""

SOURCE: Final = np.dtype([("key_low", "<u8"), ("key_high", "<u8")])


class SessionRow(Protocol):
    """One opening of a calendar: tradable from ``open_ns`` to ``close_ns``, both included."""

    open_ns: int
    close_ns: int


SESSION: Final = np.dtype([("open_ns", "<i8"), ("close_ns", "<i8")])
