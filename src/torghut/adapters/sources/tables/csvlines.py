"""CSV in the documented layout: a header line, then one record a line."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import product
from typing import Final

import numpy as np
from typing_extensions import override

from torghut.adapters.sources.decoding.linetext import decode_line
from torghut.adapters.sources.decoding.page import Mask
from torghut.adapters.sources.decoding.templates import Program, Scanned, build_program
from torghut.adapters.sources.decoding.times import PLAUSIBLE_NS, TimeForm
from torghut.adapters.sources.decoding.verdicts import RefusedError, Verdict
from torghut.adapters.sources.linewise import LineDecoder
from torghut.adapters.sources.tables.layout import (
    EVENT_TIME,
    RECEIVE_TIME,
    SEQUENCE,
    STREAM,
    STREAMS,
    SYMBOL,
    VALUES,
    Layout,
    judge_cells,
)
from torghut.adapters.sources.tables.rows import Columns, compose_columns
from torghut.kernel.units import NS_PER_S
from torghut.market.ports import ContextArray
from torghut.schemas.codes import RefusalCode
from torghut.schemas.rows import LATEST_NS, Integers

_FIRST_STREAM: Final = -2  # streams are numbered from here downwards, symbols from 0 upwards
_DATE: Final = "<digits4 {0}_year>-<digits2 {0}_month>-<digits2 {0}_day>T"
_CLOCK: Final = "<digits2 {0}_hour>:<digits2 {0}_minute>:<digits2 {0}_second>"
_FRACTION: Final = ".<fraction {0}_fraction>"


class CsvDecoder(LineDecoder):
    """How the lines of one file become contexts.

    Args:
        header: Names of all columns, in their order.
        layout: How those that are read are read.
    """

    def __init__(self, header: Sequence[str], layout: Layout) -> None:
        self._header = tuple(header)
        self._layout = layout
        words = {name: _FIRST_STREAM - stream for name, stream in STREAMS.items()}
        self._program = build_program(
            _templates(self._header, layout), words | dict(layout.symbols)
        )

    @property
    @override
    def header_lines(self) -> int:
        return 1

    @property
    @override
    def program(self) -> Program:
        return self._program

    @override
    def compose(self, scanned: Scanned, rows: ContextArray) -> Mask:
        event, event_sure = self._times(scanned, EVENT_TIME, self._layout.event_form)
        receive, receive_sure = self._times(scanned, RECEIVE_TIME, self._layout.receive_form)
        count = len(scanned.kinds)
        stream = np.full(count, int(self._layout.stream))
        if STREAM in self._header:
            stream = np.maximum(_FIRST_STREAM - scanned.whole(STREAM), -1)
        absent = np.full(count, np.nan)
        columns = Columns(
            symbol=np.maximum(scanned.whole(SYMBOL), -1),
            event=event,
            receive=receive,
            stream=stream,
            sequence=scanned.whole(SEQUENCE) if SEQUENCE in self._header else scanned.ordinals(),
            values={
                name: scanned.real(name) if name in self._header else absent for name in VALUES
            },
        )
        certain = compose_columns(self._layout, columns, rows)
        return certain & event_sure & receive_sure & (scanned.kinds >= 0)

    @override
    def judge(self, line: bytes, record: int) -> Verdict:
        fields = split_fields(line)
        if len(fields) != len(self._header):
            raise RefusedError(RefusalCode.UNDECODABLE)
        return judge_cells(self._layout, dict(zip(self._header, fields, strict=True)), record)

    def _times(self, scanned: Scanned, column: str, form: TimeForm) -> tuple[Integers, Mask]:
        """Return a column of times in ns, -1 where empty, and which of them are sure."""
        count = len(scanned.kinds)
        if column not in self._header:
            return np.full(count, -1), np.ones(count, np.bool_)
        if form is TimeForm.RFC3339:
            return _instants(scanned, column)
        found = scanned.whole(column)
        least, limit = PLAUSIBLE_NS // form.ns_per_unit, LATEST_NS // form.ns_per_unit
        sure = (found < 0) | ((found >= least) & (found < limit))
        return np.where(found < 0, -1, found * form.ns_per_unit), sure


def split_fields(line: bytes) -> Sequence[str]:
    """Return the fields of a line.

    Raises:
        RefusedError: It is no text, or its quotes do not pair up.
    """
    text = decode_line(line)
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise RefusedError(RefusalCode.UNDECODABLE) from error


def _templates(header: Sequence[str], layout: Layout) -> Sequence[str]:
    """Return the templates of a record: one for each way in which its times can be written."""
    choices = [_choices(column, layout) for column in header]
    return [",".join(fields) for fields in product(*choices)]


def _choices(column: str, layout: Layout) -> Sequence[str]:
    """Return the templates of one column's cell."""
    if column in VALUES:
        return [f"<real? {column}>"]
    match column:
        case "symbol" | "stream":
            return [f"<name {column}>"]
        case "sequence":
            return [f"<whole {column}>"]
        case "event_time":
            return _time_choices(column, layout.event_form)
        case "receive_time":
            return _time_choices(column, layout.receive_form)
        case _:
            return ["<text>"]


def _time_choices(column: str, form: TimeForm) -> Sequence[str]:
    """Return the templates of a time."""
    if form is not TimeForm.RFC3339:
        return [f"<whole? {column}>"]
    seconds = (_DATE + _CLOCK).format(column)
    return [seconds + _FRACTION.format(column) + "Z", seconds + "Z", ""]


def _instants(scanned: Scanned, column: str) -> tuple[Integers, Mask]:
    """Return the instants of RFC 3339 times in ns, -1 where empty, and which are sure."""
    year, month, day, hour, minute, second = (
        scanned.whole(f"{column}_{unit}")
        for unit in ("year", "month", "day", "hour", "minute", "second")
    )
    billionths = np.maximum(scanned.whole(f"{column}_fraction"), 0)
    months = (year - 1970) * 12 + month - 1
    first_day, next_first = (
        (months + later).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        for later in (0, 1)
    )
    exists = (month >= 1) & (month <= 12) & (day >= 1) & (first_day + day <= next_first)  # noqa: PLR2004
    shown = (hour < 24) & (minute < 60) & (second < 60)  # noqa: PLR2004
    seconds = (first_day + day - 1) * 86_400 + (hour * 60 + minute) * 60 + second
    ns = seconds * NS_PER_S + billionths
    sure = exists & shown & (ns > 0) & (year >= 1970) & (year < 2200)  # noqa: PLR2004
    return np.where(year < 0, -1, ns), sure | (year < 0)
