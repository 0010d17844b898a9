"""Calendars know holidays, clock changes and both ends of a session."""

from __future__ import annotations

import datetime as dt
import gzip
import importlib.util
from bisect import bisect_right
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.decisions.declared import changed, shipped, text_of
from torghut.market.calendars import (
    ExpandedCalendar,
    ZoneUnknownError,
    easter_sunday,
    expand,
    holidays,
    parse_calendar,
    session_rows,
)
from torghut.schemas.declarations.calendars import WeeklyCalendar
from torghut.schemas.declarations.errors import DeclarationContentError
from torghut.schemas.rows import SESSION

NEW_YORK = ZoneInfo("America/New_York")
XNYS = "streams/calendars/xnys.yaml"
FX = "streams/calendars/fx-new-york.yaml"


def calendar(name: str) -> ExpandedCalendar:
    """Return the shipped calendar called ``name``."""
    return next(one for one in shipped().calendars if one.name == name)


def is_open(name: str, local: str) -> bool:
    """Say whether a shipped calendar is open at ``local``, a New York time."""
    at = dt.datetime.fromisoformat(local).replace(tzinfo=NEW_YORK).timestamp()
    intervals = calendar(name).intervals
    index = bisect_right(intervals, (at, float("inf"))) - 1
    return index >= 0 and intervals[index][0] <= at <= intervals[index][1]


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2014-05-01 09:29:59", False),
        ("2014-05-01 09:30:00", True),
        ("2014-05-01 16:00:00", True),  # a daily bar's event time is the last open instant
        ("2014-05-01 16:00:01", False),
        ("2014-05-03 12:00:00", False),
    ],
)
def test_exchange_is_open_at_both_ends_of_its_session(local: str, *, expected: bool) -> None:
    assert is_open("xnys", local) is expected


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2014-05-04 16:59:59", False),
        ("2014-05-04 17:00:00", True),
        ("2014-05-07 03:00:00", True),
        ("2014-05-09 17:00:00", True),
        ("2014-05-09 17:00:01", False),
        ("2014-12-25 12:00:00", True),
    ],
)
def test_currencies_trade_from_sunday_to_friday(local: str, *, expected: bool) -> None:
    assert is_open("fx-new-york", local) is expected


@pytest.mark.parametrize(
    "day",
    [
        "2001-09-11",
        "2004-06-11",
        "2007-01-02",
        "2012-10-29",
        "2016-01-01",
        "2016-03-25",  # Good Friday
        "2017-01-02",  # New Year's Day was a Sunday
        "2020-07-03",  # Independence Day was a Saturday
        "2021-12-24",  # Christmas was a Saturday
        "2022-06-20",  # Juneteenth was a Sunday
        "2026-04-03",
        "2026-07-03",
        "2026-11-26",
    ],
)
def test_exchange_is_closed_on_its_holidays(day: str) -> None:
    assert not is_open("xnys", f"{day} 12:00")


@pytest.mark.parametrize(
    "day",
    [
        "1999-12-31",  # New Year's Day on a Saturday is not kept on the Friday
        "2010-12-31",
        "2021-06-18",  # Juneteenth was not yet kept
        "2008-12-26",
        "2012-10-31",
    ],
)
def test_exchange_is_open_on_days_that_only_look_like_holidays(day: str) -> None:
    assert is_open("xnys", f"{day} 12:00")


def test_exchange_days_are_those_that_prices_were_published_for() -> None:
    spec = importlib.util.find_spec("arch")
    if spec is None or spec.origin is None:
        pytest.skip("needs arch, whose package carries the prices")
    packed = (Path(spec.origin).parent / "data" / "sp500" / "sp500.csv.gz").read_bytes()
    lines = gzip.decompress(packed).decode().splitlines()[1:]
    published = [
        dt.datetime.strptime(line.split(",")[0], "%m/%d/%Y").replace(tzinfo=NEW_YORK).date()
        for line in lines
    ]

    opened = [
        dt.datetime.fromtimestamp(interval[0], NEW_YORK).date()
        for interval in calendar("xnys").intervals
    ]

    assert [day for day in opened if day <= published[-1]] == published


@pytest.mark.parametrize(
    ("year", "day"),
    [(1999, "04-04"), (2000, "04-23"), (2008, "03-23"), (2011, "04-24"), (2024, "03-31")],
)
def test_easter_is_when_it_was(year: int, day: str) -> None:
    assert easter_sunday(year).isoformat() == f"{year}-{day}"


@pytest.mark.parametrize(
    ("saturday", "hours"), [("2014-03-08", 23), ("2014-05-03", 24), ("2014-11-01", 25)]
)
def test_day_on_which_clocks_change_has_its_true_length(saturday: str, hours: int) -> None:
    text = changed(FX, "opens: sunday 17:00", "opens: saturday 12:00")
    text = text.replace("closes: friday 17:00", "closes: sunday 12:00")
    days = expand(parse_calendar(text, file=FX))
    start = dt.datetime.fromisoformat(f"{saturday} 12:00").replace(tzinfo=NEW_YORK).timestamp()

    opened, closed = next(interval for interval in days.intervals if interval[0] == start)

    assert (closed - opened) / 3600 == hours


