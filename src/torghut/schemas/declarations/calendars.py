"""Calendars: when an instrument's market is open, week by week, but for holidays."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Name, Why
from torghut.schemas.types import Message

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
WeekTime = Annotated[str, Field(pattern=rf"^({'|'.join(WEEKDAYS)}) ([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of the week on the calendar's clock, such as ``sunday 17:00``."""
Year = Annotated[int, Field(ge=1900, le=2199)]


class Session(Message):
    """One opening, repeated every week; both ends are open."""

    opens: WeekTime
    closes: WeekTime


class _Holiday(Message):
    """What every holiday carries: its name and, where it was not always kept, the years."""

    name: Name
    first_year: Year = 1900
    last_year: Year = 2199


class FixedHoliday(_Holiday):
    """The same day of the same month, moved off a weekend as declared."""

    rule: Literal["fixed"]
    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)]
    observed: Literal["as-is", "sunday-to-monday", "nearest-weekday"]

    @model_validator(mode="after")
    def _exists(self) -> Self:
        dt.date(2001, self.month, self.day)  # no leap year: it must exist in all of them
        return self


class WeekdayHoliday(_Holiday):
    """The n-th such weekday of a month; -1 is the last one."""

    rule: Literal["nth-weekday"]
    month: Annotated[int, Field(ge=1, le=12)]
    weekday: Weekday
    nth: Literal[-1, 1, 2, 3, 4]


class EasterHoliday(_Holiday):
    """So many days after (or, negative, before) Easter Sunday of the western church."""

    rule: Literal["easter"]
    offset_days: Annotated[int, Field(ge=-60, le=60)]


class SingleDays(_Holiday):
    """Days closed once, for a reason that follows no rule."""

    rule: Literal["dates"]
    dates: Annotated[tuple[dt.date, ...], Field(min_length=1)]


Holiday = Annotated[
    FixedHoliday | WeekdayHoliday | EasterHoliday | SingleDays, Field(discriminator="rule")
]


class AlwaysOpen(Message):
    """A market that never closes."""

    kind: Literal["always-open.v1"]
    name: Name
    why: Why


class WeeklyCalendar(Message):
    """Sessions repeated every week on one zone's clock, but for holidays.

    A session that begins on a holiday is left out. Outside ``first_date`` to ``last_date`` the
    market counts as closed: what is not declared is not open.
    """

    kind: Literal["weekly-calendar.v1"]
    name: Name
    why: Why
    zone: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_-]+){0,2}$")]
    first_date: dt.date
    last_date: dt.date
    sessions: Annotated[tuple[Session, ...], Field(min_length=1)]
    holidays: tuple[Holiday, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_date > self.last_date:
            message = "first_date <= last_date"
            raise ValueError(message)
        return self


Calendar = Annotated[AlwaysOpen | WeeklyCalendar, Field(discriminator="kind")]
