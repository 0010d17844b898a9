"""Weights are shares, whatever the posterior, the declarations and the switches."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import (
    SECOND_NS,
    RowArray,
    decide,
    quotes,
    state_rows,
    tables,
    walk,
)
from torghut.decisions.kernel.engine import Tables
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


def without_a_package(shared: Tables, _states: RowArray, _rows: RowArray) -> None:
    """Let no package serve: there are no regimes."""
    shared.parameters["regimes"] = 0


def without_a_likelihood(shared: Tables, _states: RowArray, rows: RowArray) -> None:
    """Let no regime explain what is seen from the middle on: every likelihood is zero."""
    shared.parameters["regime_precision"] = 1e6
    # A jump that is confirmed, and calm before it.
    rows["bid"][len(rows) // 2 :] *= 1.01
    rows["ask"][len(rows) // 2 :] *= 1.01


def with_a_pause(_shared: Tables, _states: RowArray, rows: RowArray) -> None:
    """Let nothing come for longer than a sample may be old."""
    rows["receive_ns"][len(rows) // 2 :] += 2 * 3600 * SECOND_NS
    rows["event_ns"] = rows["receive_ns"]


def without_tolerance(shared: Tables, _states: RowArray, _rows: RowArray) -> None:
    """Let any shift of the posterior be a shock."""
    shared.parameters["shock_max"] = 0.0


def with_a_low_ceiling(shared: Tables, _states: RowArray, _rows: RowArray) -> None:
    """Let little indecision be too much."""
    shared.parameters["entropy_max"] = 0.3


def with_the_switch(_shared: Tables, states: RowArray, _rows: RowArray) -> None:
    """Throw the switch."""
    states["switches"] = 1 << Switch.DEFENSIVE_WEIGHTS


FALLBACKS: Final = {
    Reason.PACKAGE_MISSING: without_a_package,
    Reason.POSTERIOR_INVALID: without_a_likelihood,
    Reason.FEATURES_STALE: with_a_pause,
    Reason.TRANSITION_SHOCK: without_tolerance,
    Reason.ENTROPY_HIGH: with_a_low_ceiling,
    Reason.DEFENSIVE_WEIGHTS: with_the_switch,
}


@pytest.mark.parametrize("reason", FALLBACKS, ids=lambda reason: reason.code)
def test_validate_entropy_triggers_and_defensive_fallbacks(reason: Reason) -> None:
    shared, states, rows = tables(), state_rows(), market().copy()
    FALLBACKS[reason](shared, states, rows)

    decisions, _ = decide(compiled(), rows, states, shared)

    told = {one: decisions["reasons"] & np.uint64(1 << one) != 0 for one in FALLBACKS}
    parameters = shared.parameters[0]
    defensive = (decisions["weights"] == parameters["defensive_weights"]).all(axis=1)
    assert told[reason].any()
    assert (np.sum(list(told.values()), axis=0) == defensive).all()
    assert defensive[told[reason]].all()


def test_what_was_known_before_a_pause_serves_again_with_the_next_sample() -> None:
    shared, rows = tables(), quotes(1.3 + 2e-5 * np.arange(200), step_ns=SECOND_NS // 4)
    shared.parameters["entropy_max"] = shared.parameters["shock_max"] = 1.0
    rows["receive_ns"][100:] += 2 * 3600 * SECOND_NS
    rows["event_ns"] = rows["receive_ns"]

    decisions, _ = decide(compiled(), rows, state_rows(), shared)

    stale = decisions["reasons"] & np.uint64(1 << Reason.FEATURES_STALE) != 0
    assert np.flatnonzero(stale).tolist() == [100, 101, 102, 103]


def test_without_any_of_them_the_posterior_serves() -> None:
    shared = tables()
    shared.parameters["entropy_max"] = shared.parameters["shock_max"] = 1.0

    decisions, _ = decide(compiled(), market(), state_rows(), shared)

    served = decisions["reasons"] & np.uint64(sum(1 << one for one in FALLBACKS)) == 0
    assert served.any()
    assert len(np.unique(decisions["weights"][served], axis=0)) > 10


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
