"""A regime leaps where it changed and its posterior moved far; distrust is what the router said."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.governance.governing import DIGEST
from torghut.drift.regime import NO_REGIME, Regimes, RegimeTally, shocks
from torghut.schemas.codes import Reason
from torghut.schemas.declarations.safety import DriftCode

SHOCK: DriftCode = "regime_transition_shock_ratio_exceeded"
DISTRUST: DriftCode = "regime_stale_or_defensive_ratio_exceeded"
CALM, TORN, WILD = (0.9, 0.1, 0.0, 0.0), (0.4, 0.6, 0.0, 0.0), (0.1, 0.9, 0.0, 0.0)


def regimes(*posteriors: tuple[float, ...]) -> Regimes:
    """Return regimes with these posteriors, the likeliest first on ties; none without one."""
    return Regimes(
        regime=np.array([int(np.argmax(p)) if p else NO_REGIME for p in posteriors], np.uint8),
        posterior=np.array([p or (0.0,) * 4 for p in posteriors]),
    )


def test_only_a_change_with_a_far_shift_is_a_shock() -> None:
    before = regimes(CALM, CALM, CALM, WILD)
    after = regimes(WILD, TORN, CALM, WILD)

    # Total variation: 0.8, 0.5, 0, 0.
    assert shocks(before, after, 0.7).tolist() == [True, False, False, False]
    assert shocks(before, after, 0.4).tolist() == [True, True, False, False]


def test_shift_at_the_limit_is_none() -> None:
    before, after = regimes((1.0, 0.0, 0.0, 0.0)), regimes((0.25, 0.75, 0.0, 0.0))

    assert shocks(before, after, 0.75).tolist() == [False]


def test_far_shift_within_one_regime_is_none() -> None:
    before, after = regimes((1.0, 0.0, 0.0, 0.0)), regimes((0.4, 0.2, 0.2, 0.2))

    assert shocks(before, after, 0.5).tolist() == [False]


def test_regime_that_is_not_known_has_not_moved() -> None:
    tally = RegimeTally()

    tally.take_moves(regimes((), CALM, CALM), regimes(CALM, (), WILD), 0.5)

    assert tally.readings(not_routed_by=None)[SHOCK].value == 1.0
    assert tally.readings(not_routed_by=None)[SHOCK].samples == 1


def test_posterior_that_is_no_number_is_no_shock_and_moves_the_count() -> None:
    tally = RegimeTally()
    broken = Regimes(regime=np.array([1], np.uint8), posterior=np.full((1, 4), np.nan))

    tally.take_moves(regimes(CALM), broken, 0.5)

    assert (tally.shocks, tally.moves) == (0, 1)


@pytest.mark.parametrize(
    ("reason", "distrusted"),
    [
        (Reason.FEATURES_STALE, True),
        (Reason.PACKAGE_MISSING, True),
        (Reason.POSTERIOR_INVALID, True),
        (Reason.TRANSITION_SHOCK, True),
        (Reason.ENTROPY_HIGH, True),
        (Reason.STALE_MARKET, False),
        (Reason.CONFIDENCE_LOW, False),
    ],
)
def test_each_reason_for_defensive_weights_is_distrust(reason: Reason, *, distrusted: bool) -> None:
    tally = RegimeTally()

    tally.take_reasons(np.array([1 << reason, 0], np.uint64))

    assert tally.readings(not_routed_by=None)[DISTRUST].value == (0.5 if distrusted else 0.0)


@pytest.mark.parametrize("reason", [Reason.STATIC_WEIGHTS, Reason.DEFENSIVE_WEIGHTS])
def test_weights_of_people_are_neither_trust_nor_distrust(reason: Reason) -> None:
    tally = RegimeTally()

    tally.take_reasons(np.array([1 << reason] * 3, np.uint64))

    assert tally.readings(not_routed_by=None)[DISTRUST].status == "missing"
    assert tally.readings(not_routed_by=DIGEST)[DISTRUST].declaration == DIGEST


def test_of_an_empty_window_nothing_is_known() -> None:
    readings = RegimeTally().readings(not_routed_by=None)

    assert {reading.status for reading in readings.values()} == {"missing"}
