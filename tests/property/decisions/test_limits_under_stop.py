"""No target, small change or order in flight gets round a limit or a stop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.decisions.holding import NOW_NS, eased_tables, following, long_states
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import SECOND_NS, decide
from torghut.schemas.codes import Intent, Mode, Reason, Stream, Switch


def test_a_small_change_does_not_keep_a_target_above_a_lowered_allotment() -> None:
    # §4.2: exposure <= allotment once limits-allotted lowers it, or the allotter waits for ever.
    shared = eased_tables()
    states = long_states(shared)
    shared.parameters["minimum_change_ratio"], shared.parameters["risk_ratio"] = 0.9, 1.0
    states["order_live"], states["order_quantity"] = 0, 0.0
    states["target"] = states["paper_position"]
    states["allotment"] = states["target"] * states["mid"] * 0.99  # just below what is held

    (row,), _ = decide(compiled(), following(states), states, shared)

    assert abs(row["target"]) * row["reference_price"] <= row["allotment"]


def test_a_small_change_does_not_keep_a_target_above_a_lowered_cap() -> None:
    # §4.3: live "trades up to the cap"; the notional gate says pass on another target.
    shared = eased_tables()
    states = long_states(shared)
    shared.parameters["minimum_change_ratio"], shared.parameters["risk_ratio"] = 0.9, 1.0
    states["order_live"], states["order_quantity"] = 0, 0.0
    states["target"] = states["paper_position"]
    states["notional_cap"] = states["target"] * states["mid"] * 0.99
    states["allotment"] = states["target"] * states["mid"]  # the wish: below both

    (row,), _ = decide(compiled(), following(states), states, shared)

    assert abs(row["target"]) * row["reference_price"] <= row["notional_cap"]


def test_an_order_in_flight_does_not_keep_a_target_above_a_lowered_allotment() -> None:
    # §4.2: the allotter waits for reduced exposure; the target binds (§4.3).
    shared = eased_tables()
    states = long_states(shared)
    states["paper_position"] = 0.0
    states["order_live"], states["order_quantity"] = 1, float(states["target"][0])
    states["order_due_ns"] = NOW_NS * 2
    states["allotment"] = 1000.0

    (row,), _ = decide(compiled(), following(states), states, shared)

    assert abs(row["target"]) * row["reference_price"] <= row["allotment"]


def test_while_stopped_a_small_change_does_not_raise_the_reported_position() -> None:
    # §4.3: "While stopped, no decision raises a symbol's absolute exposure".
    shared = eased_tables(minimum_change_ratio=0.2, reconcile_ns=10**18)
    states = long_states(shared)
    states["order_live"], states["order_quantity"] = 0, 0.0
    states["target"] = states["paper_position"]
    states["mode"], states["switches"] = Mode.LIVE, 1 << Switch.STOP
    states["reported_known"], states["reported_ns"] = 1, NOW_NS // 2
    states["reported_position"] = states["reported_fills"] = states["target"] * 0.95

    (row,), _ = decide(compiled(), following(states), states, shared)

    assert row["reasons"] & np.uint64(1 << Reason.STOPPED)
    assert abs(row["target"]) <= abs(row["position"])


def test_while_stopped_a_paper_order_in_flight_does_not_raise_the_reported_position() -> None:
    # §4.3: "While stopped, no decision raises a symbol's absolute exposure".
    shared = eased_tables()
    states = long_states(shared)
    states["target"] = states["paper_position"] / 2  # a reducing paper order is on its way
    states["order_live"], states["order_quantity"] = 1, -float(states["target"][0])
    states["order_due_ns"] = NOW_NS * 2
    states["mode"], states["switches"] = Mode.LIVE, 1 << Switch.STOP
    states["reported_known"], states["reported_ns"] = 1, NOW_NS // 2  # at the venue: flat

    (row,), _ = decide(compiled(), following(states), states, shared)

    assert abs(row["target"]) <= abs(row["position"])


@pytest.mark.parametrize("late", [0, 1])
def test_a_flip_in_flight_opens_nothing_while_late_or_stopped(late: int) -> None:
    # §4.2: between lag-begin and lag-end "the kernel opens nothing"; stop: no new exposure.
    shared = eased_tables()
    states = long_states(shared)
    held = float(states["paper_position"][0])
    states["target"], states["order_quantity"] = -held, -2 * held
    states["order_live"], states["order_due_ns"] = 1, NOW_NS * 2
    states["late"], states["switches"] = late, 0 if late else 1 << Switch.STOP

    (row,), _ = decide(compiled(), following(states), states, shared)

    assert row["target"] >= 0.0


def test_abstaining_does_not_call_back_an_order_that_closes_the_position() -> None:
    # §4.3: abstain = "open nothing, cancel resting entries"; an exit is no entry.
    shared = eased_tables()
    states = long_states(shared)
    held = float(states["paper_position"][0])
    states["target"], states["order_quantity"] = 0.0, -held
    states["order_live"], states["order_due_ns"] = 1, NOW_NS * 2
    trade = following(states)
    trade["stream"], trade["last"] = Stream.TRADE, float(states["mid"][0])
    trade["receive_ns"] += 3600 * SECOND_NS  # the last quote is stale: abstain
    trade["event_ns"] = trade["receive_ns"]

    (row,), _ = decide(compiled(), trade, states, shared)

    assert row["intent"] == Intent.ABSTAIN
    assert states["order_live"][0] == 1


@given(
    held=st.floats(-1e5, 1e5),
    wanted=st.floats(-1e5, 1e5),
    working=st.integers(0, 1),
    silent_ns=st.sampled_from([-1, 0, 1, SECOND_NS]),
    mode=st.sampled_from(list(Mode)),
)
def test_live_no_decision_raises_exposure_past_the_heartbeat_and_no_other_mode_cares(
    held: float,
    wanted: float,
    working: int,
    silent_ns: int,
    mode: Mode,
) -> None:
    # §4.3: "past its TTL no new exposure, reason governance-silent".
    shared = eased_tables(reconcile_ns=10**18)
    states = long_states(shared)
    states["mode"], states["reported_known"], states["reported_ns"] = mode, 1, NOW_NS
    states["reported_position"] = states["reported_fills"] = states["paper_position"] = held
    states["target"], states["target_open"], states["order_live"] = wanted, working, 0
    states["governance_until_ns"] = following(states)["receive_ns"][0] - silent_ns

    (row,), _ = decide(compiled(), following(states), states, shared)

    silent = mode == Mode.LIVE and silent_ns > 0
    assert bool(int(row["reasons"]) >> Reason.GOVERNANCE_SILENT & 1) == silent
    if silent:
        assert abs(row["target"]) <= abs(row["position"])
        assert row["target"] * row["position"] >= 0.0


@given(st.integers(0, 2**7 - 1), st.sampled_from(list(Mode)))
def test_a_fenced_revision_abstains_whatever_else_is_thrown(switches: int, mode: Mode) -> None:
    shared = eased_tables()
    states = long_states(shared)
    states["mode"], states["switches"] = mode, switches

    (row,), _ = decide(compiled(), following(states), states, shared)

    fenced = bool(switches >> Switch.REVISION_FENCE & 1)
    assert bool(int(row["reasons"]) >> Reason.REVISION_FENCED & 1) == fenced
    assert not fenced or row["intent"] == Intent.ABSTAIN
