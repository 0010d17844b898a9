"""Calls, tokens and questions at once are never more than declared, and an hour is forgotten."""

from __future__ import annotations

from typing import Final

import pytest

from torghut.reasoning.spending import HOUR_NS, Spending, SpendingPolicy

RESERVE: Final = 100


def spending(*, calls: int = 1000, tokens: int = 1_000_000, at_once: int = 1000) -> Spending:
    """Return what may be spent, by its limits."""
    return Spending(
        policy=SpendingPolicy(
            calls_per_hour=calls,
            tokens_per_hour=tokens,
            tokens_per_question=RESERVE,
            at_once=at_once,
        )
    )


def begun(desk: Spending, now_ns: int = 0) -> int:
    """Return the number of a question that began."""
    number = desk.begin(now_ns)
    assert isinstance(number, int)
    return number


def counted(desk: Spending, now_ns: int = 0) -> tuple[int, int, int]:
    """Return the calls and tokens of the last hour, and the questions under way."""
    calls = desk.policy.calls_per_hour - desk.calls_left(now_ns)
    return calls, desk.tokens, desk.under_way


def test_every_question_has_a_number_of_its_own() -> None:
    desk = spending()

    numbers = [begun(desk) for _ in range(5)]

    assert len(set(numbers)) == 5


def test_question_under_way_is_counted_with_the_most_it_may_use() -> None:
    desk = spending()

    begun(desk)

    assert counted(desk) == (1, RESERVE, 1)


def test_question_that_is_over_is_counted_with_what_it_used() -> None:
    desk = spending()

    desk.end(begun(desk), 30)

    assert counted(desk) == (1, 30, 0)


def test_question_of_which_nobody_knows_what_it_used_stays_counted_with_its_reserve() -> None:
    desk = spending()

    desk.end(begun(desk), None)

    assert (desk.tokens, desk.under_way) == (RESERVE, 0)


def test_question_that_used_more_than_its_reserve_is_counted_with_what_it_used() -> None:
    desk = spending(tokens=500)

    desk.end(begun(desk), 450)

    assert desk.begin(0) == "calls-spent"


def test_question_that_was_not_asked_costs_nothing() -> None:
    desk = spending()

    desk.drop(begun(desk))

    assert counted(desk) == (0, 0, 0)


def test_dropping_one_question_leaves_the_others() -> None:
    desk = spending()
    first, second = begun(desk), begun(desk)

    desk.drop(first)
    desk.end(second, 7)

    assert counted(desk) == (1, 7, 0)


def test_no_more_questions_are_under_way_than_declared() -> None:
    desk = spending(at_once=2)
    first = begun(desk)
    begun(desk)

    assert desk.begin(0) == "too-many"
    desk.end(first, 0)
    assert isinstance(desk.begin(0), int)


def test_no_more_questions_begin_in_an_hour_than_declared() -> None:
    desk = spending(calls=2)
    for _ in range(2):
        desk.end(begun(desk), 0)

    assert desk.begin(HOUR_NS - 1) == "calls-spent"


def test_no_question_begins_whose_reserve_is_not_left() -> None:
    desk = spending(tokens=250)
    begun(desk)
    begun(desk)

    assert desk.begin(0) == "calls-spent"


def test_last_tokens_of_an_hour_may_be_reserved() -> None:
    desk = spending(tokens=2 * RESERVE)

    begun(desk)

    assert isinstance(desk.begin(0), int)


def test_tokens_that_were_not_used_may_be_reserved_again() -> None:
    desk = spending(tokens=RESERVE + 10)

    desk.end(begun(desk), 10)

    assert isinstance(desk.begin(0), int)


def test_refused_question_costs_nothing() -> None:
    desk = spending(at_once=1)
    begun(desk)

    desk.begin(0)

    assert counted(desk) == (1, RESERVE, 1)


def test_questions_are_forgotten_an_hour_after_they_began() -> None:
    desk = spending(calls=1)
    desk.end(begun(desk, 5), 30)

    assert desk.begin(5 + HOUR_NS - 1) == "calls-spent"
    assert isinstance(desk.begin(5 + HOUR_NS), int)


def test_what_is_left_is_what_was_not_spent_in_the_last_hour() -> None:
    desk = spending(calls=3, tokens=300)
    desk.end(begun(desk), 40)

    assert (desk.calls_left(0), desk.tokens_left(0)) == (2, 260)
    assert (desk.calls_left(HOUR_NS), desk.tokens_left(HOUR_NS)) == (3, 300)


def test_nothing_is_left_rather_than_less_than_nothing() -> None:
    desk = spending(tokens=150)

    desk.end(begun(desk), 1000)

    assert desk.tokens_left(0) == 0


def test_question_that_is_over_after_an_hour_is_forgotten_quietly() -> None:
    desk = spending()
    number = begun(desk)
    desk.calls_left(HOUR_NS)

    desk.end(number, 50)

    assert counted(desk, HOUR_NS) == (0, 0, 0)


@pytest.mark.parametrize("hours", [1, 2])
def test_question_still_under_way_keeps_its_reserve_however_long_it_takes(hours: int) -> None:
    desk = spending(tokens=RESERVE)
    begun(desk)

    assert desk.begin(hours * HOUR_NS) == "calls-spent"
