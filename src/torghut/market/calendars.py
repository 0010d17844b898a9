"""Calendars: weekly sessions on a zone's clock, expanded to sorted intervals of UTC.

Expanding needs the zone's history, which changes between machines and years. So the expanded
table, not the zone, is what decisions depend on: its digest goes into their lineage, and a replay
reads the table from the log.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from torghut.kernel.errors import TorghutError
from torghut.kernel.units import NS_PER_S
from torghut.schemas.declarations.calendars import (
    WEEKDAYS,
    AlwaysOpen,
    Calendar,
    EasterHoliday,
    FixedHoliday,
    Holiday,
    SingleDays,
    WeekdayHoliday,
    WeeklyCalendar,
)
from torghut.schemas.declarations.text import parse
from torghut.schemas.rows import SESSION

Interval = tuple[int, int]
"""Open and close in whole seconds since 1970 UTC; both belong to the session."""

_ADAPTER: TypeAdapter[Calendar] = TypeAdapter(Calendar)
_DOMAIN_TAG: Final = b"torghut.calendar.v1\0"
_DAY: Final = dt.timedelta(days=1)
_SATURDAY: Final = 5
_SUNDAY: Final = 6


class ZoneUnknownError(TorghutError):
    """A calendar names a time zone that this machine has no data for."""

    code: ClassVar[str] = "declarations.zone-unknown"

    def __init__(self, *, calendar: str, zone: str) -> None:
        super().__init__(
            f"calendar {calendar}: expected a zone of the tz database, found {zone!r}; "
            "correct it, or install the tzdata package"
        )
        self.calendar = calendar
        self.zone = zone


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedCalendar:
    """A calendar with its sessions as UTC intervals, which no longer need the zone's data.

    Attributes:
        declaration: What it was expanded from.
        intervals: Sorted, apart from each other; empty where the market never closes.
    """

    declaration: Calendar
    intervals: tuple[Interval, ...]

    @property
    def name(self) -> str:
        """The name that instruments cite."""
        return self.declaration.name

    @property
    def digest(self) -> str:
        """The sha256 of the expanded table, 64 hex digits."""
        rows = session_rows([self]).tobytes()
        return hashlib.sha256(_DOMAIN_TAG + rows).hexdigest()


def parse_calendar(text: str, *, file: str) -> Calendar:
    """Return the calendar that ``text`` declares.

    Raises:
        DeclarationSyntaxError: The text is not plain YAML.
        DeclarationContentError: It does not fit the declared model.
    """
    return parse(_ADAPTER, text, file=file)


@lru_cache(maxsize=32)
def expand(calendar: Calendar) -> ExpandedCalendar:
    """Return ``calendar`` with its sessions from ``first_date`` to ``last_date`` in UTC.

    Sessions that touch or overlap become one. Where a clock change leaves two readings of a local
    time, the earlier one opens and the later one closes. What was expanded is kept, for who reads
    the same declarations again and again.

    Raises:
        ZoneUnknownError: The zone has no data here.
    """
    if isinstance(calendar, AlwaysOpen):
        return ExpandedCalendar(declaration=calendar, intervals=())
    try:
        zone = ZoneInfo(calendar.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ZoneUnknownError(calendar=calendar.name, zone=calendar.zone) from error
    joined: list[Interval] = []
    for opened, closed in sorted(_sessions(calendar, zone)):
        if joined and opened <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closed, joined[-1][1]))
        else:
            joined.append((opened, closed))
    return ExpandedCalendar(declaration=calendar, intervals=tuple(joined))


def session_rows(calendars: Sequence[ExpandedCalendar]) -> npt.NDArray[np.void]:
    """Return all intervals one after the other, shape (n,), dtype ``SESSION``."""
    seconds = [interval for calendar in calendars for interval in calendar.intervals]
    rows = np.zeros(len(seconds), SESSION)
    table = np.array(seconds, np.int64).reshape(len(seconds), 2) * NS_PER_S
    rows["open_ns"] = table[:, 0]
    rows["close_ns"] = table[:, 1]
    return rows


def holidays(calendar: WeeklyCalendar) -> frozenset[dt.date]:
    """Return the local dates in the calendar's years on which no session begins."""
    # A holiday on the first of January may be kept in the year before, and the other way round.
    years = range(calendar.first_date.year - 1, calendar.last_date.year + 2)
    return frozenset(
        day
        for holiday in calendar.holidays
        for year in years
        if holiday.first_year <= year <= holiday.last_year
        for day in _days_of(holiday, year)
    )


