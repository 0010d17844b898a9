"""Arms pair step by step, or are refused by the name of what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from tests.support.lane.evaluating import arm, paired
from torghut.evals.errors import PairingRefusedError
from torghut.evals.pairing import ArmBudget, ArmSteps, Indexes, PairedArms, budget_gap
from torghut.schemas.rollout.evaluation import ARMS, ArmName

ONES = np.ones(4)


def test_arms_of_the_same_steps_pair() -> None:
    assert len(paired(ONES, ONES)) == 4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["net", "cost", "turnover", "exposure"])
def test_number_that_is_not_finite_is_refused_by_place(field: str, bad: float) -> None:
    values = {name: np.zeros(4) for name in ("net", "cost", "turnover", "exposure")}
    values[field][2] = bad

    with pytest.raises(PairingRefusedError, match=rf"{field} of candidate: .*step 2"):
        ArmSteps(name="candidate", **values)


@pytest.mark.parametrize("field", ["turnover", "exposure"])
def test_amount_below_zero_is_refused_where_none_can_be(field: str) -> None:
    values = {name: np.zeros(4) for name in ("net", "cost", "turnover", "exposure")}
    values[field][1] = -1.0

    with pytest.raises(PairingRefusedError, match=r"0 or more, found -1\.0 at step 1"):
        ArmSteps(name="candidate", **values)


def test_rebate_is_a_cost() -> None:
    rebated = ArmSteps(name="candidate", net=ONES, cost=-ONES, turnover=ONES)

    assert rebated.cost.sum() == -4.0


def test_whole_numbers_are_no_amounts() -> None:
    with pytest.raises(PairingRefusedError, match=r"float64 \(4,\), found int64"):
        ArmSteps(
            name="candidate",
            net=np.ones(4, np.int64),
            cost=ONES,
            turnover=ONES,
        )


def test_arm_of_another_length_is_refused() -> None:
    with pytest.raises(PairingRefusedError, match="steps of candidate: expected 4, found 3"):
        paired(np.ones(3), ONES)


def test_missing_arm_is_refused() -> None:
    whole = paired(ONES, ONES)
    fewer: dict[ArmName, ArmSteps] = {name: whole.arms[name] for name in ARMS if name != "no-op"}

    with pytest.raises(PairingRefusedError, match=r"arms: expected .*no-op"):
        replace(whole, arms=fewer)


def test_arm_under_another_name_is_refused() -> None:
    whole = paired(ONES, ONES)

    with pytest.raises(PairingRefusedError, match="expected no-op, found champion"):
        replace(whole, arms={**whole.arms, "no-op": whole.arms["champion"]})


def test_unknown_arm_is_refused() -> None:
    with pytest.raises(PairingRefusedError, match="found challenger"):
        arm("challenger", ONES)  # type: ignore[arg-type]


def test_nothing_pairs_with_nothing() -> None:
    with pytest.raises(PairingRefusedError, match="at least one, found none"):
        paired(np.zeros(0), np.zeros(0))


BROKEN: Final[Mapping[str, Callable[[PairedArms], PairedArms]]] = {
    "a fall at step 2": lambda whole: replace(whole, times_ns=whole.times_ns[[0, 2, 1, 3]]),
    "found -1 at step 2": lambda whole: replace(whole, regimes=numbers(0, 0, -1, 0)),
    "numbers below 1, found 1": lambda whole: replace(
        whole, regime_names=("calm",), regimes=numbers(0, 0, 1, 0)
    ),
    "each once": lambda whole: replace(whole, regime_names=("calm", "calm")),
    "nan at step 1": lambda whole: replace(whole, champion_history=np.array([0.0, np.nan])),
    "0 or more, found -1": lambda whole: replace(whole, horizon_ns=-1),
    "int32 (4,), found float64 (4,)": lambda whole: replace(
        whole,
        symbols=np.zeros(4),  # type: ignore[arg-type]
    ),
}


def numbers(*values: int) -> Indexes:
    """Return numbers of regimes."""
    return np.array(values, np.int32)


@pytest.mark.parametrize("said", sorted(BROKEN))
def test_what_all_arms_share_is_refused_too(said: str) -> None:
    with pytest.raises(PairingRefusedError, match=re.escape(said)):
        BROKEN[said](paired(ONES, ONES))


def budgets(**changed: ArmBudget) -> dict[ArmName, ArmBudget]:
    """Return the same budget for every arm, but for those ``changed``."""
    same = ArmBudget(contexts=100, capital=1e6, cost_bps=0.5, latency_ns=1000)
    return {name: changed.get(name.replace("-", "_"), same) for name in ARMS}


def test_equal_budgets_have_no_gap() -> None:
    assert budget_gap(budgets()) == 0.0


def test_gap_is_the_largest_relative_difference_of_any_arm() -> None:
    richer = ArmBudget(contexts=100, capital=2e6, cost_bps=0.4, latency_ns=1000)

    assert budget_gap(budgets(static_trend=richer)) == 0.5


def test_what_one_arm_lacks_altogether_is_the_largest_gap() -> None:
    free = ArmBudget(contexts=100, capital=1e6, cost_bps=0.0, latency_ns=1000)

    assert budget_gap(budgets(candidate=free)) == 1.0


def test_budget_that_is_no_number_is_refused() -> None:
    endless = ArmBudget(contexts=100, capital=float("inf"), cost_bps=0.5, latency_ns=1000)

    with pytest.raises(PairingRefusedError, match="finite"):
        budget_gap(budgets(champion=endless))


def test_budget_of_every_arm_is_asked_for() -> None:
    known = budgets()
    del known["no-op"]

    with pytest.raises(PairingRefusedError, match="budgets"):
        budget_gap(known)
