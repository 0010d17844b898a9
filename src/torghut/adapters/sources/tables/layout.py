"""The documented layout of tables, CSV and Parquet alike: named columns, and what is then assumed.

``docs/reference/sources.md`` is the prose of this module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.adapters.sources.decoding.numbers import SEQUENCE_LIMIT, real, whole
from torghut.adapters.sources.decoding.times import TimeForm, in_range, parse_time
from torghut.adapters.sources.decoding.verdicts import Decoded, RefusedError
from torghut.adapters.sources.errors import SourceLayoutError
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream, published_name
from torghut.schemas.rows import Integers

SYMBOL: Final = "symbol"
EVENT_TIME: Final = "event_time"
RECEIVE_TIME: Final = "receive_time"
STREAM: Final = "stream"
SEQUENCE: Final = "sequence"
VALUES: Final = ("bid", "ask", "bid_size", "ask_size", "last", "last_size")
COLUMNS: Final = (SYMBOL, EVENT_TIME, RECEIVE_TIME, *VALUES, STREAM, SEQUENCE)
"""Every column that is read, by the name it must have."""

STREAMS: Final[Mapping[str, Stream]] = {published_name(stream): stream for stream in Stream}
GAPLESS: Final = "gapless"

Cells = Mapping[str, str]
"""A record's cells as text, by column; empty or absent where there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one source's tables are read.

    Attributes:
        columns: Those of the table that are read.
        event_form: How ``event_time`` is written.
        receive_form: How ``receive_time`` is written.
        stream: What a record without ``stream`` is.
        gapless: Whether ``sequence`` counts by one, so that a jump in it is a gap.
        symbols: The number of each declared symbol.
        latencies: The declared latency of each in ns, shape (symbols,).
    """

    columns: frozenset[str]
    event_form: TimeForm
    receive_form: TimeForm
    stream: Stream
    gapless: bool
    symbols: Mapping[str, int]
    latencies: Integers


def check_columns(name: str, columns: Sequence[str]) -> None:
    """Refuse a table without the columns that a context needs.

    Raises:
        SourceLayoutError: A column is missing or there twice.
    """
    found = ", ".join(columns) or "none"
    if len(set(columns)) != len(columns):
        raise SourceLayoutError(name=name, expected="each column once", found=found)
    if SYMBOL not in columns:
        raise SourceLayoutError(name=name, expected=f"a column {SYMBOL}", found=found)
    if EVENT_TIME not in columns and RECEIVE_TIME not in columns:
        expected = f"a column {EVENT_TIME} or {RECEIVE_TIME}"
        raise SourceLayoutError(name=name, expected=expected, found=found)
    if not {"bid", "ask"} <= set(columns) and "last" not in columns and STREAM not in columns:
        raise SourceLayoutError(name=name, expected="columns bid and ask, or last", found=found)


def default_stream(columns: Sequence[str]) -> Stream:
    """Return what the records of a table without ``stream`` are."""
    return Stream.QUOTE if {"bid", "ask"} <= set(columns) else Stream.TRADE


_READ: Final[Mapping[Stream, Sequence[str]]] = {
    Stream.QUOTE: VALUES,
    Stream.TRADE: ("last", "last_size"),
    Stream.DEPTH: ("bid_size", "ask_size"),
    Stream.BAR: VALUES,
}
_REQUIRED: Final[Mapping[Stream, frozenset[str]]] = {
    Stream.QUOTE: frozenset({"bid", "ask"}),
    Stream.TRADE: frozenset({"last"}),
    Stream.DEPTH: frozenset(),
    Stream.BAR: frozenset({"bid", "ask"}),
}
_REQUIRED_CLOSE: Final = frozenset({"last"})


def judge_cells(layout: Layout, cells: Cells, record: int) -> Decoded:
    """Return the context that a record is; the authority on every code of a table.

    Raises:
        RefusedError: It is none.
    """
    symbol = layout.symbols.get(_filled(cells, SYMBOL))
    if symbol is None:
        raise RefusedError(RefusalCode.INSTRUMENT_UNDECLARED)
    stream = layout.stream
    if STREAM in layout.columns:
        if (name := _filled(cells, STREAM)) not in STREAMS:
            raise RefusedError(RefusalCode.UNKNOWN_MESSAGE)
        stream = STREAMS[name]
    sequence = _sequence(cells) if SEQUENCE in layout.columns else record
    marks, event_ns, receive_ns = _times(layout, cells, int(layout.latencies[symbol]))
    if layout.gapless:
        marks |= ContextFlag.SEQUENCED
    refusal, values = RefusalCode.NONE, dict[str, float]()
    try:
        values = _values(stream, cells)
    except RefusedError as error:
        refusal = error.refusal
    if values and _closes(stream, cells):
        values["bid"] = values["ask"] = values["last"]
        marks |= ContextFlag.QUOTE_ASSUMED
    return Decoded(
        symbol=symbol,
        stream=stream,
        marks=marks,
        refusal=refusal,
        sequence=sequence,
        event_ns=event_ns,
        receive_ns=receive_ns,
        **values,
    )


def _filled(cells: Cells, column: str) -> str:
    """Return a cell that must not be empty."""
    text = cells.get(column, "")
    if not text:
        raise RefusedError(RefusalCode.MISSING_FIELD)
    return text


def _sequence(cells: Cells) -> int:
    """Return a record's own sequence."""
    value = whole(_filled(cells, SEQUENCE))
    if value is None or not 0 <= value < SEQUENCE_LIMIT:
        raise RefusedError(RefusalCode.WRONG_TYPE)
    return value


def _times(layout: Layout, cells: Cells, latency_ns: int) -> tuple[ContextFlag, int, int]:
    """Return marks, event and receive time; the one that is missing is assumed from the other."""
    event_text, receive_text = cells.get(EVENT_TIME, ""), cells.get(RECEIVE_TIME, "")
    if not event_text:
        receive = parse_time(receive_text, layout.receive_form)
        return ContextFlag.EVENT_TIME_ASSUMED, receive, receive
    event = parse_time(event_text, layout.event_form)
    if not receive_text:
        return ContextFlag.RECEIVE_TIME_ASSUMED, event, in_range(event + latency_ns)
    return ContextFlag(0), event, parse_time(receive_text, layout.receive_form)


def _closes(stream: Stream, cells: Cells) -> bool:
    """Return whether a record is a bar of traded prices alone, without a quote."""
    return stream is Stream.BAR and not cells.get("bid") and not cells.get("ask")


def _values(stream: Stream, cells: Cells) -> dict[str, float]:
    """Return the prices and sizes of a record, NaN where its kind needs none."""
    required = _REQUIRED_CLOSE if _closes(stream, cells) else _REQUIRED[stream]
    values: dict[str, float] = {}
    for name in _READ[stream]:
        text = _filled(cells, name) if name in required else cells.get(name, "")
        value = real(text) if text else math.nan
        if value is None:
            raise RefusedError(RefusalCode.WRONG_TYPE)
        values[name] = value
    return values