def easter_sunday(year: int) -> dt.date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Astronomical Algorithms, ch. 8).

    Example:
        >>> easter_sunday(2000).isoformat()
        '2000-04-23'
    """
    golden = year % 19
    century, of_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    drift = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - leap_centuries - drift + 15) % 30
    leap_years, year_rest = divmod(of_century, 4)
    weekday = (32 + 2 * century_rest + 2 * leap_years - moon - year_rest) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return dt.date(year, month, day + 1)


def _sessions(calendar: WeeklyCalendar, zone: ZoneInfo) -> Iterator[Interval]:
    """Yield the calendar's sessions in UTC, unsorted."""
    closed = holidays(calendar)
    for session in calendar.sessions:
        opens_on, opens_at = _week_time(session.opens)
        closes_on, closes_at = _week_time(session.closes)
        span = dt.timedelta(days=(closes_on - opens_on) % 7)
        if span == dt.timedelta(0) and closes_at <= opens_at:
            span = dt.timedelta(days=7)
        ahead = (opens_on - calendar.first_date.weekday()) % 7
        day = calendar.first_date + dt.timedelta(days=ahead)
        while day <= calendar.last_date:
            if day not in closed:
                opened = min(_readings(day, opens_at, zone))
                yield opened, max(_readings(day + span, closes_at, zone))
            day += 7 * _DAY


def _readings(day: dt.date, time: dt.time, zone: ZoneInfo) -> Interval:
    """Return both readings of a local time in seconds; they differ only in a clock change."""
    local = dt.datetime.combine(day, time, zone)
    return int(local.timestamp()), int(local.replace(fold=1).timestamp())


def _week_time(text: str) -> tuple[int, dt.time]:
    """Return the weekday (Monday 0) and the time that ``sunday 17:00`` spells."""
    day, _, time = text.partition(" ")
    return [str(name) for name in WEEKDAYS].index(day), dt.time.fromisoformat(time)


def _days_of(holiday: Holiday, year: int) -> Sequence[dt.date]:
    """Return the days on which ``holiday`` is kept for ``year``."""
    match holiday:
        case FixedHoliday():
            return [_observed(dt.date(year, holiday.month, holiday.day), holiday)]
        case WeekdayHoliday():
            return [_nth_weekday(holiday, year)]
        case EasterHoliday():
            return [easter_sunday(year) + dt.timedelta(days=holiday.offset_days)]
        case SingleDays():
            return [day for day in holiday.dates if day.year == year]


def _observed(day: dt.date, holiday: FixedHoliday) -> dt.date:
    """Return the day on which a holiday falling on ``day`` is kept."""
    if day.weekday() == _SUNDAY and holiday.observed != "as-is":
        return day + _DAY
    if day.weekday() == _SATURDAY and holiday.observed == "nearest-weekday":
        return day - _DAY
    return day


def _nth_weekday(holiday: WeekdayHoliday, year: int) -> dt.date:
    """Return the n-th such weekday of the month, or its last one."""
    wanted = WEEKDAYS.index(holiday.weekday)
    if holiday.nth == -1:
        last = dt.date(year + holiday.month // 12, holiday.month % 12 + 1, 1) - _DAY
        return last - dt.timedelta(days=(last.weekday() - wanted) % 7)
    first = dt.date(year, holiday.month, 1)
    return first + dt.timedelta(days=(wanted - first.weekday()) % 7 + 7 * (holiday.nth - 1))
