"""Readings of latency: what is new is an event, and what no process can have counted is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.live.latencies import WORKER, counted, latencies, reading
from torghut.governance.slo.errors import LatencyRefusedError
from torghut.governance.slo.latency import KEPT_NS, LATENCY, ReadLatency
from torghut.schemas.observing.metric import SECONDS
from torghut.schemas.staging.latency import BOUNDS_S

QUICK = counted(0.004)
KEPT_S = KEPT_NS / SECOND_NS


def test_first_reading_of_a_process_is_an_event_even_if_it_has_counted_nothing() -> None:
    (event,) = LATENCY.decide(reading(counted(), after_s=7), LATENCY.initial)

    assert (event.worker, event.pid, event.started_ns) == (WORKER, 1, START_NS)
    assert (event.counts, event.at_ns) == ((0,) * len(BOUNDS_S), START_NS + 7 * SECOND_NS)


def test_reading_that_says_nothing_new_is_no_event() -> None:
    stream = latencies()
    stream.send(reading(QUICK))

    assert stream.send(reading(QUICK, after_s=60)) == []


def test_time_of_readings_never_runs_back() -> None:
    stream = latencies()
    stream.send(reading(QUICK, after_s=60))
    (event,) = stream.send(reading(counted(0.004, 0.004), after_s=-60))

    assert event.at_ns == START_NS + 60 * SECOND_NS


@pytest.mark.parametrize(
    "counts",
    [
        (),
        QUICK[:-1],
        (*QUICK, 1),
        (*QUICK[:-1], 0),
        (-1, *QUICK[1:]),
        (*QUICK[:-1], 2**53),
        (*QUICK[:-1], 2**40_000),
        (*QUICK[:-1], float("nan")),
        (*QUICK[:-1], float("inf")),
        (*QUICK[:-1], 1.5),
        (*QUICK[:-1], "1"),
        (False,) * len(BOUNDS_S),
    ],
    ids=[
        "none", "few", "many", "fallen", "negative", "huge", "gigantic", "nan", "infinite",
        "broken", "text", "boolean",
    ],
)  # fmt: skip
def test_what_is_no_histogram_is_refused(counts: Sequence[int]) -> None:
    command = ReadLatency(process=reading(QUICK).process, counts=counts, at_ns=START_NS)

    with pytest.raises(LatencyRefusedError) as refused:
        LATENCY.decide(command, LATENCY.initial)
    assert refused.value.code == "slo.latency-refused"
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "after", [counted(0.004), counted(9.0, 9.0, 9.0), counted(0.004, 9.0, 9.0)]
)
def test_process_that_counts_less_than_it_did_is_refused(after: tuple[int, ...]) -> None:
    stream = latencies()
    stream.send(reading(counted(0.004, 0.004)))

    assert isinstance(stream.attempt(reading(after, after_s=60)), LatencyRefusedError)


def test_worker_that_was_started_anew_counts_from_nothing() -> None:
    stream = latencies()
    stream.send(reading(counted(0.004, 0.004)))

    assert len(stream.send(reading(QUICK, after_s=60, started_s=50))) == 1
    assert len(stream.state.processes) == 2


def test_fold_keeps_one_reading_older_than_any_window_needs() -> None:
    stream = latencies()
    for hour in range(60):
        stream.send(reading(counted(*[0.004] * hour), after_s=3600 * hour))

    (only,) = stream.state.processes
    ages_s = [59 * 3600 - (one.at_ns - START_NS) // SECOND_NS for one in only.readings]
    assert ages_s[0] >= KEPT_S > ages_s[1]


def test_process_that_another_followed_is_forgotten_and_a_silent_one_is_not() -> None:
    stream = latencies()
    stream.send(reading(QUICK))
    stream.send(reading(QUICK, worker="silent"))
    stream.send(reading(QUICK, after_s=60, started_s=50))
    stream.send(reading(counted(0.004, 0.004), after_s=KEPT_S + 100, started_s=50))

    known = [(one.process.worker, one.process.started_ns) for one in stream.state.processes]
    assert known == [("silent", START_NS), (WORKER, START_NS + 50 * SECOND_NS)]


def test_old_reading_of_a_process_that_was_forgotten_is_no_news() -> None:
    stream = latencies()
    old = reading(QUICK)
    stream.send(old)
    stream.send(reading(QUICK, after_s=KEPT_S + 100, started_s=50))

    assert stream.send(old) == []


def test_bounds_are_those_that_were_published_with_the_first_version() -> None:
    assert (*SECONDS, float("inf")) == BOUNDS_S
    assert (
        *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
        *(1.0, 2.5, 5.0, 10.0, 30.0),
    ) == SECONDS
