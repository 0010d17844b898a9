"""When the paper book trades, at which price, and what it costs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import (
    SECOND_NS,
    decide,
    parameter_rows,
    quotes,
    state_rows,
    tables,
)
from torghut.decisions.kernel.book import paper_equity, place_order, settle
from torghut.schemas.codes import Intent, Reason


def test_an_order_fills_at_the_far_side_after_its_latency() -> None:
    parameters, state = parameter_rows()[0:1].view(np.recarray)[0], state_rows()[0:1]
    row = state.view(np.recarray)[0]
    row.bid, row.ask, row.mid = 1.2999, 1.3001, 1.3
    place_order(SECOND_NS, 10_000.0, row, parameters)

    row.bid, row.ask, row.mid = 1.3099, 1.3101, 1.31
    settle(SECOND_NS + SECOND_NS // 20 - 1, row, parameters)
    early = float(state["paper_position"][0])
    settle(SECOND_NS + SECOND_NS // 20, row, parameters)

    price = 1.3101 * (1 + 1e-5)
    assert early == 0.0
    assert state["paper_position"][0] == 10_000.0
    assert state["paper_cash"][0] == pytest.approx(-10_000 * price * (1 + 2e-5), rel=1e-12)
    assert paper_equity(row, parameters) < 0.0


def test_a_sale_fills_at_the_bid() -> None:
    parameters, state = parameter_rows().view(np.recarray)[0], state_rows()
    row = state.view(np.recarray)[0]
    row.bid, row.ask, row.mid = 1.2999, 1.3001, 1.3
    place_order(0, -10_000.0, row, parameters)

    settle(SECOND_NS, row, parameters)

    price = 1.2999 * (1 - 1e-5)
    assert state["paper_cash"][0] == pytest.approx(10_000 * price * (1 - 2e-5), rel=1e-12)


def test_what_was_traded_is_forgotten_with_the_utc_day() -> None:
    parameters, state = parameter_rows().view(np.recarray)[0], state_rows()
    row = state.view(np.recarray)[0]
    row.bid, row.ask, row.mid = 1.2999, 1.3001, 1.3
    place_order(0, 10_000.0, row, parameters)

    settle(SECOND_NS, row, parameters)
    same_day = float(state["traded_notional"][0])
    settle(86_400 * SECOND_NS, row, parameters)

    assert same_day > 13_000.0
    assert state["traded_notional"][0] == 0.0


def test_position_follows_target_and_holds_in_between() -> None:
    draw = np.random.Generator(np.random.PCG64(3))
    mids = 1.3 * np.exp(np.cumsum(draw.normal(2e-5, 1e-4, 3000)))

    decisions, _ = decide(compiled(), quotes(mids), state_rows(), tables())

    changed = np.isin(decisions["intent"], [Intent.BUY, Intent.SELL])
    assert changed.sum() > 5
    for index in np.flatnonzero(changed)[:-1]:
        after = decisions[index + 1]
        assert after["position"] == decisions["target"][index]
    bought = decisions[decisions["intent"] == Intent.BUY]
    assert np.all(bought["delta"] > 0.0)


def test_while_an_order_is_in_flight_the_target_holds() -> None:
    draw = np.random.Generator(np.random.PCG64(3))
    mids = 1.3 * np.exp(np.cumsum(draw.normal(2e-5, 1e-4, 3000)))
    shared = tables()
    shared.parameters["latency_ns"] = 3 * SECOND_NS

    decisions, _ = decide(compiled(), quotes(mids), state_rows(), shared)

    in_flight = (decisions["reasons"] >> np.uint64(Reason.ORDER_IN_FLIGHT)) & np.uint64(1) == 1
    assert in_flight.sum() > 5
    assert np.all(decisions["intent"][in_flight] == Intent.HOLD)


def test_a_price_that_stands_still_moves_no_expert() -> None:
    draw = np.random.Generator(np.random.PCG64(3))
    moving = 1.3 * np.exp(np.cumsum(draw.normal(0.0, 1e-4, 300)))
    mids = np.concatenate([moving, np.full(9000, moving[-1])])

    decisions, _ = decide(compiled(), quotes(mids), state_rows(), tables())

    assert np.all(decisions["scores"][-1] == 0.0)
    assert decisions["intent"][-1] == Intent.HOLD
