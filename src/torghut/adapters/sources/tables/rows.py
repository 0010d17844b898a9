"""Rows of contexts from the columns of a table, many at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from torghut.adapters.sources.decoding.page import Mask
from torghut.adapters.sources.tables.layout import Layout
from torghut.market.ports import ContextArray
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream
from torghut.schemas.rows import LATEST_NS, Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The cells of many records, numbers already, shape (n,) each.

    Attributes:
        symbol: Number of the symbol, -1 where it is not known.
        event: Nanoseconds, or -1 where there is none.
        receive: Nanoseconds, or -1 where there is none.
        stream: ``Stream`` numbers, -1 where it is not known.
        sequence: The source's own, else the ordinal; -1 where it is missing.
        values: NaN where a cell is empty, by column; every name of ``VALUES``.
    """

    symbol: Integers
    event: Integers
    receive: Integers
    stream: Integers
    sequence: Integers
    values: Mapping[str, Floats]


def compose_columns(layout: Layout, columns: Columns, rows: ContextArray) -> Mask:
    """Fill ``rows``, but for their source; say which are as ``judge_cells`` would have them."""
    latency = layout.latencies[columns.symbol] if len(layout.latencies) else np.int64(0)
    no_event, no_receive = columns.event < 0, columns.receive < 0
    event = np.where(no_event, columns.receive, columns.event)
    receive = np.where(no_receive, columns.event + latency, columns.receive)
    bid, ask, last = (columns.values[name] for name in ("bid", "ask", "last"))
    quoted = ~(np.isnan(bid) | np.isnan(ask))
    priced = ~np.isnan(last)
    closes = (columns.stream == Stream.BAR) & np.isnan(bid) & np.isnan(ask) & priced
    both_sided = (columns.stream == Stream.QUOTE) | (columns.stream == Stream.BAR)
    trades, depths = columns.stream == Stream.TRADE, columns.stream == Stream.DEPTH
    rows["symbol"] = np.maximum(columns.symbol, 0)
    rows["stream"] = np.maximum(columns.stream, 0)
    rows["marks"] = (
        no_event * ContextFlag.EVENT_TIME_ASSUMED
        | no_receive * ContextFlag.RECEIVE_TIME_ASSUMED
        | closes * ContextFlag.QUOTE_ASSUMED
        | (ContextFlag.SEQUENCED if layout.gapless else 0)
    )
    rows["refusal"] = RefusalCode.NONE
    rows["sequence"] = columns.sequence
    rows["event_ns"] = event
    rows["receive_ns"] = receive
    rows["bid"] = np.where(both_sided, np.where(closes, last, bid), np.nan)
    rows["ask"] = np.where(both_sided, np.where(closes, last, ask), np.nan)
    for name in ("bid_size", "ask_size"):
        rows[name] = np.where(trades, np.nan, columns.values[name])
    for name in ("last", "last_size"):
        rows[name] = np.where(depths, np.nan, columns.values[name])
    known = (columns.symbol >= 0) & (columns.stream >= 0) & (columns.sequence >= 0)
    timed = ~(no_event & no_receive) & (receive < LATEST_NS)
    complete = depths | (trades & priced) | (both_sided & quoted) | closes
    certain: Mask = known & timed & complete
    return certain
