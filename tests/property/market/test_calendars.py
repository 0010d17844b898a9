"""Whatever is declared, sessions come out sorted, apart and of their true length."""

from __future__ import annotations

import datetime as dt
from itertools import chain, pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from torghut.market.calendars import easter_sunday, expand
from torghut.schemas.declarations.calendars import WEEKDAYS, Session, WeeklyCalendar

WEEK = 7 * 86_400
ZONES = (
    "America/New_York",
    "Europe/London",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
)

week_times = st.builds(
    lambda day, hour, minute: f"{day} {hour:02}:{minute:02}",
    st.sampled_from(WEEKDAYS),
    st.integers(0, 23),
    st.integers(0, 59),
)
calendars = st.builds(
    lambda zone, first, days, sessions: WeeklyCalendar(
        kind="weekly-calendar.v1",
        name="generated",
        why="Made up by a property test.",
        zone=zone,
        first_date=first,
        last_date=first + dt.timedelta(days=days),
        sessions=tuple(sessions),
    ),
    st.sampled_from(ZONES),
    st.dates(dt.date(1975, 1, 1), dt.date(2030, 1, 1)),
    st.integers(0, 400),
    st.lists(st.builds(Session, opens=week_times, closes=week_times), min_size=1, max_size=4),
)


@given(calendars)
def test_open_and_close_alternate(calendar: WeeklyCalendar) -> None:
    instants = list(chain.from_iterable(expand(calendar).intervals))

    assert all(before < after for before, after in pairwise(instants))


@given(calendars)
def test_session_is_as_long_as_its_wall_clock_says(calendar: WeeklyCalendar) -> None:
    zone = ZoneInfo(calendar.zone)
    alone = replaced(calendar, calendar.sessions[:1])
    nominal = wall_clock_length(alone.sessions[0])

    for opened, closed in expand(alone).intervals:
        shift = offset(closed, zone) - offset(opened, zone)
        # A session that begins or ends in the hour of a clock change may be longer by that hour.
        assert closed - opened - (nominal or WEEK) + shift in range(2 * 3600)


def replaced(calendar: WeeklyCalendar, sessions: tuple[Session, ...]) -> WeeklyCalendar:
    """Return ``calendar`` for its first week with other sessions."""
    return WeeklyCalendar(
        kind=calendar.kind,
        name=calendar.name,
        why=calendar.why,
        zone=calendar.zone,
        first_date=calendar.first_date,
        last_date=calendar.first_date + dt.timedelta(days=6),
        sessions=sessions,
    )


def wall_clock_length(session: Session) -> int:
    """Return the seconds from a session's opening to its close on a clock that never changes."""
    return (seconds_of_week(session.closes) - seconds_of_week(session.opens)) % WEEK


def seconds_of_week(text: str) -> int:
    """Return the seconds from Monday 00:00 to a time of the week."""
    day, _, time = text.partition(" ")
    hour, minute = map(int, time.split(":"))
    return [str(name) for name in WEEKDAYS].index(day) * 86_400 + hour * 3600 + minute * 60


def offset(at: int, zone: ZoneInfo) -> int:
    """Return a zone's offset from UTC in seconds."""
    ahead = dt.datetime.fromtimestamp(at, zone).utcoffset()
    assert ahead is not None
    return int(ahead.total_seconds())


@given(st.integers(1900, 2199))
def test_easter_is_a_sunday_of_its_season(year: int) -> None:
    easter = easter_sunday(year)

    assert easter.weekday() == 6
    assert dt.date(year, 3, 22) <= easter <= dt.date(year, 4, 25)
