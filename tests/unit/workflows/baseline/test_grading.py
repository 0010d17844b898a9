"""A decision is right if the price went its way by more than it cost, within its horizon."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.decisions.declared import shipped
from torghut.schemas.rows import DECISION, RowArray
from torghut.workflows.baseline.grading import Grader

SECOND_NS: Final = 1_000_000_000
TIMED: Final = shipped().instrument("fxcm:EURUSD")
COUNTED: Final = shipped().instrument("index:SP500")
HORIZON_S: Final = TIMED.sampling.horizon_samples * TIMED.sampling.sample_interval_ms // 1000


def rows(
    times_s: list[int], mids: list[float], *, target: float = 1.0, confidence: float = 0.75
) -> RowArray:
    """Return decisions at those times and prices, all alike."""
    made = np.zeros(len(times_s), DECISION)
    made["receive_ns"] = np.array(times_s) * SECOND_NS
    made["reference_price"] = made["bid"] = made["ask"] = mids
    made["target"], made["confidence"] = target, confidence
    return made


def graded(*parts: RowArray, counted: bool = False) -> tuple[int, float | None, float | None]:
    """Return how many were graded, the hit ratio and the Brier score."""
    grader = Grader(COUNTED if counted else TIMED)
    for part in parts:
        grader.take(part)
    return grader.hit_ratio.samples, grader.hit_ratio.value, grader.brier.value


@pytest.mark.parametrize(
    ("target", "end", "hit"), [(1, 1.1, 1), (1, 0.9, 0), (-1, 0.9, 1), (-1, 1.1, 0), (1, 1.0, 0)]
)
def test_decision_is_graded_where_its_horizon_ends(target: float, end: float, hit: int) -> None:
    made = rows([0, HORIZON_S - 1, HORIZON_S], [1.0, 5.0, end], target=target)

    assert graded(made) == (1, hit, (0.75 - hit) ** 2)


def test_gain_that_does_not_pay_its_costs_is_no_hit() -> None:
    costs = TIMED.costs
    paid = 2 * (costs.fee_bps + costs.slippage_bps) / 10_000
    little = rows([0, HORIZON_S], [1.0, 1.0 + 0.9 * paid])
    enough = rows([0, HORIZON_S], [1.0, 1.0 + 1.1 * paid])

    assert (graded(little)[1], graded(enough)[1]) == (0, 1)


def test_spread_is_part_of_the_costs() -> None:
    made = rows([0, HORIZON_S], [1.0, 1.01])
    made["bid"][0], made["ask"][0] = 0.99, 1.01

    assert graded(made)[1] == 0


def test_horizons_of_graded_decisions_do_not_overlap() -> None:
    made = rows([*range(0, 3 * HORIZON_S + 1, 10)], [1.0] * (3 * HORIZON_S // 10 + 1))

    assert graded(made)[0] == 3


@pytest.mark.parametrize(("target", "confidence"), [(0.0, 0.5), (1.0, 0.0), (np.nan, 0.5)])
def test_decision_without_direction_or_promise_is_not_graded(
    target: float, confidence: float
) -> None:
    made = rows([0, HORIZON_S], [1.0, 2.0], target=target, confidence=confidence)

    assert graded(made) == (0, None, None)


def test_horizon_that_holds_a_pause_is_none() -> None:
    pause_s = TIMED.sampling.longest_pause_s
    kept = rows([0, HORIZON_S + pause_s], [1.0, 2.0])
    gone = rows([0, HORIZON_S + pause_s + 1], [1.0, 2.0])

    assert (graded(kept)[0], graded(gone)[0]) == (1, 0)


def test_horizon_of_samples_that_are_contexts_is_counted() -> None:
    horizon = COUNTED.sampling.horizon_samples
    made = rows([*range(horizon + 1)], [1.0] * horizon + [2.0])

    assert graded(made, counted=True)[:2] == (1, 1)
    assert graded(made[:-1], counted=True)[0] == 0


@settings(max_examples=40)
@given(
    steps=st.lists(st.integers(1, 4000), min_size=1, max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    seed=st.integers(0, 2**32 - 1),
    counted=st.booleans(),
)
def test_cutting_into_blocks_changes_no_grade(
    steps: list[int], cuts: list[int], seed: int, *, counted: bool
) -> None:
    draw = np.random.Generator(np.random.PCG64(seed))
    count = len(steps)
    made = rows([*np.cumsum(steps).tolist()], draw.uniform(0.9, 1.1, count).tolist())
    made["target"] = draw.choice([-1.0, 0.0, 1.0, np.nan], count)
    made["confidence"] = draw.choice([0.0, 0.3, 0.8], count)
    places = sorted({0, count, *(one for one in cuts if one < count)})
    parts = [made[a:b] for a, b in pairwise(places)]

    assert graded(*parts, counted=counted) == graded(made, counted=counted)
