"""Options of a run: a day is its first or last instant, and nothing is guessed."""

from __future__ import annotations

import click
import pytest

from torghut.entrypoints.cli.run.options import InstantType, SpeedType

_MIDNIGHT_NS = 1_262_563_200_000_000_000
_DAY_NS = 86_400_000_000_000


@pytest.mark.parametrize(
    ("text", "times"), [("max", None), ("1x", 1.0), ("60x", 60.0), ("0.5x", 0.5)]
)
def test_speeds(text: str, times: float | None) -> None:
    assert SpeedType().convert(text, None, None).times == times


@pytest.mark.parametrize(
    "text", ["", "x", "-1x", "0x", "0.0x", "1", "1e3x", "nanx", "infx", "\u0661x"]
)
def test_other_speeds_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected max, 1x or Nx"):
        SpeedType().convert(text, None, None)


def test_day_begins_at_its_first_and_ends_at_its_last_nanosecond() -> None:
    begin = InstantType(ends=False).convert("2010-01-04", None, None)
    end = InstantType(ends=True).convert("2010-01-04", None, None)

    assert begin.time_ns == _MIDNIGHT_NS
    assert end.time_ns == _MIDNIGHT_NS + _DAY_NS - 1


def test_time_is_kept_as_typed() -> None:
    found = InstantType(ends=True).convert("2010-01-04T09:30:00-05:00", None, None)

    assert str(found) == "2010-01-04T09:30:00-05:00"
    assert found.time_ns == _MIDNIGHT_NS + 52_200 * 1_000_000_000


@pytest.mark.parametrize(
    "text", ["", "today", "2010-13-01", "2010-01-04T09:30:00", "20100104", "1262563200"]
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="expected a day"):
        InstantType(ends=False).convert(text, None, None)
