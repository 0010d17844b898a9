"""Measures stay in their range, and do not depend on order, pieces or the unit of money."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.drift.ages import AgeCounts
from torghut.drift.calibration import PromiseTally
from torghut.drift.data import DataTally
from torghut.drift.performance import Paid, PortfolioTally, performance
from torghut.drift.regime import Regimes, shocks
from torghut.schemas.codes import RefusalCode
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading

AGES = st.lists(st.integers(0, 2**62), min_size=1, max_size=60)
CODES = st.lists(st.sampled_from(list(RefusalCode)), max_size=60)
PROMISES = st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=60)
CHANGES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(ages=AGES, seed=st.integers(0, 99))
def test_percentile_is_an_age_that_enough_do_not_exceed(ages: list[int], seed: int) -> None:
    counts, shuffled = AgeCounts(), AgeCounts()
    counts.take(np.array(ages, np.int64))
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(ages))
    for piece in np.array_split(np.array(ages, np.int64)[order], 3):
        shuffled.take(piece)

    found = counts.percentile(95)

    assert found is not None
    assert found == shuffled.percentile(95)
    rank = -(-len(ages) * 95 // 100)
    exact = sorted(ages)[rank - 1] / 1e6
    assert exact * (1 - 1e-12) <= found <= (exact + 1.0) * (1 + 1 / 1024)


def _counted(pieces: Sequence[Sequence[RefusalCode]]) -> dict[DriftCode, Reading]:
    tally = DataTally()
    for piece in pieces:
        tally.take_outcomes(np.array(piece, np.uint8))
    return dict(tally.readings(nothing_required_by=None))


@given(codes=CODES, cut=st.integers(0, 60))
def test_outcomes_are_counted_alike_in_any_order_and_pieces(
    codes: list[RefusalCode], cut: int
) -> None:
    whole = _counted([codes])

    assert whole == _counted([codes[cut:][::-1], codes[:cut]])
    for reading in (
        whole["data_duplicate_ratio_exceeded"],
        whole["data_required_null_rate_exceeded"],
    ):
        value = reading.value
        assert value is None or 0.0 <= value <= 1.0


@given(promises=PROMISES)
def test_brier_score_is_a_ratio_and_forgets_the_order(promises: list[tuple[float, bool]]) -> None:
    tally, reverse = PromiseTally(), PromiseTally()
    promised, came = np.array([p for p, _ in promises]), np.array([c for _, c in promises])
    tally.take(promised, came)
    for place in range(len(promises) - 1, -1, -1):
        reverse.take(promised[place : place + 1], came[place : place + 1])

    value = tally.readings()["model_calibration_error_exceeded"].value
    again = reverse.readings()["model_calibration_error_exceeded"].value

    assert value is not None
    assert 0.0 <= value <= 1.0
    assert again == pytest.approx(value, abs=1e-12)
    error = tally.expected_error().value
    assert error is not None
    assert 0.0 <= error <= 1.0


@given(changes=CHANGES, pieces=st.integers(1, 9), scale=st.sampled_from([0.01, 1.0, 1000.0]))
def test_portfolio_forgets_pieces_and_its_drawdown_the_currency(
    changes: list[float], pieces: int, scale: float
) -> None:
    whole, cut = PortfolioTally(), PortfolioTally()
    whole.take(np.array(changes), 1e6)
    for piece in np.array_split(np.array(changes) * scale, pieces):
        if len(piece):
            cut.take(piece, 1e6 * scale)

    assert cut.earned == pytest.approx(whole.earned * scale, rel=1e-6, abs=1e-3)
    assert cut.drawdown == pytest.approx(whole.drawdown, rel=1e-6, abs=1e-9)
    assert cut.drawdown >= 0.0
    found = performance({0: whole}, Paid(costs=1.0, turnover=10.0, fills=1), 0)
    fallen = found["performance_drawdown_exceeded"].value
    assert fallen is not None
    assert 0.0 <= fallen <= 1.0


POSTERIOR = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4).map(
    lambda raw: [one / sum(raw) for one in raw]
)


@given(before=POSTERIOR, after=POSTERIOR, limit=st.floats(0.0, 1.0))
def test_shock_is_the_same_there_and_back_and_with_regimes_renamed(
    before: list[float], after: list[float], limit: float
) -> None:
    def regimes(posterior: list[float]) -> Regimes:
        return Regimes(
            regime=np.array([int(np.argmax(posterior))], np.uint8),
            posterior=np.array([posterior]),
        )

    there = shocks(regimes(before), regimes(after), limit)

    assert there.tolist() == shocks(regimes(after), regimes(before), limit).tolist()
    if int(np.argmax(before)) == int(np.argmax(after)) or limit == 1.0:
        assert not there.any()
