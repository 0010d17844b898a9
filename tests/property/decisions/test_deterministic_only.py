"""Under the switch a decision that wants advice is made without any, and says so."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.holding import eased_tables, following, long_states
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import decide
from torghut.schemas.codes import Path, Reason, Switch

RAISE_RATIO = 0.05


def decided(*, thrown: bool, wanted: bool = True, raise_ratio: float = RAISE_RATIO) -> np.void:
    """Return a decision of a long symbol that would like to hold much more than it does.

    Args:
        thrown: Whether the switch is.
        wanted: Whether a target of any size asks for advice.
        raise_ratio: Of the allotment; what may be added without advice.
    """
    shared = eased_tables(
        trigger_notional_ratio=0.0 if wanted else 1e9, fallback_raise_ratio=raise_ratio
    )
    shared.parameters["trigger_entropy"] = shared.parameters["trigger_disagreement"] = 1.0
    shared.parameters["trigger_transition"] = 1.0
    shared.parameters["risk_ratio"], shared.parameters["minimum_change_ratio"] = 1.0, 0.0
    states = long_states(eased_tables())
    states["allotment"] *= 4
    states["switches"] = 1 << Switch.DETERMINISTIC_ONLY if thrown else 0
    decisions, _ = decide(compiled(), following(states), states, shared)
    row: np.void = decisions[0]
    return row


def has(row: np.void, reason: Reason) -> bool:
    """Return whether a decision carries a reason."""
    return bool(int(row["reasons"]) >> reason & 1)


def most(row: np.void, raise_ratio: float) -> float:
    """Return what a decision may hold at most without advice, in whole units."""
    return float(abs(row["position"]) + raise_ratio * row["allotment"] / row["reference_price"])


@pytest.mark.parametrize("raise_ratio", [0.0, RAISE_RATIO])
def test_decision_that_wants_advice_is_made_without_any_and_says_so(raise_ratio: float) -> None:
    free = decided(thrown=True, wanted=False)
    row = decided(thrown=True, raise_ratio=raise_ratio)

    assert row["path"] == Path.SLOW
    assert has(row, Reason.DETERMINISTIC_ONLY)
    assert not has(row, Reason.REASONING_OFF)
    assert abs(free["target"]) > most(free, RAISE_RATIO), "nothing is held back"
    assert 0.0 < abs(row["target"]) <= most(row, raise_ratio)


def test_without_the_switch_it_says_that_reasoning_is_off() -> None:
    row = decided(thrown=False)

    assert row["path"] == Path.SLOW
    assert has(row, Reason.REASONING_OFF)
    assert not has(row, Reason.DETERMINISTIC_ONLY)


@pytest.mark.parametrize("thrown", [False, True])
def test_decision_that_wants_no_advice_is_the_same_under_it(*, thrown: bool) -> None:
    row = decided(thrown=thrown, wanted=False)

    assert row["path"] == Path.FAST
    assert not has(row, Reason.DETERMINISTIC_ONLY)
    assert row == decided(thrown=not thrown, wanted=False)
