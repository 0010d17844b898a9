"""A drawdown profile says how deep and how long a course was below its peak."""

from __future__ import annotations

from torghut.workflows.baseline.capturing import profile
from torghut.workflows.report.summary import Series


def series(times_ns: list[int], equity: list[float]) -> Series:
    """Return a course of which only time and equity matter."""
    nothing: tuple[float, ...] = (0.0,) * len(equity)
    return Series(
        stride=1,
        time_ns=tuple(times_ns),
        price=nothing,
        low=nothing,
        high=nothing,
        weights=(),
        target=nothing,
        position=nothing,
        equity=tuple(equity),
        holding=nothing,
        trend=(),
        intents=(),
        regimes=(),
        gates=(),
    )


def test_profile_of_a_course() -> None:
    found = profile(series([0, 10, 20, 30, 40, 50], [0.0, 5.0, 3.0, 1.0, 6.0, 5.5]))

    assert found is not None
    assert (found.points, found.under_water_ratio) == (6, 0.5)
    assert found.median == 0.25
    assert 2.0 < found.p95 <= 4.0
    assert found.longest_ns == 20


def test_course_that_only_rises_is_never_below() -> None:
    found = profile(series([0, 1, 2], [0.0, 1.0, 2.0]))

    assert found is not None
    assert (found.under_water_ratio, found.p95, found.longest_ns) == (0.0, 0.0, 0)


def test_course_that_never_recovers_is_below_until_it_ends() -> None:
    found = profile(series([0, 10, 90], [0.0, -1.0, -2.0]))

    assert found is not None
    assert found.longest_ns == 90


def test_no_course_has_no_profile() -> None:
    assert profile(series([], [])) is None
