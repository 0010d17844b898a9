"""What a question was worth is known after its horizon, and time alone says what it is for."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Final

import pytest

from tests.support.decisions.asking import asking
from tests.support.lane.lanes import evaluation_policy
from tests.support.reasoning.asked import asked_log, learned
from torghut.kernel.units import NS_PER_MS, NS_PER_S
from torghut.schemas.declarations.rollout.evaluation import SplitPolicy
from torghut.workflows.reasoning.programs.learning import Lessons, lessons

pytestmark = pytest.mark.slow

PAUSE_S: Final = 600
EMBARGO_MS: Final = 90_000
"""Longer than the horizon of any symbol that is asked about here."""


def horizon_ns(symbol: str) -> int:
    """Return over how long a symbol's positions are meant to pay."""
    sampling = asking().instrument(symbol).sampling
    return sampling.horizon_samples * sampling.sample_interval_ms * NS_PER_MS


def test_question_whose_horizon_ends_in_a_pause_says_nothing() -> None:
    usual, paused = learned(), learned(pause_s=PAUSE_S)
    found = [*paused.train.examples, *paused.test.examples]
    longest_ns = max(late.at_ns - early.at_ns for early, late in pairwise(found))

    assert paused.open > usual.open
    # Nothing was quoted for so long, and what was asked within a horizon before says nothing.
    assert longest_ns >= PAUSE_S * NS_PER_S + 0.7 * horizon_ns(found[0].shown.symbol)


def apart(split: SplitPolicy) -> Lessons:
    """Return what the log offers to learn from, cut like that."""
    log, store = asked_log()
    return asyncio.run(lessons(log, store, asking(), split))


@pytest.mark.parametrize("embargo_ms", [1, EMBARGO_MS])
def test_what_trains_is_an_embargo_earlier_than_what_tests(embargo_ms: int) -> None:
    shares = {"fit_ratio": 0.6, "select_ratio": 0.01, "test_ratio": 0.39}
    split = SplitPolicy.model_validate({**shares, "embargo_ms": embargo_ms})

    found = apart(split)

    train, test = ([one.at_ns for one in suite.examples] for suite in (found.train, found.test))
    longest_ns = max(embargo_ms * NS_PER_MS, horizon_ns(found.train.examples[0].shown.symbol))
    assert found.embargo_ns == longest_ns
    assert max(train) + found.embargo_ns <= min(test)
    assert train == sorted(train)
    assert test == sorted(test)


def test_the_same_log_is_cut_the_same_again() -> None:
    split = evaluation_policy().split

    once, again = apart(split), apart(split)

    assert (once.train.digest, once.test.digest) == (again.train.digest, again.test.digest)
