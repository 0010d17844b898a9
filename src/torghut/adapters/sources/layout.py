"""The documented layout of tables, CSV and Parquet alike: named columns, and what is then assumed.

``docs/reference/sources.md`` is the prose of this module.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.adapters.sources.decoding.numbers import SEQUENCE_LIMIT, real, whole
from torghut.adapters.sources.decoding.times import LATEST_NS, TimeFault, TimeForm, parse_time
from torghut.adapters.sources.decoding.verdicts import Decoded, Verdict
from torghut.adapters.sources.errors import SourceLayoutError
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream
from torghut.schemas.rows import Integers

SYMBOL: Final = "symbol"
EVENT_TIME: Final = "event_time"
RECEIVE_TIME: Final = "receive_time"
STREAM: Final = "stream"
SEQUENCE: Final = "sequence"
VALUES: Final = ("bid", "ask", "bid_size", "ask_size", "last", "last_size")
COLUMNS: Final = (SYMBOL, EVENT_TIME, RECEIVE_TIME, *VALUES, STREAM, SEQUENCE)
"""Every column that is read, by the name it must have."""

STREAMS: Final[Mapping[str, Stream]] = {stream.name.lower(): stream for stream in Stream}
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


def judge_cells(layout: Layout, cells: Cells, record: int) -> Verdict:
    """Return what a record is; the authority on every code of a table."""
    symbol = _symbol(layout, cells)
    if isinstance(symbol, RefusalCode):
        return symbol
    stream = _stream(layout, cells)
    if stream is None:
        return RefusalCode.UNKNOWN_MESSAGE
    sequence = _sequence(layout, cells, record)
    if isinstance(sequence, RefusalCode):
        return sequence
    event = _time(cells.get(EVENT_TIME, ""), layout.event_form)
    receive = _time(cells.get(RECEIVE_TIME, ""), layout.receive_form)
    for time in (event, receive):
        if isinstance(time, RefusalCode):
            return time
    times = _complete(event, receive, int(layout.latencies[symbol]))
    if isinstance(times, RefusalCode):
        return times
    marks, event_ns, receive_ns = times
    refusal, quoted, values = _values(stream, cells)
    return Decoded(
        symbol=symbol,
        stream=stream,
        marks=marks | quoted | (ContextFlag.SEQUENCED if layout.gapless else 0),
        refusal=refusal,
        sequence=sequence,
        event_ns=event_ns,
        receive_ns=receive_ns,
        **values,
    )


def _symbol(layout: Layout, cells: Cells) -> int | RefusalCode:
    """Return the number of a record's symbol."""
    symbol = cells.get(SYMBOL, "")
    if not symbol:
        return RefusalCode.MISSING_FIELD
    return layout.symbols.get(symbol, RefusalCode.INSTRUMENT_UNDECLARED)


def _stream(layout: Layout, cells: Cells) -> Stream | None:
    """Return what kind of message a record is."""
    return STREAMS.get(cells.get(STREAM, "")) if STREAM in layout.columns else layout.stream


def _sequence(layout: Layout, cells: Cells, record: int) -> int | RefusalCode:
    """Return a record's own sequence, or its ordinal where the table has none."""
    if SEQUENCE not in layout.columns:
        return record
    text = cells.get(SEQUENCE, "")
    if not text:
        return RefusalCode.MISSING_FIELD
    value = whole(text)
    if value is None or not 0 <= value < SEQUENCE_LIMIT:
        return RefusalCode.WRONG_TYPE
    return value


def _time(text: str, form: TimeForm) -> int | RefusalCode | None:
    """Return a time in ns, None where the cell is empty."""
    if not text:
        return None
    found = parse_time(text, form)
    match found:
        case TimeFault.NOT_A_TIME:
            return RefusalCode.WRONG_TYPE
        case TimeFault.OUT_OF_RANGE:
            return RefusalCode.TIME_OUT_OF_RANGE
        case _:
            return found


def _complete(
    event: int | None, receive: int | None, latency_ns: int
) -> tuple[int, int, int] | RefusalCode:
    """Return marks, event and receive time, the one that is missing assumed from the other."""
    if event is not None and receive is not None:
        return 0, event, receive
    if receive is not None:
        return ContextFlag.EVENT_TIME_ASSUMED, receive, receive
    if event is None:
        return RefusalCode.MISSING_FIELD
    if event + latency_ns >= LATEST_NS:
        return RefusalCode.TIME_OUT_OF_RANGE
    return ContextFlag.RECEIVE_TIME_ASSUMED, event, event + latency_ns


def _values(stream: Stream, cells: Cells) -> tuple[RefusalCode, ContextFlag, dict[str, float]]:
    """Return what is wrong with a record's values, what is assumed about them, and the values."""
    closes = stream is Stream.BAR and not cells.get("bid") and not cells.get("ask")
    required = frozenset({"last"}) if closes else _REQUIRED[stream]
    values: dict[str, float] = {}
    for name in _READ[stream]:
        text = cells.get(name, "")
        value = real(text) if text else math.nan
        if value is None:
            return RefusalCode.WRONG_TYPE, ContextFlag(0), {}
        if not text and name in required:
            return RefusalCode.MISSING_FIELD, ContextFlag(0), {}
        values[name] = value
    if closes:
        values["bid"] = values["ask"] = values["last"]
        return RefusalCode.NONE, ContextFlag.QUOTE_ASSUMED, values
    return RefusalCode.NONE, ContextFlag(0), values


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
