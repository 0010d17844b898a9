"""The pace is measured between blocks and costs the same memory for ever."""

from __future__ import annotations

import pytest

from torghut.workflows.report.pace import Pace


def test_quantiles_are_those_of_the_times_between_blocks_to_5_percent() -> None:
    pace = Pace(began_ns=1_000)
    now_ns = 1_000
    for passed_ns in [1_000_000, *range(1_000, 101_000, 1_000)]:
        now_ns += passed_ns
        pace.tick(now_ns)

    median, tail = pace.quantile_ns(0.5), pace.quantile_ns(0.99)

    assert median == pytest.approx(50_000, rel=0.05)
    assert tail == pytest.approx(99_000, rel=0.05)
    assert pace.quantile_ns(1.0) == pace.longest_ns == 100_000
    assert pace.elapsed_ns == now_ns - 1_000


def test_one_block_has_no_time_between() -> None:
    pace = Pace(began_ns=5)
    pace.tick(9)

    assert pace.quantile_ns(0.5) is None


def test_clock_that_is_set_back_is_no_negative_time() -> None:
    pace = Pace(began_ns=100)
    pace.tick(90)
    pace.tick(80)

    assert (pace.elapsed_ns, pace.longest_ns, pace.quantile_ns(0.5)) == (0, 0, 0)
