"""LEAN quote zips: ticks and bars, a zip for a pair and a day or, of hours, for a pair.

Clocks are five hours behind UTC all year, as New York's are in winter (ADR 0015). Bars are labelled
by their start, so a bar's event is its label plus its length: deciding at the label would show the
future.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from typing_extensions import override

from torghut.adapters.sources.decoding.linetext import decode_fields
from torghut.adapters.sources.decoding.numbers import whole
from torghut.adapters.sources.decoding.page import Mask
from torghut.adapters.sources.decoding.templates import Program, Scanned, build_program
from torghut.adapters.sources.decoding.times import in_range
from torghut.adapters.sources.decoding.verdicts import (
    Decoded,
    RefusedError,
    Verdict,
    numbers_in,
)
from torghut.adapters.sources.linewise import LineDecoder
from torghut.kernel.units import NS_PER_MS
from torghut.market.ports import ContextArray
from torghut.schemas.codes import ContextFlag, RefusalCode, Stream
from torghut.schemas.rows import LATEST_NS, Integers

BEHIND_UTC_MS: Final = 5 * 3_600_000
"""How far the clocks are behind UTC, in summer as in winter."""

TICK: Final = "tick"
HOUR: Final = "hour"
LENGTH_MS: Final = {TICK: 0, "second": 1_000, "minute": 60_000, HOUR: 3_600_000}
"""How long a record of each resolution lasts."""

TICK_COLUMNS: Final = ("time", "bid", "ask")
BAR_COLUMNS: Final = (
    "time",
    *("bid_open", "bid_high", "bid_low", "bid_close", "bid_size"),
    *("ask_open", "ask_high", "ask_low", "ask_close", "ask_size"),
)

_DAY_MS: Final = 86_400_000
_LATEST_MS: Final = LATEST_NS // NS_PER_MS
_EPOCH: Final = date(1970, 1, 1)
_MARKS: Final = ContextFlag.RECEIVE_TIME_ASSUMED
_CLOCK: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2}) ([0-9]{2}):([0-9]{2})", re.ASCII)
_CLOCK_TEMPLATE: Final = (
    "<digits4 year><digits2 month><digits2 day> <digits2 hour>:<digits2 minute>"
)
_BAR_TEMPLATE: Final = "".join(
    f",<real>,<real>,<real>,<real {side}>,<real {side}_size>" for side in ("bid", "ask")
)
_TICK_PROGRAM: Final = build_program(["<whole ms>,<real bid>,<real ask>"])
_BAR_PROGRAM: Final = build_program(["<whole ms>" + _BAR_TEMPLATE])
_HOUR_PROGRAM: Final = build_program([_CLOCK_TEMPLATE + _BAR_TEMPLATE])


@dataclass(frozen=True, slots=True, kw_only=True)
class LeanDecoder(LineDecoder):
    """How one zip's lines become contexts.

    Attributes:
        resolution: A key of ``LENGTH_MS``.
        day: The day whose midnight ticks, seconds and minutes count from; None for hours.
        symbol: Index of the pair, -1 if it is not declared.
        latency_ns: Its declared latency.
    """

    resolution: str
    day: date | None
    symbol: int
    latency_ns: int

    @property
    @override
    def header_lines(self) -> int:
        return 0

    @property
    @override
    def program(self) -> Program:
        if self.day is None:
            return _HOUR_PROGRAM
        return _TICK_PROGRAM if self.resolution == TICK else _BAR_PROGRAM

    @property
    def stream(self) -> Stream:
        """Return the stream that all records are of."""
        return Stream.QUOTE if self.resolution == TICK else Stream.BAR

    @override
    def compose(self, scanned: Scanned, rows: ContextArray) -> Mask:
        if self.day is None:
            started = _instants(_midnights_ms(scanned), _clocks_ms(scanned))
        else:
            started = _instants(_midnight_ms(self.day), scanned.whole("ms"))
        event = started + LENGTH_MS[self.resolution] * NS_PER_MS
        receive = event + self.latency_ns
        rows["symbol"] = max(self.symbol, 0)
        rows["stream"] = self.stream
        rows["marks"] = _MARKS
        rows["refusal"] = RefusalCode.NONE
        rows["sequence"] = scanned.ordinals()
        rows["event_ns"] = event
        rows["receive_ns"] = receive
        rows["bid"] = scanned.real("bid")
        rows["ask"] = scanned.real("ask")
        for size in ("bid_size", "ask_size"):
            rows[size] = np.nan if self.resolution == TICK else scanned.real(size)
        rows["last"] = np.nan
        rows["last_size"] = np.nan
        known = (scanned.kinds >= 0) & (started > 0) & (receive < LATEST_NS)
        return known & (self.symbol >= 0)

    @override
    def judge(self, line: bytes, record: int) -> Verdict:
        fields = decode_fields(line, len(TICK_COLUMNS if self.resolution == TICK else BAR_COLUMNS))
        if self.symbol < 0:
            raise RefusedError(RefusalCode.INSTRUMENT_UNDECLARED)
        event = in_range(self._started(fields[0])) + LENGTH_MS[self.resolution] * NS_PER_MS
        refusal, values = numbers_in(fields[1:])
        sides = values if self.resolution == TICK else (values[3], values[8], values[4], values[9])
        bid, ask, bid_size, ask_size = (*sides, math.nan, math.nan)[:4]
        return Decoded(
            symbol=self.symbol,
            stream=self.stream,
            marks=_MARKS,
            refusal=refusal,
            sequence=record,
            event_ns=event,
            receive_ns=in_range(event + self.latency_ns),
            bid=bid,
            ask=ask,
            bid_size=bid_size,
            ask_size=ask_size,
        )

    def _started(self, text: str) -> int:
        """Return the instant that a time field spells, -1 for one that no clock shows."""
        if not text:
            raise RefusedError(RefusalCode.MISSING_FIELD)
        if self.day is None:
            day, clock_ms = _clock(text)
        else:
            count = whole(text)
            if count is None:
                raise RefusedError(RefusalCode.WRONG_TYPE)
            day, clock_ms = self.day, count
        return (_midnight_ms(day) + clock_ms) * NS_PER_MS if 0 <= clock_ms < _DAY_MS else -1


def _midnights_ms(scanned: Scanned) -> Integers:
    """Return each line's midnight in ms since 1970, too late for a context if there is no such day.

    Many lines share a day, and only a calendar knows which days there are.
    """
    months = scanned.whole("year") * 100 + scanned.whole("month")
    days = np.where(scanned.kinds >= 0, months * 100 + scanned.whole("day"), 0)
    numbers, place = np.unique(days, return_inverse=True)
    dates = [_date(n // 10_000, n // 100 % 100, n % 100) for n in numbers.tolist()]
    midnights = [_LATEST_MS if day is None else _midnight_ms(day) for day in dates]
    return np.array(midnights, np.int64)[place]


def _clocks_ms(scanned: Scanned) -> Integers:
    """Return the ms since midnight that each line's clock shows, -1 if none does."""
    minute = scanned.whole("minute")
    return np.where(minute < 60, (scanned.whole("hour") * 60 + minute) * 60_000, -1)  # noqa: PLR2004


