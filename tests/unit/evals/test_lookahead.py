"""The black box tells leaks from clean deciders, and says when it cannot tell."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from tests.support.decisions.rows import RowArray, quotes
from torghut.evals.errors import AnswersMisalignedError, NothingToCheckError
from torghut.evals.lookahead import (
    CANNOT_SEE,
    OUTCOME,
    Answers,
    Decide,
    LookaheadPlan,
    check_lookahead,
)
from torghut.schemas.rows import Floats

ROW = np.dtype([("mid", "<f8"), ("signal", "<f8")])
PLAN = LookaheadPlan(random_cuts=50, cuts_min=50)

Signal = Callable[[RowArray], Floats]


def market(count: int = 120) -> RowArray:
    """Return a random walk of quotes."""
    draw = np.random.Generator(np.random.PCG64(4))
    return quotes(1.3 * np.exp(np.cumsum(draw.normal(0.0, 1e-4, count))))


def decider(signal: Signal) -> Decide:
    """Return a decider of everything, whose rows hold the mid price and ``signal``."""

    def decide(contexts: RowArray) -> Answers:
        rows = np.zeros(len(contexts), ROW)
        rows["mid"] = contexts["bid"]
        rows["signal"] = signal(contexts)
        return Answers(rows=rows, outcomes=np.zeros(len(contexts), np.uint8))

    return decide


def past_mean(contexts: RowArray) -> Floats:
    """Return the mean of all prices up to each."""
    return np.asarray(np.cumsum(contexts["bid"]) / np.arange(1, len(contexts) + 1), np.float64)


def next_price(contexts: RowArray) -> Floats:
    """Return each context's successor's price; its own where there is none."""
    return np.append(contexts["bid"][1:], contexts["bid"][-1:])


def whole_mean(contexts: RowArray) -> Floats:
    """Return the mean of everything that was given."""
    return np.full(len(contexts), contexts["bid"].mean())


def distance_to_end(contexts: RowArray) -> Floats:
    """Return how long there are still contexts to come."""
    return np.asarray(contexts["receive_ns"][-1] - contexts["receive_ns"], np.float64)


def test_a_decider_of_the_past_is_clean() -> None:
    report = check_lookahead(decider(past_mean), market(), PLAN)

    assert (report.verdict, report.leaks) == ("clean", ())
    assert report.cuts == report.cuts_tried == 50
    assert (report.contexts, report.decided, report.repeatable) == (120, 120, True)
    assert report.cannot_see == CANNOT_SEE


@pytest.mark.parametrize("signal", [next_price, whole_mean, distance_to_end])
def test_a_decider_of_the_future_leaks_and_the_field_is_named(signal: Signal) -> None:
    report = check_lookahead(decider(signal), market(), PLAN)

    assert report.verdict == "leak"
    (leak,) = report.leaks
    assert leak.field == "signal"
    assert leak.cuts == 50
    assert leak.context < leak.first_cut
    assert "ends" in leak.tests


def test_first_changed_context_is_the_one_that_saw_the_future() -> None:
    report = check_lookahead(decider(next_price), market(), PLAN)

    assert report.leaks[0].context == report.leaks[0].first_cut - 1


def test_a_decider_that_waits_for_the_next_context_is_caught_by_its_outcomes() -> None:
    def decide(contexts: RowArray) -> Answers:
        outcomes = np.zeros(len(contexts), np.uint8)
        outcomes[-1:] = 9
        rows = np.zeros(len(contexts) - 1, ROW)
        return Answers(rows=rows, outcomes=outcomes)

    report = check_lookahead(decide, market(), PLAN)

    assert [leak.field for leak in report.leaks] == [OUTCOME]


def test_a_leak_that_only_values_show_is_seen_by_another_future() -> None:
    def decide(contexts: RowArray) -> Answers:
        rows = np.zeros(len(contexts), ROW)
        rows["mid"] = contexts["bid"]
        if len(contexts) == 120:  # the whole input, whatever is in it
            rows["signal"] = contexts["bid"][-1]
        return Answers(rows=rows, outcomes=np.zeros(len(contexts), np.uint8))

    report = check_lookahead(decide, market(), PLAN)

    assert set(report.leaks[0].tests) == {"ends", "mirrored", "shuffled"}


def test_a_decider_that_does_not_repeat_itself_is_undetermined() -> None:
    calls = itertools.count()

    report = check_lookahead(decider(lambda c: np.full(len(c), next(calls))), market(), PLAN)

    assert (report.verdict, report.repeatable, report.leaks) == ("undetermined", False, ())


def test_too_few_cuts_are_undetermined() -> None:
    report = check_lookahead(decider(past_mean), market(20), PLAN)

    assert report.verdict == "undetermined"
    assert report.cuts <= report.cuts_tried == 19


def test_a_decider_that_the_future_never_changes_is_undetermined() -> None:
    def decide(contexts: RowArray) -> Answers:
        rows = np.zeros(len(contexts), ROW)
        return Answers(rows=rows, outcomes=np.zeros(len(contexts), np.uint8))

    report = check_lookahead(decide, market(), PLAN)

    assert (report.verdict, report.cuts, report.cuts_tried) == ("undetermined", 0, 50)


def test_a_decider_that_refuses_everything_is_undetermined() -> None:
    def decide(contexts: RowArray) -> Answers:
        return Answers(rows=np.zeros(0, ROW), outcomes=np.full(len(contexts), 5, np.uint8))

    assert check_lookahead(decide, market(), PLAN).verdict == "undetermined"


def test_boundaries_are_cut_before_and_after() -> None:
    told: list[tuple[int, int]] = []
    plan = LookaheadPlan(random_cuts=0, cuts_min=2)

    report = check_lookahead(
        decider(past_mean),
        market(),
        plan,
        boundaries=[30],
        progress=lambda done, total: told.append((done, total)),
    )

    assert (report.cuts_tried, report.verdict) == (2, "clean")
    assert told == [(1, 2), (2, 2)]


def test_many_boundaries_are_thinned_evenly() -> None:
    plan = LookaheadPlan(random_cuts=0, boundary_cuts_max=10, cuts_min=10)

    report = check_lookahead(decider(past_mean), market(), plan, boundaries=range(120))

    assert report.cuts_tried == 10


def test_the_same_seed_finds_the_same() -> None:
    one = check_lookahead(decider(next_price), market(), PLAN)

    assert one == check_lookahead(decider(next_price), market(), PLAN)


def test_a_decider_cannot_hide_behind_a_shared_buffer() -> None:
    buffer = np.zeros(120, ROW)

    def decide(contexts: RowArray) -> Answers:
        buffer["mid"][: len(contexts)] = contexts["bid"]
        buffer["signal"][: len(contexts)] = whole_mean(contexts)
        rows = buffer[: len(contexts)]
        return Answers(rows=rows, outcomes=np.zeros(len(contexts), np.uint8))

    assert check_lookahead(decide, market(), PLAN).verdict == "leak"


@pytest.mark.parametrize(("rows", "outcomes"), [(119, 120), (120, 119)])
def test_answers_must_answer_every_context_once(rows: int, outcomes: int) -> None:
    def decide(_contexts: RowArray) -> Answers:
        return Answers(rows=np.zeros(rows, ROW), outcomes=np.zeros(outcomes, np.uint8))

    with pytest.raises(AnswersMisalignedError):
        check_lookahead(decide, market(), PLAN)


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_cut_is_refused(count: int) -> None:
    with pytest.raises(NothingToCheckError):
        check_lookahead(decider(past_mean), market(5)[:count], PLAN)
