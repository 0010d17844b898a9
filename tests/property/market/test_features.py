"""Features against their definition in plain numpy: weights times values, nothing remembered."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.decisions.kernels import compiled, feature_pass
from tests.support.decisions.rows import SECOND_NS, RowArray, decide, quotes, state_rows, tables
from torghut.market.features import EFFICIENCY, SURPRISE, VOLATILITY_RATIO
from torghut.schemas.rows import Floats

FAST: Final = float(tables().parameters[0]["alpha_fast"])
SLOW: Final = float(tables().parameters[0]["alpha_slow"])

_changes = st.lists(st.floats(-0.03, 0.03), min_size=1, max_size=150)


def weights(count: int, alpha: float) -> Floats:
    """Return the weight of each of ``count`` values, the newest last.

    The n-th value enters with weight max(alpha, 1 / n) and every later one leaves it the rest.
    """
    enters = np.maximum(alpha, 1.0 / np.arange(1, count + 1))
    leaves = np.concatenate([np.cumprod((1.0 - enters[1:])[::-1])[::-1], [1.0]])
    return np.asarray(enters * leaves, np.float64)


def mean(values: Floats, alpha: float) -> float:
    """Return the exponentially weighted mean of ``values``."""
    return float(weights(len(values), alpha) @ values)


def prices(changes: list[float]) -> Floats:
    """Return a price, and what each relative change makes of it."""
    return np.asarray(1.3 * np.cumprod(1.0 + np.array([0.0, *changes])), np.float64)


def after(mids: Floats) -> RowArray:
    """Return the state after one quote for each mid price, a second apart."""
    states = state_rows()
    decide(compiled(), quotes(mids, spread=0.0), states, tables())
    return states[0:1]


@given(st.integers(1, 400), st.sampled_from([FAST, SLOW, 1.0]))
def test_weights_are_shares(count: int, alpha: float) -> None:
    assert weights(count, alpha).sum() == pytest.approx(1.0)


@given(_changes)
def test_means_are_the_weighted_means_of_all_samples(changes: list[float]) -> None:
    mids = prices(changes)
    returns = mids[1:] / mids[:-1] - 1.0

    state = after(mids)

    # The first price is a sample of the level; the first return is one of two at most.
    assert state["fast"][0] == pytest.approx(_level(mids, FAST), rel=1e-12)
    assert state["slow"][0] == pytest.approx(_level(mids, SLOW), rel=1e-12)
    for field, alpha, values in (
        ("variance_fast", FAST, returns**2),
        ("variance_slow", SLOW, returns**2),
        ("net_move", SLOW, returns),
        ("path_length", SLOW, np.abs(returns)),
    ):
        assert state[field][0] == pytest.approx(mean(values, alpha), rel=1e-9, abs=1e-18)


def _level(mids: Floats, alpha: float) -> float:
    """Return the weighted mean of prices: the n-th return's weight moves it to the new price."""
    enters = np.maximum(alpha, 1.0 / np.arange(1, len(mids)))
    level = mids[0]
    for weight, mid in zip(enters, mids[1:], strict=True):
        level = (1.0 - weight) * level + weight * mid
    return float(level)


@given(_changes)
def test_features_are_what_they_say(changes: list[float]) -> None:
    mids = prices(changes)
    returns = mids[1:] / mids[:-1] - 1.0

    samples = feature_pass().begin(tables().parameters).take(quotes(mids, spread=0.0))

    found = samples["features"][-1]
    fast, slow = mean(returns**2, FAST), mean(returns**2, SLOW)
    path = mean(np.abs(returns), SLOW)
    before = mean(returns[:-1] ** 2, SLOW) if len(returns) > 1 else 0.0
    if min(fast, slow) > 1e-30:
        assert found[VOLATILITY_RATIO] == pytest.approx(0.5 * np.log(fast / slow), abs=1e-9)
    if path > 1e-15:
        assert found[EFFICIENCY] == pytest.approx(abs(mean(returns, SLOW)) / path, abs=1e-9)
    if before > 1e-30:
        size = abs(returns[-1]) / np.sqrt(before)
        assert found[SURPRISE] == pytest.approx(size / (1.0 + size), abs=1e-9)
    assert 0.0 <= found[EFFICIENCY] <= 1.0 + 1e-12
    assert 0.0 <= found[SURPRISE] <= 1.0


def test_channel_holds_every_sample_before_the_last() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    mids = 1.3 * np.exp(np.cumsum(draw.normal(0.0, 1e-3, 200)))

    for count in range(2, 200, 13):
        state = after(mids[:count])[0]
        assert state["channel_low"] <= mids[count - 2] <= state["channel_high"]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 3 * SECOND_NS), min_size=2, max_size=60))
def test_a_sample_is_taken_once_in_the_declared_time_and_never_early(steps: list[int]) -> None:
    contexts = quotes(np.linspace(1.3, 1.31, len(steps)))
    contexts["receive_ns"] = contexts["receive_ns"][0] + np.cumsum(steps)
    contexts["event_ns"] = contexts["receive_ns"]

    samples = feature_pass().begin(tables().parameters).take(contexts)

    begun = int(contexts["receive_ns"][0])
    times = [begun, *samples["receive_ns"].tolist()]
    assert all(later - earlier >= SECOND_NS for earlier, later in itertools.pairwise(times))
    assert set(times) <= set(contexts["receive_ns"].tolist())
    for earlier, later in itertools.pairwise(times):
        between = contexts["receive_ns"][
            (contexts["receive_ns"] > earlier) & (contexts["receive_ns"] < later)
        ]
        assert (between - earlier < SECOND_NS).all()
