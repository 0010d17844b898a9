"""Expert scores: bounded, flat where nothing is known, and mirrored with the market."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import decide, quotes, state_rows, tables
from torghut.router.experts import score_experts
from torghut.schemas.codes import Expert
from torghut.schemas.rows import DecisionRow, ParameterRow, StateRow

_changes = st.lists(st.floats(-0.04, 0.04), min_size=2, max_size=80)


def _trend(distance: float) -> float:
    """Return the trend expert's score of means that are ``distance`` volatilities apart."""
    state = SimpleNamespace(fast=2.0, slow=1.0, mid=2.0, channel_high=2.0, channel_low=1.0)
    gains = SimpleNamespace(score_gain=[distance, 0.0, 0.0, 0.0])
    decision = SimpleNamespace(scores=[0.0] * len(Expert))
    score_experts(
        1.0, cast("StateRow", state), cast("ParameterRow", gains), cast("DecisionRow", decision)
    )
    return float(decision.scores[Expert.TREND])


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e150, max_value=1e150))
def test_a_score_is_odd_and_bounded_in_its_distance(x: float) -> None:
    assert -1.0 <= _trend(x) <= 1.0
    assert _trend(-x) == -_trend(x)
    assert _trend(x) == pytest.approx(math.sin(math.atan(x)), abs=1e-15)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_scores_keep_the_order_of_distances(x: float, y: float) -> None:
    low, high = min(x, y), max(x, y)

    assert _trend(low) <= _trend(high)


def test_the_score_of_no_distance_has_no_sign() -> None:
    assert math.copysign(1.0, _trend(-0.0)) == 1.0


@given(_changes)
def test_scores_are_bounded_and_defensive_is_flat(changes: list[float]) -> None:
    mids = 1.3 * np.cumprod(1.0 + np.array(changes))

    decisions, _ = decide(compiled(), quotes(mids, spread=0.0), state_rows(), tables())

    assert np.abs(decisions["scores"]).max() <= 1.0
    assert (decisions["scores"][:, Expert.DEFENSIVE] == 0.0).all()
    assert (decisions["scores"][0] == 0.0).all()


@pytest.mark.parametrize("expert", [Expert.TREND, Expert.REVERSAL, Expert.BREAKOUT])
def test_experts_turn_with_the_market(expert: Expert) -> None:
    draw = np.random.Generator(np.random.PCG64(1))
    moves = np.concatenate([draw.normal(0.0, 1e-5, 100), np.full(30, 1e-4)])
    up = 1.3 * np.exp(np.cumsum(moves))
    down = 1.3 * np.exp(-np.cumsum(moves))

    rising, _ = decide(compiled(), quotes(up, spread=0.0), state_rows(), tables())
    falling, _ = decide(compiled(), quotes(down, spread=0.0), state_rows(), tables())

    sign = -1.0 if expert is Expert.REVERSAL else 1.0
    assert sign * rising["scores"][-1, expert] > 0.2
    assert falling["scores"][-1, expert] == pytest.approx(-rising["scores"][-1, expert], abs=1e-2)