@pytest.mark.parametrize(("sunday", "utc_hour"), [("2014-03-02", 22), ("2014-03-09", 21)])
def test_currencies_open_an_hour_earlier_in_summer(sunday: str, utc_hour: int) -> None:
    opening = dt.datetime.fromisoformat(sunday).replace(hour=utc_hour, tzinfo=dt.UTC)

    assert opening.timestamp() in {opened for opened, _ in calendar("fx-new-york").intervals}


def test_expansion_covers_the_declared_range_and_no_more() -> None:
    text = changed(XNYS, "first_date: 1999-01-01", "first_date: 2014-05-01")
    text = text.replace("last_date: 2026-12-31", "last_date: 2014-05-05")

    assert len(expand(parse_calendar(text, file=XNYS)).intervals) == 3


def test_sessions_that_touch_become_one() -> None:
    text = text_of(XNYS).replace("09:30", "00:00")
    text = text.replace("closes: monday 16:00", "closes: tuesday 00:00")
    text = text.replace("first_date: 1999-01-01", "first_date: 2014-05-05")
    text = text.replace("last_date: 2026-12-31", "last_date: 2014-05-06")

    intervals = expand(parse_calendar(text, file=XNYS)).intervals

    assert [(closed - opened) / 3600 for opened, closed in intervals] == [40]


def test_session_over_a_whole_week_is_seven_days_long() -> None:
    text = changed(FX, "closes: friday 17:00", "closes: sunday 17:00")
    text = text.replace("first_date: 1999-01-01", "first_date: 2014-05-04")
    text = text.replace("last_date: 2026-12-31", "last_date: 2014-05-04")

    (interval,) = expand(parse_calendar(text, file=FX)).intervals

    assert interval[1] - interval[0] == 7 * 86_400


def test_market_that_never_closes_has_no_sessions() -> None:
    assert calendar("always-open").intervals == ()


def test_session_rows_are_in_nanoseconds_and_calendar_order() -> None:
    fx, xnys = calendar("fx-new-york"), calendar("xnys")
    rows = session_rows([fx, xnys])

    assert rows.dtype == SESSION
    assert len(rows) == len(fx.intervals) + len(xnys.intervals)
    assert rows[0]["open_ns"] == fx.intervals[0][0] * 10**9
    assert rows[-1]["close_ns"] == xnys.intervals[-1][1] * 10**9


def test_no_calendars_make_an_empty_table() -> None:
    assert session_rows([]).shape == (0,)


def test_digest_depends_on_the_expanded_table_alone() -> None:
    fx = calendar("fx-new-york")
    moved = ExpandedCalendar(declaration=fx.declaration, intervals=fx.intervals[1:])

    assert moved.digest != fx.digest
    assert ExpandedCalendar(declaration=fx.declaration, intervals=fx.intervals).digest == fx.digest


def test_holidays_of_one_year_are_the_known_ones() -> None:
    declared = parse_calendar(text_of(XNYS), file=XNYS)
    assert isinstance(declared, WeeklyCalendar)

    kept = sorted(day.isoformat() for day in holidays(declared) if day.year == 2023)

    assert kept == [
        "2023-01-02",
        "2023-01-16",
        "2023-02-20",
        "2023-04-07",
        "2023-05-29",
        "2023-06-19",
        "2023-07-04",
        "2023-09-04",
        "2023-11-23",
        "2023-12-25",
    ]


def test_unknown_zone_says_what_to_do() -> None:
    text = changed(FX, "America/New_York", "America/Atlantis")

    with pytest.raises(ZoneUnknownError, match="'America/Atlantis'; correct it, or install"):
        expand(parse_calendar(text, file=FX))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("opens: monday 09:30", "opens: monday 9:30"),
        ("opens: monday 09:30", "opens: someday 09:30"),
        ("closes: monday 16:00", "closes: monday 24:00"),
        ("first_date: 1999-01-01", "first_date: 1999-02-30"),
        ("first_date: 1999-01-01", "first_date: 2027-01-01"),
        ("zone: America/New_York", "zone: ../../etc/passwd"),
        ("rule: easter", "rule: passover"),
        ("nth: 3", "nth: 5"),
        ("month: 6\n    day: 19", "month: 2\n    day: 29"),
        ("month: 6\n    day: 19", "month: 6\n    day: 31"),
        ("weekday: thursday", "weekday: 4"),
        ("dates: [2012-10-29, 2012-10-30]", "dates: []"),
        ("observed: nearest-weekday", "observed: sometimes"),
        ("kind: weekly-calendar.v1", "kind: monthly-calendar.v1"),
    ],
)
def test_wrong_calendar_is_refused(old: str, new: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_calendar(changed(XNYS, old, new), file=XNYS)
