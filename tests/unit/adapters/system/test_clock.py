"""Two clocks, each telling what its port promises, and neither in place of the other."""

from __future__ import annotations

import datetime as dt

from torghut.adapters.system.clock import MonotonicClock, SystemClock
from torghut.kernel.clock import SteadyClock, SteadyNs, WallClock, WallNs


def wall_ns(clock: WallClock) -> WallNs:
    """Return what time it is."""
    return clock.now_ns()


def passed_ns(clock: SteadyClock, since: SteadyNs) -> int:
    """Return how much time has passed."""
    return clock.now_ns() - since


def test_wall_clock_tells_the_date() -> None:
    year = dt.datetime.fromtimestamp(wall_ns(SystemClock()) / 1e9, tz=dt.UTC).year

    assert 2020 < year < 2200


def test_steady_clock_never_goes_back() -> None:
    clock = MonotonicClock()
    times = [clock.now_ns() for _ in range(1000)]

    assert times == sorted(times)
    assert passed_ns(clock, times[0]) >= 0


def test_type_checker_refuses_one_clock_in_place_of_the_other() -> None:
    # mypy reports an ignore that it does not need: these fail once the two are alike.
    wall_ns(MonotonicClock())  # type: ignore[arg-type]
    passed_ns(SystemClock(), MonotonicClock().now_ns())  # type: ignore[arg-type]
    passed_ns(MonotonicClock(), SystemClock().now_ns())  # type: ignore[arg-type]
