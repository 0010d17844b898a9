"""Books find fills in changes of position, and the highest price so far per symbol."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from torghut.schemas.codes import Gate, Intent, PositionBasis
from torghut.schemas.rows import DECISION, PARAMETERS
from torghut.workflows.report.books import Books, Holdings
from torghut.workflows.report.columns import grouped


def parameters() -> npt.NDArray[np.void]:
    """Return the costs of two symbols: 1 % fees and 1 % slippage each; the second by tens."""
    rows = np.zeros(2, PARAMETERS)
    rows["multiplier"], rows["lot"] = [1.0, 10.0], 1.0
    rows["fee_ratio"], rows["slippage_ratio"] = 0.01, 0.01
    return rows


def decided(positions: list[float]) -> npt.NDArray[np.void]:
    """Return decisions with these positions at bid 99 and ask 101."""
    rows = np.zeros(len(positions), DECISION)
    rows["position"], rows["allotment"], rows["notional_cap"] = positions, 1000.0, 1000.0
    rows["bid"], rows["ask"], rows["reference_price"] = 99.0, 101.0, 100.0
    return rows


def test_fill_is_paid_at_the_far_side_with_slippage_and_fee() -> None:
    books = Books()
    books.grow(2)

    books.take(grouped(decided([0.0, 3.0, 3.0, 1.0]), np.zeros(4, np.uint32)), parameters())

    bought, sold = 3.0 * 101.0 * 1.01, 2.0 * 99.0 * 0.99
    assert books.turnover[0] == pytest.approx(bought + sold)
    assert books.fees[0] == pytest.approx(0.01 * (bought + sold))
    assert books.slippage[0] == pytest.approx(bought - 300.0 + 200.0 - sold)


def test_position_is_carried_from_block_to_block_for_each_symbol() -> None:
    books = Books()
    books.grow(2)
    symbols = np.array([0, 1, 0, 1], np.uint32)
    books.take(grouped(decided([0.0, 5.0, 1.0, 5.0]), symbols), parameters())
    before = books.turnover.copy()

    books.take(grouped(decided([1.0, 6.0]), symbols[:2]), parameters())

    assert books.turnover[0] == before[0] == pytest.approx(101.0 * 1.01)
    assert books.turnover[1] == pytest.approx(10.0 * 101.0 * 1.01)


def test_reported_positions_are_nobody_s_fills() -> None:
    books = Books()
    books.grow(2)
    rows = decided([0.0, 7.0, 9.0, 2.0, 4.0])
    rows["basis"][1:3] = PositionBasis.REPORTED

    books.take(grouped(rows, np.zeros(5, np.uint32)), parameters())

    assert books.turnover[0] == pytest.approx(2.0 * 101.0 * 1.01)


def test_drawdown_is_that_of_the_kernel_s_gate_and_changes_are_buys_and_sells() -> None:
    books = Books()
    books.grow(2)
    rows = decided([0.0, 0.0, 0.0])
    rows["gate_value"][:, Gate.DRAWDOWN] = [0.0, 0.25, 0.1]
    rows["intent"] = [Intent.BUY, Intent.HOLD, Intent.SELL]

    books.take(grouped(rows, np.zeros(3, np.uint32)), parameters())

    assert (books.drawdown[0], books.changes[0]) == (250.0, 2)


def test_holding_that_cannot_afford_a_lot_holds_nothing() -> None:
    holdings = Holdings()
    holdings.grow(2)
    rows = decided([0.0, 0.0])
    rows["allotment"] = 50.0
    rows["reference_price"] = [100.0, 60.0]

    holdings.take(grouped(rows, np.zeros(2, np.uint32)), parameters())

    assert holdings.equity(0, np.array([60.0])).tolist() == [0.0]
    assert (holdings.drawdown[0], holdings.fees[0]) == (0.0, 0.0)


@pytest.mark.parametrize("symbols", [1, 8, 9, 40])
def test_holding_s_drawdown_is_the_same_for_few_and_for_many_symbols(symbols: int) -> None:
    draw = np.random.Generator(np.random.PCG64(symbols))
    numbers = draw.integers(0, symbols, 600).astype(np.uint32)
    rows = decided([0.0] * 600)
    rows["reference_price"] = draw.normal(100.0, 10.0, 600)
    costs = np.repeat(parameters()[:1], symbols)
    holdings = Holdings()
    holdings.grow(symbols)

    for cut in (slice(0, 7), slice(7, 400), slice(400, 600)):
        holdings.take(grouped(rows[cut], numbers[cut]), costs)

    for symbol in range(symbols):
        equity = holdings.equity(symbol, rows["reference_price"][numbers == symbol])
        fall = np.maximum.accumulate(np.maximum(equity, 0.0)) - equity
        assert holdings.drawdown[symbol] == pytest.approx(fall.max())


def test_holding_falls_from_its_own_symbol_s_peak_only() -> None:
    holdings = Holdings()
    holdings.grow(2)
    symbols = np.array([1, 0, 1, 0, 1, 0], np.uint32)
    rows = decided([0.0] * 6)
    rows["reference_price"] = [100.0, 100.0, 900.0, 150.0, 800.0, 140.0]

    holdings.take(grouped(rows[:4], symbols[:4]), parameters())
    holdings.take(grouped(rows[4:], symbols[4:]), parameters())

    # 9 lots for 1,000 at 101 and 1 % slippage; no whole lot of ten.
    assert holdings.units.tolist()[:2] == [9.0, 0.0]
    assert holdings.drawdown[0] == pytest.approx(90.0)
