"""What each symbol's paper book gained, paid and risked, from the rows alone, per arm.

A fill shows in the row after it as a change of position; it was executed at the far side of that
row's quote, so its costs can be told apart from its gain. Sums run in the order decided.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.schemas.codes import Gate, Intent, PositionBasis
from torghut.workflows.report.columns import Floats, Grouped, Integers, RowArray, grown

_PAPER: Final = int(PositionBasis.PAPER)
_FEW: Final = 8
"""Up to so many symbols one after the other are quicker than all at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """Executions found in one block: symbol, signed quantity and price of each."""

    symbols: Integers
    quantity: Floats
    price: Floats
    mid: Floats


@dataclass(slots=True, kw_only=True)
class Books:
    """One arm's paper books; every array has one element a symbol, in the quote currency.

    Attributes:
        first_equity: At the first decision; NaN without one.
        equity: At the last decision.
        position: At the last decision; NaN while the row shows a reported position instead.
        turnover: Traded notional.
        fees: Paid in fees.
        slippage: Paid to the spread and in slippage, against the mid price.
        drawdown: Deepest fall of the equity below its peak.
        changes: Decisions that changed the target.
        fills: Executions.
    """

    first_equity: Floats = field(default_factory=lambda: np.zeros(0))
    equity: Floats = field(default_factory=lambda: np.zeros(0))
    position: Floats = field(default_factory=lambda: np.zeros(0))
    turnover: Floats = field(default_factory=lambda: np.zeros(0))
    fees: Floats = field(default_factory=lambda: np.zeros(0))
    slippage: Floats = field(default_factory=lambda: np.zeros(0))
    drawdown: Floats = field(default_factory=lambda: np.zeros(0))
    changes: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    fills: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    def grow(self, symbols: int) -> None:
        """Make room for that many symbols."""
        self.first_equity = grown(self.first_equity, symbols, np.nan)
        self.position = grown(self.position, symbols, np.nan)
        self.equity = grown(self.equity, symbols)
        self.turnover = grown(self.turnover, symbols)
        self.fees = grown(self.fees, symbols)
        self.slippage = grown(self.slippage, symbols)
        self.drawdown = grown(self.drawdown, symbols)
        self.changes = grown(self.changes, symbols)
        self.fills = grown(self.fills, symbols)

    def take(self, decided: Grouped, parameters: RowArray) -> None:
        """Book a block's decisions.

        Args:
            decided: The arm's decisions.
            parameters: Shape (symbols,), dtype ``PARAMETERS``: what trading costs.
        """
        symbols, rows = decided.symbols, decided.rows
        firsts = rows["equity"][decided.order[decided.starts]]
        known = self.first_equity[symbols]
        self.first_equity[symbols] = np.where(np.isnan(known), firsts, known)
        self.equity[symbols] = rows["equity"][decided.order[decided.ends - 1]]
        fallen = decided.gate_values(Gate.DRAWDOWN) * decided.floats("allotment")
        deepest = np.maximum.reduceat(fallen, decided.starts)
        self.drawdown[symbols] = np.maximum(self.drawdown[symbols], deepest)
        changed = decided.codes("intent") >= Intent.BUY
        self.changes[symbols] += np.add.reduceat(changed, decided.starts, dtype=np.int64)
        self._pay(self._fills(decided, parameters), parameters)

    def _fills(self, decided: Grouped, parameters: RowArray) -> Fills:
        """Return the executions between each row and the one before it."""
        paper = decided.codes("basis") == _PAPER
        position = np.where(paper, decided.floats("position"), np.nan)
        before = np.empty_like(position)
        before[1:] = position[:-1]
        before[decided.starts] = self.position[decided.symbols]
        self.position[decided.symbols] = position[decided.ends - 1]
        change = position - before
        moved = np.flatnonzero(np.nan_to_num(change))
        symbols = decided.symbols[decided.group[moved]]
        rows = decided.rows[decided.order[moved]]
        slippage = parameters["slippage_ratio"][symbols]
        quantity = change[moved]
        buys = rows["ask"] * (1.0 + slippage)
        sells = rows["bid"] * (1.0 - slippage)
        return Fills(
            symbols=symbols,
            quantity=quantity,
            price=np.where(quantity > 0.0, buys, sells),
            mid=rows["reference_price"],
        )

    def _pay(self, fills: Fills, parameters: RowArray) -> None:
        """Add what executions cost; one by one, so that blocks cut elsewhere give the same."""
        unit = np.abs(fills.quantity) * parameters["multiplier"][fills.symbols]
        notional = unit * fills.price
        np.add.at(self.fills, fills.symbols, 1)
        np.add.at(self.turnover, fills.symbols, notional)
        np.add.at(self.fees, fills.symbols, notional * parameters["fee_ratio"][fills.symbols])
        np.add.at(self.slippage, fills.symbols, unit * np.abs(fills.price - fills.mid))


