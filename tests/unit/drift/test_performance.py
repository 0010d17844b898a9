"""What a portfolio earned, fell, paid and how often it fell back, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from torghut.drift.model import advice_errors
from torghut.drift.performance import Paid, PortfolioTally, fallbacks, performance
from torghut.schemas.codes import Reason
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading

PNL: DriftCode = "performance_net_pnl_below_floor"
FALL: DriftCode = "performance_drawdown_exceeded"
COST: DriftCode = "performance_cost_bps_exceeded"
BACK: DriftCode = "performance_execution_fallback_ratio_exceeded"
NOTHING = Paid(costs=0.0, turnover=0.0, fills=0)


def course(*changes: float, capital: float = 100.0) -> PortfolioTally:
    """Return a portfolio after these changes of its equity."""
    tally = PortfolioTally()
    tally.take(np.array(changes), capital)
    return tally


def reading(code: DriftCode, *courses: PortfolioTally, paid: Paid = NOTHING) -> Reading:
    """Return what a check would be told."""
    return performance(dict(enumerate(courses)), paid, fell_back=0)[code]


def test_earned_is_the_sum_and_drawdown_the_deepest_fall_from_the_peak() -> None:
    tally = course(5.0, 5.0, -8.0, 1.0, -4.0, 20.0)

    assert reading(PNL, tally).value == 19.0
    assert reading(FALL, tally).value == pytest.approx(0.11)
    assert reading(FALL, tally).samples == 6


def test_fall_from_the_very_beginning_counts() -> None:
    assert reading(FALL, course(-9.0, 1.0)).value == pytest.approx(0.09)


def test_peak_is_remembered_from_one_piece_to_the_next() -> None:
    tally = course(10.0)
    tally.take(np.array([-3.0]), 100.0)
    tally.take(np.array([-4.0]), 100.0)

    assert tally.drawdown == pytest.approx(0.07)


def test_losing_more_than_everything_is_everything_and_not_out_of_range() -> None:
    assert reading(FALL, course(-150.0)).value == 1.0


@pytest.mark.parametrize("changes", [(math.nan,), (1.0, math.nan, 1.0)])
def test_equity_that_is_no_number_is_not_finite_for_good(changes: tuple[float, ...]) -> None:
    tally = course(*changes)
    tally.take(np.array([1.0]), 100.0)

    assert reading(PNL, tally).status == "not-finite"
    assert reading(FALL, tally).status == "not-finite"


def test_without_capital_a_fall_has_no_measure() -> None:
    assert reading(FALL, course(-1.0, capital=0.0)).status == "not-finite"


def test_falls_of_partitions_without_an_order_between_them_add_up() -> None:
    assert reading(FALL, course(-5.0), course(-6.0)).value == pytest.approx(0.11)


def test_cost_is_of_traded_notional_in_hundredths_of_a_percent() -> None:
    found = reading(COST, course(1.0), paid=Paid(costs=7.0, turnover=2_000.0, fills=4))

    assert found.value == pytest.approx(35.0)
    assert found.samples == 4


def test_without_a_trade_no_cost_is_known() -> None:
    assert reading(COST, course(1.0)).status == "missing"


def test_fallbacks_are_decisions_that_asked_for_advice_and_got_none() -> None:
    asked = [1 << Reason.REASONING_OFF, 1 << Reason.DETERMINISTIC_ONLY, 1 << Reason.DWELL, 0]

    fell_back = fallbacks(np.array(asked, np.uint64))

    assert fell_back == 2
    found = performance({0: course(1.0, 1.0, 1.0, 1.0)}, NOTHING, fell_back)[BACK]
    assert (found.value, found.samples) == (0.5, 4)


def test_of_an_empty_window_nothing_is_known() -> None:
    found = performance({}, NOTHING, 0)

    assert {one.status for one in found.values()} == {"missing"}


def test_advice_that_is_declared_off_is_not_applicable_and_else_it_must_be_measured() -> None:
    code: DriftCode = "model_llm_error_ratio_exceeded"

    assert advice_errors(off_by="ab" * 32, asked=0, failed=0)[code].declaration == "ab" * 32
    assert advice_errors(off_by=None, asked=0, failed=0)[code].status == "missing"
    assert advice_errors(off_by=None, asked=8, failed=1)[code].value == 0.125
    assert advice_errors(off_by="ab" * 32, asked=8, failed=1)[code].value == 0.125
