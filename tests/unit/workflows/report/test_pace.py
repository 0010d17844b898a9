"""The pace is what the loop measured, and costs the same memory for ever."""

from __future__ import annotations

import pytest

from torghut.workflows.decision_loop import Timing
from torghut.workflows.report.pace import Pace, Times


def test_quantiles_are_those_of_the_times_to_5_percent() -> None:
    times = Times()
    for time_ns in range(1_000, 101_000, 1_000):
        times.add(time_ns)

    assert times.quantile_ns(0.5) == pytest.approx(50_000, rel=0.05)
    assert times.quantile_ns(0.99) == pytest.approx(99_000, rel=0.05)
    assert times.quantile_ns(1.0) == times.longest_ns == 100_000


def test_deciding_counts_by_contexts_and_becoming_durable_by_blocks() -> None:
    pace = Pace(began_ns=0)
    pace.tick(1, Timing(decide_ns=1_000_000, durable_ns=3_000_000), 100)
    pace.tick(2, Timing(decide_ns=50_000, durable_ns=9_000_000), 1)

    assert pace.decide.quantile_ns(0.99) == pytest.approx(10_000, rel=0.05)
    assert pace.decide.quantile_ns(1.0) == 50_000
    assert pace.durable.quantile_ns(0.5) == pytest.approx(3_000_000, rel=0.05)
    assert pace.durable.longest_ns == 9_000_000


def test_a_block_without_contexts_decides_none() -> None:
    pace = Pace(began_ns=0)
    pace.tick(1, Timing(decide_ns=70, durable_ns=80), 0)

    assert pace.decide.quantile_ns(0.5) is None
    assert pace.durable.quantile_ns(0.5) == 80


def test_what_was_not_measured_is_not_told() -> None:
    pace = Pace(began_ns=5)
    pace.tick(9, None, 3)

    assert pace.elapsed_ns == 4
    assert pace.decide.quantile_ns(0.5) is pace.durable.quantile_ns(0.5) is None


def test_a_clock_that_is_set_back_is_no_negative_time() -> None:
    pace = Pace(began_ns=100)
    pace.tick(80, Timing(decide_ns=-4, durable_ns=-5), 1)

    assert (pace.elapsed_ns, pace.durable.longest_ns, pace.decide.quantile_ns(0.5)) == (0, 0, 0)
