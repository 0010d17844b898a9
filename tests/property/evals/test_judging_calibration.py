"""Chance alone promotes no more often than declared, whatever the noise: counted over windows.

Measured on 2,000 windows of 1,500 steps at alpha .025: AR(1) of 0, .3, .6 and GARCH 2.0, 2.1, 2.2
and 2.0 %; with ten trials none of 1,000.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Final

import numpy as np
import pytest

from tests.support.lane.evaluating import clustered, generator, paired, persistent, quick_policy
from torghut.evals.judging import FixedSampleJudge
from torghut.evals.pairing import PairedArms
from torghut.schemas.rows import Floats

STEPS: Final = 1500
"""The fewest that are judged, where a wrong promotion is likeliest."""

ALPHA: Final = quick_policy().significance.alpha

NOISES: Final[Mapping[str, Callable[[np.random.Generator], Floats]]] = {
    "ar-0.0": lambda source: persistent(source, STEPS, 0.0),
    "ar-0.3": lambda source: persistent(source, STEPS, 0.3),
    "ar-0.6": lambda source: persistent(source, STEPS, 0.6),
    "garch": lambda source: clustered(source, STEPS),
}


def equal(noise: str, seed: int) -> PairedArms:
    """Return a candidate as good as the champion, and both far better than all else.

    No other null hypothesis makes a promotion likelier: only the champion stands in its way.
    """
    source = generator(seed)
    return paired(NOISES[noise](source), NOISES[noise](source))


def better_ratio(noise: str, runs: int, trials: int = 1) -> float:
    """Return how often such a candidate is found better than the champion, whatever its tail."""
    found = 0
    for seed in range(runs):
        judgement = FixedSampleJudge().judge(
            equal(noise, seed), quick_policy(), trials=trials, seed=seed
        )
        found += all(one.finding == "better" for one in judgement.differences)
    return found / runs


@pytest.mark.parametrize("noise", sorted(NOISES))
def test_equal_candidates_are_hardly_ever_better(noise: str) -> None:
    runs = 30

    assert better_ratio(noise, runs) <= ALPHA + 3.0 * sqrt(ALPHA * (1.0 - ALPHA) / runs)


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(300, marks=[pytest.mark.slow, pytest.mark.timeout(300)]),
        pytest.param(2000, marks=pytest.mark.soak),
    ],
)
@pytest.mark.parametrize("noise", sorted(NOISES))
def test_equal_candidates_are_better_no_more_often_than_alpha(noise: str, runs: int) -> None:
    assert better_ratio(noise, runs) <= ALPHA + 2.0 * sqrt(ALPHA * (1.0 - ALPHA) / runs)


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(400, marks=[pytest.mark.slow, pytest.mark.timeout(300)]),
        pytest.param(1000, marks=pytest.mark.soak),
    ],
)
def test_trials_make_it_as_much_rarer(runs: int) -> None:
    trials = 10

    assert better_ratio("ar-0.3", runs, trials) <= ALPHA / trials + 2.0 * sqrt(
        ALPHA / trials / runs
    )
