"""Weights are shares, whatever the posterior, the declarations and the switches."""

from __future__ import annotations

import functools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels import compiled
from tests.rows import RowArray, decide, state_rows, tables, walk
from torghut.schemas.codes import Expert, Reason, RouterMode, Switch

_EXPERTS = len(Expert)
_ratio = st.floats(0.0, 1.0)
_shares = st.tuples(*[_ratio] * _EXPERTS)


@functools.cache
def market() -> RowArray:
    """Return a market that reaches every regime."""
    return walk(400, seed=5)


def decided(
    *, affinity: list[tuple[float, ...]], bounds: list[tuple[float, float]], entropy_max: float
) -> RowArray:
    """Return decisions of an instrument whose experts are declared like this."""
    shared = tables()
    row = shared.parameters[0]
    row["affinity"] = 0.0
    row["affinity"][: 3 * _EXPERTS] = np.ravel(affinity)
    row["weight_min"] = [min(pair) for pair in bounds]
    row["weight_max"] = [max(pair) for pair in bounds]
    row["entropy_max"] = entropy_max
    # Declarations refuse a regime in which no expert counts.
    row["weight_max"][Expert.DEFENSIVE] = 1.0
    row["weight_min"][Expert.DEFENSIVE] = max(0.01, row["weight_min"][Expert.DEFENSIVE])
    return decide(compiled(), market(), state_rows(), shared)[0]


@given(
    st.lists(_shares, min_size=3, max_size=3),
    st.lists(st.tuples(_ratio, _ratio), min_size=_EXPERTS, max_size=_EXPERTS),
    _ratio,
)
def test_weights_are_shares_that_sum_to_one(
    affinity: list[tuple[float, ...]], bounds: list[tuple[float, float]], entropy_max: float
) -> None:
    decisions = decided(affinity=affinity, bounds=bounds, entropy_max=entropy_max)

    weights = decisions["weights"]
    assert len(decisions) > 100
    assert (weights >= 0.0).all()
    assert (weights <= 1.0).all()
    assert np.abs(weights.sum(axis=1) - 1.0).max() <= 1e-12


@given(
    st.lists(_shares, min_size=3, max_size=3),
    st.lists(st.tuples(_ratio, _ratio), min_size=_EXPERTS, max_size=_EXPERTS),
)
def test_blended_score_and_disagreement_stay_in_bounds(
    affinity: list[tuple[float, ...]], bounds: list[tuple[float, float]]
) -> None:
    decisions = decided(affinity=affinity, bounds=bounds, entropy_max=1.0)

    blended = (decisions["weights"] * decisions["scores"]).sum(axis=1)
    spread = (decisions["weights"] * (decisions["scores"] - blended[:, None]) ** 2).sum(axis=1)
    assert np.abs(decisions["score"] - blended).max() <= 1e-12
    assert np.abs(decisions["score"]).max() <= 1.0
    assert np.abs(decisions["disagreement"] - np.sqrt(spread)).max() <= 1e-7


def test_indecision_above_the_ceiling_serves_the_defensive_weights_with_its_reason() -> None:
    decisions = decided(
        affinity=[(0.4, 0.3, 0.2, 0.1)] * 3, bounds=[(0.0, 1.0)] * _EXPERTS, entropy_max=0.3
    )

    told = decisions["reasons"] & np.uint64(1 << Reason.ENTROPY_HIGH) != 0
    defensive = (decisions["weights"] == tables().parameters[0]["defensive_weights"]).all(axis=1)
    assert 0 < told.sum() < len(decisions)
    assert (defensive[told]).all()
    assert (decisions["entropy"][told] > 0.3).all()


def test_router_that_is_not_live_serves_the_static_weights() -> None:
    states = state_rows()
    states["router_mode"] = RouterMode.SHADOW

    decisions, _ = decide(compiled(), market(), states, tables())

    static = tables().parameters[0]["static_weights"]
    assert (decisions["weights"] == static).all()
    assert (decisions["reasons"] & np.uint64(1 << Reason.STATIC_WEIGHTS) != 0).all()


def test_switch_outranks_everything() -> None:
    states = state_rows()
    states["switches"] = 1 << Switch.DEFENSIVE_WEIGHTS

    decisions, _ = decide(compiled(), market(), states, tables())

    assert (decisions["weights"] == tables().parameters[0]["defensive_weights"]).all()
