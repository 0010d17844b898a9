"""Path data leads through the points it is given."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from torghut.entrypoints.report.axes import Range, range_of, time_ticks, value_ticks
from torghut.entrypoints.report.paths import area, band, bars, boxes, line, steps

_COMMAND = re.compile(r"([MlLhvVHz])([^MlLhvVHz]*)")
_NUMBER = re.compile(r"-?\d+")

heights = st.lists(st.none() | st.integers(-2000, 2000), max_size=40)


def operands(command: str, numbers: list[int]) -> list[tuple[int | None, int | None]]:
    """Return what a command says across and upwards; None where it says nothing."""
    if command in "hH":
        return [(number, None) for number in numbers]
    if command in "vV":
        return [(None, number) for number in numbers]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def corners(path: str) -> list[tuple[int, int]]:
    """Return the points that path data leads through."""
    x = y = 0
    found: list[tuple[int, int]] = []
    for command, text in _COMMAND.findall(path):
        relative = int(command.islower())
        for across, down in operands(command, [int(n) for n in _NUMBER.findall(text)]):
            x = x if across is None else across + relative * x
            y = y if down is None else down + relative * y
            found.append((x, y))
    return found


@given(heights)
def test_line_leads_through_every_point(values: list[int | None]) -> None:
    expected = [(n, value) for n, value in enumerate(values) if value is not None]

    assert corners(line(values)) == expected


@given(heights)
def test_steps_stay_until_the_next_point(values: list[int | None]) -> None:
    through = set(corners(steps(values)))

    for n, value in enumerate(values):
        changes = n == 0 or values[n - 1] != value
        if value is not None and changes:
            assert (n, value) in through


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=30))
def test_band_leads_along_the_one_and_back_along_the_other(pairs: list[tuple[int, int]]) -> None:
    upper, lower = [high for high, _ in pairs], [low for _, low in pairs]

    found = corners(band(upper, lower))

    assert found[: len(pairs)] == list(enumerate(upper))
    assert found[len(pairs) :] == list(enumerate(lower))[::-1]


def test_area_bars_and_boxes_of_nothing_are_nothing() -> None:
    assert area([], 9) == band([], []) == boxes([], 0, 1) == bars([0, 0], 5) == ""


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_value_ticks_are_round_and_inside(low: float, width: float) -> None:
    width += abs(low) * 1e-9  # below that, neighbouring ticks are one number
    spanned = Range(low=low, high=low + width)

    ticks = value_ticks(spanned)

    assert len(ticks) <= 8
    assert all(low - width * 1e-6 <= tick.at <= low + width * (1 + 1e-6) for tick in ticks)


def test_range_of_one_value_or_none_has_room() -> None:
    for values in ([], [0.0], [5.0, 5.0], [float("nan")]):
        spanned = range_of(values)
        assert spanned.low < spanned.high


@given(st.lists(st.integers(0, 2**60), min_size=1, max_size=50))
def test_time_ticks_are_few_and_inside(times: list[int]) -> None:
    ticks = time_ticks(sorted(times))

    assert len(ticks) <= 13
    assert all(0 < tick.at < len(times) for tick in ticks)
