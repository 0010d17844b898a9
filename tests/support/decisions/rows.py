"""Hand-made rows for tests of the kernel: one plausible instrument, and contexts for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from torghut.decisions.kernel.engine import DecisionKernel, Tables
from torghut.schemas.codes import Mode, OnStop, RouterMode, Stream
from torghut.schemas.rows import CONTEXT, DECISION, PARAMETERS, SESSION, SOURCE, STATE

RowArray = npt.NDArray[np.void]

SECOND_NS = 1_000_000_000
START_NS = 1_400_000_000 * SECOND_NS


def parameter_rows(count: int = 1) -> RowArray:  # noqa: PLR0915 - one line a field
    """Return parameters of ``count`` alike instruments, each with its own key."""
    rows = np.zeros(count, PARAMETERS)
    rows["symbol_key"] = np.arange(count) + 1
    rows["lot"], rows["multiplier"] = 1000.0, 1.0
    rows["fee_ratio"], rows["slippage_ratio"] = 2e-5, 1e-5
    rows["latency_ns"], rows["lifetime_ns"] = SECOND_NS // 20, 10 * SECOND_NS
    rows["price_min"], rows["price_max"] = 0.1, 100.0
    rows["jump_ratio"], rows["jump_confirmations"] = 0.05, 3
    rows["receive_leap_ns"] = 30 * 24 * 3600 * SECOND_NS
    rows["receive_leap_ns"], rows["position_age_ns"] = 864_000 * SECOND_NS, 3600 * SECOND_NS
    rows["age_limit_ns"][:, 0], rows["domain_required"][:, 0] = 10 * SECOND_NS, 1
    rows["sample_ns"], rows["sample_gap_ns"] = SECOND_NS, 3600 * SECOND_NS
    rows["horizon_samples"], rows["warm_up_samples"] = 60.0, 30
    rows["alpha_fast"], rows["alpha_slow"], rows["alpha_channel"] = 0.1, 0.01, 0.02
    rows["regimes"] = 3
    rows["start"][:, :3] = 1.0 / 3.0
    transition = np.zeros((4, 4))
    transition[:3, :3] = 0.02
    transition[range(3), range(3)] = 0.96
    rows["transition"] = transition.ravel()
    rows["regime_mean"][:, :9] = [-0.4, 0.1, 0.3, 0.0, 0.2, 0.4, 0.4, 0.3, 0.6]
    rows["regime_precision"], rows["log_norm"] = 20.0, 1.0
    rows["score_gain"] = [0.3, 0.3, 1.0, 0.0]
    rows["affinity"][:, :12] = [0.2, 0.5, 0.1, 0.2, 0.5, 0.2, 0.1, 0.2, 0.1, 0.1, 0.4, 0.4]
    rows["weight_max"] = 1.0
    rows["static_weights"] = [0.7, 0.1, 0.1, 0.1]
    rows["defensive_weights"] = [0.1, 0.05, 0.05, 0.8]
    rows["entropy_max"], rows["shock_max"] = 0.95, 0.9
    rows["confidence_score"], rows["confidence_cost"] = 0.5, 0.1
    rows["risk_ratio"], rows["minimum_change_ratio"] = 0.002, 0.02
    rows["spread_max"], rows["volatility_max"] = 0.001, 0.1
    rows["drawdown_max"], rows["turnover_max"] = 0.2, 50.0
    rows["dwell_ns"], rows["confidence_min"] = 5 * SECOND_NS, 0.4
    rows["trigger_entropy"], rows["trigger_disagreement"] = 0.9, 0.9
    rows["trigger_transition"], rows["trigger_notional_ratio"] = 0.9, 0.9
    return rows


def state_rows(count: int = 1) -> RowArray:
    """Return newborn states with an allotment of 100,000 in paper mode."""
    rows = np.zeros(count, STATE)
    rows["notional_cap"], rows["allotment"] = 1e6, 1e5
    rows["mode"], rows["router_mode"] = Mode.PAPER, RouterMode.LIVE
    rows["on_stop"] = OnStop.REDUCE_ONLY
    rows["posterior"][:, :3] = 1.0 / 3.0
    rows["entropy"] = 1.0
    return rows


def tables(count: int = 1) -> Tables:
    """Return the tables of ``count`` alike instruments and two sources, without sessions."""
    return Tables(
        parameters=parameter_rows(count),
        sources=np.array([(1, 2), (3, 4)], SOURCE),
        sessions=np.zeros(0, SESSION),
        due_ns=np.zeros(count, np.int64),
    )


def quotes(mids: npt.ArrayLike, *, step_ns: int = SECOND_NS, spread: float = 2e-5) -> RowArray:
    """Return one quote of symbol 0 for each mid price, ``step_ns`` apart, received at once."""
    prices = np.asarray(mids, np.float64)
    rows = np.zeros(len(prices), CONTEXT)
    rows["sequence"] = np.arange(len(prices))
    rows["receive_ns"] = START_NS + step_ns * np.arange(1, len(prices) + 1)
    rows["event_ns"] = rows["receive_ns"]
    rows["bid"], rows["ask"] = prices - spread / 2, prices + spread / 2
    for name in ("bid_size", "ask_size", "last", "last_size"):
        rows[name] = np.nan
    return rows


def walk(count: int, *, symbols: int = 1, seed: int = 0) -> RowArray:
    """Return a random walk of all message kinds over ``symbols``, some of it refusable."""
    draw = np.random.Generator(np.random.PCG64(seed))
    mids = 1.3 * np.exp(np.cumsum(draw.normal(0.0, 1e-4, count)))
    rows = quotes(mids, spread=0.0)
    rows["symbol"] = draw.integers(0, symbols, count)
    rows["stream"] = draw.choice([Stream.QUOTE, Stream.QUOTE, Stream.TRADE, Stream.DEPTH], count)
    rows["receive_ns"] = START_NS + np.cumsum(draw.integers(1, SECOND_NS, count))
    rows["event_ns"] = rows["receive_ns"] - draw.integers(-SECOND_NS, SECOND_NS, count)
    rows["ask"] += draw.integers(-1, 5, count) * 1e-5
    rows["last"] = mids
    rows["marks"] = draw.integers(0, 16, count)
    return rows


def interleaved(rows: RowArray, *, seed: int) -> RowArray:
    """Return ``rows`` with the symbols interleaved otherwise, each symbol's own order kept."""
    draw = np.random.Generator(np.random.PCG64(seed))
    slots = draw.permutation(rows["symbol"])
    order = np.empty(len(rows), np.int64)
    for symbol in np.unique(rows["symbol"]):
        order[slots == symbol] = np.flatnonzero(rows["symbol"] == symbol)
    return rows[order]


def decide(
    kernel: DecisionKernel, contexts: RowArray, states: RowArray, shared: Tables
) -> tuple[RowArray, npt.NDArray[np.uint8]]:
    """Return the decisions and outcomes of one batch."""
    decisions = np.zeros(len(contexts), DECISION)
    outcomes = np.zeros(len(contexts), np.uint8)
    _, written = kernel.decide(contexts, states, shared, decisions, outcomes)
    return decisions[:written], outcomes
