"""After failures in a row nobody is asked for a while; then one call tries, and what it finds."""

from __future__ import annotations

from typing import Final

import pytest

from torghut.reasoning.breaker import Breaker, BreakerPolicy, admit, fail, succeed

POLICY: Final = BreakerPolicy(failures=3, open_ns=100, open_max_ns=350)


def answered_well(breaker: Breaker) -> Breaker:
    """Return the breaker after a call of its turn was answered as it must be."""
    return succeed(breaker, breaker.turn)


def answered_ill(breaker: Breaker, policy: BreakerPolicy, now_ns: int) -> Breaker:
    """Return the breaker after a call of its turn failed."""
    return fail(breaker, breaker.turn, policy, now_ns)


def opened(now_ns: int = 0) -> Breaker:
    """Return a breaker that opened at a time."""
    breaker = Breaker()
    for _ in range(POLICY.failures):
        breaker = answered_ill(breaker, POLICY, now_ns)
    return breaker


def trying(now_ns: int = 100) -> Breaker:
    """Return a breaker whose one call tries."""
    breaker, turn = admit(opened(), now_ns)
    assert turn is not None
    return breaker


def test_new_breaker_lets_calls_through() -> None:
    assert admit(Breaker(), 0) == (Breaker(), 0)


def test_breaker_stays_closed_below_the_declared_failures() -> None:
    breaker = answered_ill(answered_ill(Breaker(), POLICY, 0), POLICY, 0)

    assert breaker.state == "closed"
    assert admit(breaker, 0)[1] is not None


def test_declared_failures_in_a_row_open_it_for_the_declared_time() -> None:
    breaker = opened(now_ns=7)

    assert breaker.state == "open"
    assert breaker.until_ns == 107


def test_policy_of_one_failure_opens_at_the_first() -> None:
    policy = BreakerPolicy(failures=1, open_ns=100, open_max_ns=100)

    assert answered_ill(Breaker(), policy, 0).state == "open"


def test_success_in_between_begins_the_row_again() -> None:
    breaker = answered_well(answered_ill(answered_ill(Breaker(), POLICY, 0), POLICY, 0))

    assert answered_ill(breaker, POLICY, 0).state == "closed"


@pytest.mark.parametrize("now_ns", [0, 50, 99])
def test_open_breaker_lets_nothing_through_before_its_time(now_ns: int) -> None:
    assert admit(opened(), now_ns) == (opened(), None)


@pytest.mark.parametrize("now_ns", [100, 101, 10**18])
def test_open_breaker_lets_one_call_try_from_its_time_on(now_ns: int) -> None:
    breaker, turn = admit(opened(), now_ns)

    assert turn == breaker.turn
    assert breaker.state == "half-open"


def test_second_call_does_not_try_while_the_first_does() -> None:
    breaker, turn = admit(trying(), 10**18)

    assert turn is None
    assert breaker == trying()


def test_trial_that_succeeds_closes_it_and_forgets_everything() -> None:
    closed = answered_well(trying())

    assert closed == Breaker(turn=closed.turn)


def test_trial_that_fails_doubles_the_wait_from_when_it_failed() -> None:
    breaker = answered_ill(trying(), POLICY, 120)

    assert breaker.state == "open"
    assert breaker.until_ns == 320


def test_wait_doubles_up_to_the_declared_maximum() -> None:
    breaker, waits = opened(), []
    for _ in range(4):
        breaker, turn = admit(breaker, breaker.until_ns)
        assert turn is not None
        breaker = answered_ill(breaker, POLICY, 0)
        waits.append(breaker.wait_ns)

    assert waits == [200, 350, 350, 350]


def test_wait_is_the_shortest_again_after_it_was_closed() -> None:
    breaker = answered_well(admit(answered_ill(trying(), POLICY, 100), 300)[0])
    for _ in range(POLICY.failures):
        breaker = answered_ill(breaker, POLICY, 1000)

    assert breaker.until_ns == 1100


def test_late_success_does_not_close_an_open_breaker() -> None:
    assert succeed(opened(), 0) == opened()


def test_late_failure_does_not_keep_it_open_for_longer() -> None:
    assert fail(opened(), 0, POLICY, 99) == opened()


def test_late_answers_say_nothing_about_the_call_that_tries() -> None:
    assert succeed(trying(), 0) == trying()
    assert fail(trying(), 0, POLICY, 120) == trying()


def test_answer_from_before_it_opened_says_nothing_once_it_is_closed_again() -> None:
    closed = answered_well(trying())

    assert fail(closed, 0, POLICY, 120) == closed
