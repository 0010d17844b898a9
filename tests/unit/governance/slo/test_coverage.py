"""A window's latency out of readings around it: what is beyond it is taken from the quickest."""

from __future__ import annotations

import math

from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.live.latencies import Latencies, counted, latencies, reading
from torghut.governance.slo.coverage import covering, within
from torghut.governance.slo.quantiles import upper_quantile
from torghut.schemas.staging.latency import BOUNDS_S

BEGINS_NS = START_NS + 1000 * SECOND_NS


def p95(stream: Latencies, accepted: int, covered: int | None = None) -> float | None:
    """Return the 95th percentile of a window that begins at ``BEGINS_NS``, in seconds."""
    found = covering(stream.state, BEGINS_NS)
    all_of_it = accepted if covered is None else covered
    return upper_quantile(BOUNDS_S, within(found, accepted=accepted, covered=all_of_it), 0.95)


def test_window_has_what_was_counted_since_the_last_reading_before_it() -> None:
    stream = latencies()
    stream.send(reading(counted(*[9.0] * 500), after_s=10))
    stream.send(reading(counted(*[9.0] * 1000), after_s=990))
    stream.send(reading(counted(*[9.0] * 1000, *[0.004] * 50), after_s=1010))
    stream.send(reading(counted(*[9.0] * 1000, *[0.004] * 100), after_s=2000))

    assert covering(stream.state, BEGINS_NS).after_ns == START_NS + 990 * SECOND_NS
    assert p95(stream, 100) == 0.005


def test_process_that_started_in_the_window_counts_from_nothing() -> None:
    stream = latencies()
    stream.send(reading(counted(*[0.004] * 60), after_s=1500, started_s=1400))
    stream.send(reading(counted(*[0.004] * 100), after_s=2000, started_s=1400))

    assert p95(stream, 100) == 0.005


def test_process_that_was_first_read_in_the_window_is_unseen_until_then() -> None:
    stream = latencies()
    stream.send(reading(counted(*[0.004] * 600), after_s=1500))
    stream.send(reading(counted(*[0.004] * 700), after_s=2000))

    assert p95(stream, 100) == 0.005
    assert p95(stream, 106) == math.inf


def test_outcomes_of_all_processes_count_together() -> None:
    stream = latencies()
    stream.send(reading(counted(*[0.004] * 90), after_s=1500, started_s=1100))
    stream.send(reading(counted(*[9.0] * 10), after_s=2000, started_s=1600))

    assert p95(stream, 100) == 10.0


def test_of_what_was_not_seen_nobody_knows_how_long_it_took() -> None:
    stream = latencies()
    stream.send(reading(counted(*[0.004] * 95), after_s=2000, started_s=1100))

    assert p95(stream, 100) == 0.005
    assert p95(stream, 101) == math.inf
    assert p95(latencies(), 1) == math.inf


def test_what_was_counted_before_the_window_hides_nothing_slow_in_it() -> None:
    stream = latencies()
    stream.send(reading(counted(), after_s=1))
    stream.send(reading(counted(*[0.004] * 1000, *[9.0] * 10), after_s=2000))

    assert p95(stream, 100, covered=1010) == 10.0
    assert p95(stream, 1010) == 0.005


def test_what_was_counted_before_the_window_stands_for_nothing_unseen_in_it() -> None:
    stream = latencies()
    stream.send(reading(counted(), after_s=1))
    stream.send(reading(counted(*[0.004] * 1000), after_s=2000))

    # The log has 100 outcomes in the window, of a process that died with them, and 1000 before it.
    assert p95(stream, 100, covered=1100) == math.inf


def test_what_the_log_knows_nothing_of_hides_nothing_slow() -> None:
    stream = latencies()
    stream.send(reading(counted(*[9.0] * 10), after_s=2000, started_s=1100))
    stream.send(reading(counted(*[0.004] * 10_000), after_s=2000, started_s=1100, worker="made-up"))

    assert p95(stream, 100) == 10.0


def test_window_without_anything_has_no_latency() -> None:
    assert p95(latencies(), 0) is None