def _instants(midnight_ms: int | Integers, clock_ms: Integers) -> Integers:
    """Return the instant of each reading of a clock, shape (n,), -1 where it is no context's."""
    instant_ms = midnight_ms + clock_ms
    shown = (clock_ms >= 0) & (clock_ms < _DAY_MS)
    shown &= (instant_ms >= 0) & (instant_ms < _LATEST_MS)  # beyond, ns may not fit 64 bits
    return np.where(shown, instant_ms * NS_PER_MS, -1)


def _midnight_ms(day: date) -> int:
    """Return the instant at which the clocks show 00:00 of ``day``, in ms since 1970."""
    return (day - _EPOCH).days * _DAY_MS + BEHIND_UTC_MS


def _clock(text: str) -> tuple[date, int]:
    """Return the day and the ms since its midnight that ``text`` spells."""
    match = _CLOCK.fullmatch(text)
    day = _date(int(match[1]), int(match[2]), int(match[3])) if match else None
    if match is None or day is None or int(match[4]) > 23 or int(match[5]) > 59:  # noqa: PLR2004
        raise RefusedError(RefusalCode.WRONG_TYPE)
    return day, (int(match[4]) * 60 + int(match[5])) * 60_000


def _date(year: int, month: int, day: int) -> date | None:
    """Return a date, or None if the calendar has no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None
