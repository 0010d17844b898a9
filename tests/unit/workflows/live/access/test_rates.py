"""A token may be used as often as declared: on average, and twice that at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import Stopwatch
from torghut.workflows.live.access.errors import RateExceededError
from torghut.workflows.live.access.rates import Rates

SECOND = 1_000_000_000


def taken(rates: Rates, name: str, asked: int) -> int:
    """Return how many of ``asked`` requests are taken."""
    count = 0
    for _ in range(asked):
        try:
            rates.count(name)
        except RateExceededError:
            continue
        count += 1
    return count


def test_a_burst_is_twice_what_a_second_allows() -> None:
    assert taken(Rates(per_s=5, steady=Stopwatch()), "desk", 100) == 10


def test_what_was_used_comes_back_with_time() -> None:
    watch = Stopwatch()
    rates = Rates(per_s=5, steady=watch)
    taken(rates, "desk", 100)
    watch.time_ns += SECOND

    assert taken(rates, "desk", 100) == 5


def test_one_token_takes_nothing_from_another() -> None:
    rates = Rates(per_s=5, steady=Stopwatch())
    taken(rates, "desk", 100)

    assert taken(rates, "watcher", 100) == 10


def test_who_waits_as_long_as_told_is_taken() -> None:
    watch = Stopwatch()
    rates = Rates(per_s=3, steady=watch)
    taken(rates, "desk", 100)
    with pytest.raises(RateExceededError) as refusal:
        rates.count("desk")
    assert refusal.value.retry_after_ms is not None
    watch.time_ns += refusal.value.retry_after_ms * 1_000_000

    assert taken(rates, "desk", 1) == 1


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 100)), max_size=20),
)
def test_no_pattern_gets_more_than_the_burst_and_the_rate(
    per_s: int, pattern: list[tuple[int, int]]
) -> None:
    watch = Stopwatch()
    rates = Rates(per_s=per_s, steady=watch)
    total = 0
    for wait_ns, asked in pattern:
        watch.time_ns += wait_ns
        total += taken(rates, "desk", asked)

    assert total <= 2 * per_s + watch.time_ns / SECOND * per_s + 1e-6