@dataclass(slots=True, kw_only=True)
class Holdings:
    """Buying once and holding: at the first decided ask, with costs, marked at the mid price.

    Whole lots worth the smaller of allotment and notional cap, bought at once, without latency;
    never sold. Every array has one element a symbol, in the quote currency.

    Attributes:
        units: Quantity times multiplier; NaN before the first decision.
        paid: For all of it, costs included.
        fees: Part of ``paid``.
        slippage: Part of ``paid``: to half the spread, and in slippage.
        peak: Highest mid price since, or the mid price at which nothing is lost.
        mid: Newest mid price.
        drawdown: Deepest fall of the equity below its peak, which was 0 at the purchase.
    """

    units: Floats = field(default_factory=lambda: np.zeros(0))
    paid: Floats = field(default_factory=lambda: np.zeros(0))
    fees: Floats = field(default_factory=lambda: np.zeros(0))
    slippage: Floats = field(default_factory=lambda: np.zeros(0))
    peak: Floats = field(default_factory=lambda: np.zeros(0))
    mid: Floats = field(default_factory=lambda: np.zeros(0))
    drawdown: Floats = field(default_factory=lambda: np.zeros(0))

    def grow(self, symbols: int) -> None:
        """Make room for that many symbols."""
        self.units = grown(self.units, symbols, np.nan)
        self.paid = grown(self.paid, symbols)
        self.fees = grown(self.fees, symbols)
        self.slippage = grown(self.slippage, symbols)
        self.peak = grown(self.peak, symbols)
        self.mid = grown(self.mid, symbols)
        self.drawdown = grown(self.drawdown, symbols)

    def take(self, decided: Grouped, parameters: RowArray) -> None:
        """Buy what is seen for the first time, and mark everything at the mid price."""
        symbols = decided.symbols
        new = np.flatnonzero(np.isnan(self.units[symbols]))
        if len(new):
            self._buy(symbols[new], decided.rows[decided.order[decided.starts[new]]], parameters)
        mid = decided.floats("reference_price")
        before = self.peak[symbols]
        peak = np.maximum(_running_highest(mid, decided), before[decided.group])
        fall = np.maximum.reduceat(peak - mid, decided.starts) * self.units[symbols]
        self.drawdown[symbols] = np.maximum(self.drawdown[symbols], fall)
        self.peak[symbols] = peak[decided.ends - 1]
        self.mid[symbols] = mid[decided.ends - 1]

    def equity(self, symbol: int, mids: Floats) -> Floats:
        """Return the equity of one symbol at each of ``mids``."""
        worth: Floats = self.units[symbol] * mids - self.paid[symbol]
        return worth

    def _buy(self, symbols: Integers, rows: RowArray, parameters: RowArray) -> None:
        """Buy each of ``symbols`` at its row's ask."""
        own = parameters[symbols]
        price = rows["ask"] * (1.0 + own["slippage_ratio"])
        budget = np.minimum(rows["allotment"], rows["notional_cap"])
        lots = np.floor(budget / (price * own["multiplier"] * own["lot"]))
        units = lots * own["lot"] * own["multiplier"]
        fees = units * price * own["fee_ratio"]
        self.units[symbols] = units
        self.paid[symbols] = units * price + fees
        self.fees[symbols] = fees
        self.slippage[symbols] = units * (price - rows["reference_price"])
        worthless = units == 0.0
        per_unit = self.paid[symbols] / np.where(worthless, 1.0, units)
        self.peak[symbols] = np.where(worthless, rows["reference_price"], per_unit)


def _running_highest(values: Floats, decided: Grouped) -> Floats:
    """Return the highest value so far of each symbol; ``values`` are by symbol."""
    if len(decided.symbols) <= _FEW:
        highest = np.empty_like(values)
        for start, end in zip(decided.starts.tolist(), decided.ends.tolist(), strict=True):
            np.maximum.accumulate(values[start:end], out=highest[start:end])
        return highest
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    # A later symbol outranks all before it, so one running maximum serves them all.
    offset = decided.group * len(values)
    return values[order[np.maximum.accumulate(rank + offset) - offset]]
