"""The paper book: what the decisions would have earned, net of spread, slippage and fees.

An order fills at the far side of the first context at or after its time plus the declared latency,
never at the price it was decided on. At most one order is in flight.
"""

from __future__ import annotations

from typing import Final

from torghut.kernel.native.compiled import compiled
from torghut.schemas.rows import ParameterRow, StateRow

_DAY_NS: Final = 86_400_000_000_000


@compiled
def settle(now_ns: int, state: StateRow, parameters: ParameterRow) -> None:
    """Fill the order that is due, then mark the book and its drawdown at the mid price."""
    day = now_ns // _DAY_NS
    if day > state.turnover_day:  # streams may lag one another over midnight
        state.turnover_day = day
        state.traded_notional = 0.0
    if state.order_live and now_ns >= state.order_due_ns:
        _fill(state, parameters)
    equity = paper_equity(state, parameters)
    state.equity_peak = max(state.equity_peak, equity)
    state.drawdown = 0.0
    if state.allotment > 0.0:
        state.drawdown = (state.equity_peak - equity) / state.allotment


@compiled
def _fill(state: StateRow, parameters: ParameterRow) -> None:
    """Execute the order in flight at the far side of the current quote."""
    quantity = state.order_quantity
    if quantity > 0.0:
        price = state.ask * (1.0 + parameters.slippage_ratio)
    else:
        price = state.bid * (1.0 - parameters.slippage_ratio)
    notional = abs(quantity) * price * parameters.multiplier
    state.paper_position = state.paper_position + quantity + 0.0
    state.paper_cash -= quantity * price * parameters.multiplier
    state.paper_cash -= notional * parameters.fee_ratio
    state.traded_notional += notional
    state.order_live = 0
    state.order_quantity = 0.0


@compiled
def paper_equity(state: StateRow, parameters: ParameterRow) -> float:
    """Return cash plus the position at the mid price, in the quote currency; 0 at birth."""
    return state.paper_cash + state.paper_position * state.mid * parameters.multiplier


@compiled
def place_order(now_ns: int, quantity: float, state: StateRow, parameters: ParameterRow) -> None:
    """Send ``quantity`` (signed, in units of the base) to the paper venue."""
    state.order_live = 1
    state.order_quantity = quantity
    state.order_due_ns = now_ns + parameters.latency_ns


@compiled
def cancel_order(state: StateRow) -> None:
    """Take back the order in flight; what was not filled never happened."""
    state.order_live = 0
    state.order_quantity = 0.0
    state.target = state.paper_position
    state.target_open = 0
