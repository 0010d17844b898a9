"""Defects found by attacking the kernel and the control records; each breaks one written law."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tests import rows as made
from tests.kernels import compiled, reference
from tests.rows import SECOND_NS, START_NS, decide, quotes, state_rows, tables
from torghut.decisions.fold.control import apply_control
from torghut.decisions.kernel import gates
from torghut.decisions.kernel.deciding import decide_rows
from torghut.decisions.kernel.engine import Tables
from torghut.kernel.compiled import build_digest
from torghut.schemas.codes import (
    Domain,
    Gate,
    GateStatus,
    Intent,
    Mode,
    Reason,
    RefusalCode,
    Stream,
    Switch,
)
from torghut.schemas.control import FillReported, NewsArrived, PositionReported

RowArray = npt.NDArray[np.void]
NOW_NS = START_NS + 10_000 * SECOND_NS


def _rising(count: int, start: float = 1.3, step: float = 2e-5) -> RowArray:
    return quotes(start + step * np.arange(count))


def _warm(states: RowArray, shared: Tables, count: int = 120) -> RowArray:
    """Return the decisions of a warm-up that ends long of 70,000 or so."""
    return decide(compiled(), _rising(count), states, shared)[0]


def _next(states: RowArray, after: int = 1, *, mid: float | None = None, k: int = 1) -> RowArray:
    """Return ``k`` quotes, a second apart, that follow what ``states`` has seen."""
    price = float(states["mid"][0]) if mid is None else mid
    more = quotes(np.full(k, price))
    more["sequence"] += states["stream_sequence"][0, 0] + np.uint64(after)
    more["receive_ns"] += int(states["stream_receive_ns"][0, 0]) - START_NS
    more["event_ns"] = more["receive_ns"]
    return more


def _tables(**changes: float) -> Tables:
    shared = tables()
    shared.parameters["lot"] = 1.0
    shared.parameters["confidence_min"] = 0.0
    shared.parameters["dwell_ns"] = 0
    for name, value in changes.items():
        shared.parameters[name] = value
    return shared


def _long(shared: Tables) -> RowArray:
    states = state_rows()
    _warm(states, shared)
    assert states["paper_position"][0] > 1000
    assert states["order_live"][0] == 0 or states["order_due_ns"][0] <= NOW_NS
    return states


# ------------------------------------------------------------------ limits and stops


def test_a_small_change_does_not_keep_a_target_above_a_lowered_allotment() -> None:
    # §4.2: exposure <= allotment once limits-allotted lowers it, or the allotter waits for ever.
    shared = _tables()
    states = _long(shared)
    shared.parameters["minimum_change_ratio"], shared.parameters["risk_ratio"] = 0.9, 1.0
    states["order_live"], states["order_quantity"] = 0, 0.0
    states["target"] = states["paper_position"]
    states["allotment"] = states["target"] * states["mid"] * 0.99  # just below what is held

    (row,), _ = decide(compiled(), _next(states), states, shared)

    assert abs(row["target"]) * row["reference_price"] <= row["allotment"]


def test_a_small_change_does_not_keep_a_target_above_a_lowered_cap() -> None:
    # §4.3: live "trades up to the cap"; the notional gate says pass on another target.
    shared = _tables()
    states = _long(shared)
    shared.parameters["minimum_change_ratio"], shared.parameters["risk_ratio"] = 0.9, 1.0
    states["order_live"], states["order_quantity"] = 0, 0.0
    states["target"] = states["paper_position"]
    states["notional_cap"] = states["target"] * states["mid"] * 0.99
    states["allotment"] = states["target"] * states["mid"]  # the wish: below both

    (row,), _ = decide(compiled(), _next(states), states, shared)

    assert abs(row["target"]) * row["reference_price"] <= row["notional_cap"]


def test_an_order_in_flight_does_not_keep_a_target_above_a_lowered_allotment() -> None:
    # §4.2: the allotter waits for reduced exposure; the target binds (§4.3).
    shared = _tables()
    states = _long(shared)
    states["paper_position"] = 0.0
    states["order_live"], states["order_quantity"] = 1, float(states["target"][0])
    states["order_due_ns"] = NOW_NS * 2
    states["allotment"] = 1000.0

    (row,), _ = decide(compiled(), _next(states), states, shared)

    assert abs(row["target"]) * row["reference_price"] <= row["allotment"]


def test_while_stopped_a_small_change_does_not_raise_the_reported_position() -> None:
    # §4.3: "While stopped, no decision raises a symbol's absolute exposure".
    shared = _tables(minimum_change_ratio=0.2, reconcile_ns=10**18)
    states = _long(shared)
    states["order_live"], states["order_quantity"] = 0, 0.0
    states["target"] = states["paper_position"]
    states["mode"], states["switches"] = Mode.LIVE, 1 << Switch.STOP
    states["reported_known"], states["reported_ns"] = 1, NOW_NS // 2
    states["reported_position"] = states["reported_fills"] = states["target"] * 0.95

    (row,), _ = decide(compiled(), _next(states), states, shared)

    assert row["reasons"] & np.uint64(1 << Reason.STOPPED)
    assert abs(row["target"]) <= abs(row["position"])


def test_while_stopped_a_paper_order_in_flight_does_not_raise_the_reported_position() -> None:
    # §4.3: "While stopped, no decision raises a symbol's absolute exposure".
    shared = _tables()
    states = _long(shared)
    states["target"] = states["paper_position"] / 2  # a reducing paper order is on its way
    states["order_live"], states["order_quantity"] = 1, -float(states["target"][0])
    states["order_due_ns"] = NOW_NS * 2
    states["mode"], states["switches"] = Mode.LIVE, 1 << Switch.STOP
    states["reported_known"], states["reported_ns"] = 1, NOW_NS // 2  # at the venue: flat

    (row,), _ = decide(compiled(), _next(states), states, shared)

    assert abs(row["target"]) <= abs(row["position"])


@pytest.mark.parametrize("late", [0, 1])
def test_a_flip_in_flight_opens_nothing_while_late_or_stopped(late: int) -> None:
    # §4.2: between lag-begin and lag-end "the kernel opens nothing"; stop: no new exposure.
    shared = _tables()
    states = _long(shared)
    held = float(states["paper_position"][0])
    states["target"], states["order_quantity"] = -held, -2 * held
    states["order_live"], states["order_due_ns"] = 1, NOW_NS * 2
    states["late"], states["switches"] = late, 0 if late else 1 << Switch.STOP

    (row,), _ = decide(compiled(), _next(states), states, shared)

    assert row["target"] >= 0.0


def test_abstaining_does_not_call_back_an_order_that_closes_the_position() -> None:
    # §4.3: abstain = "open nothing, cancel resting entries"; an exit is no entry.
    shared = _tables()
    states = _long(shared)
    held = float(states["paper_position"][0])
    states["target"], states["order_quantity"] = 0.0, -held
    states["order_live"], states["order_due_ns"] = 1, NOW_NS * 2
    trade = _next(states)
    trade["stream"], trade["last"] = Stream.TRADE, float(states["mid"][0])
    trade["receive_ns"] += 3600 * SECOND_NS  # the last quote is stale: abstain
    trade["event_ns"] = trade["receive_ns"]

    (row,), _ = decide(compiled(), trade, states, shared)

    assert row["intent"] == Intent.ABSTAIN
    assert states["order_live"][0] == 1


def test_confidence_is_not_that_of_the_opposite_target() -> None:
    # Issue 3: confidence is the probability that the *target* gains; here the score opposes it.
    shared = _tables()
    states = _long(shared)
    held = float(states["paper_position"][0])
    states["target"], states["order_live"], states["order_quantity"] = held, 1, 1.0
    states["paper_position"], states["order_due_ns"] = held - 1.0, NOW_NS * 2
    falling = _next(states, k=90)
    falling["bid"] -= 3e-5 * np.arange(90)
    falling["ask"] -= 3e-5 * np.arange(90)

    row = decide(compiled(), falling, states, shared)[0][-1]

    assert row["score"] < -0.1
    assert row["target"] > 0.0
    assert row["confidence"] <= 0.5


# ------------------------------------------------------------------ books


def _state() -> np.void:
    state: np.void = state_rows()[0]
    return state


def test_the_age_of_a_position_is_that_of_the_snapshot() -> None:
    # §4.2 Books: "each decision states its position basis and age".
    state = _state()
    record = PositionReported(
        control_id="p", symbol="fxcm:EURUSD", quantity=5.0, as_of_ns=NOW_NS - 3600 * SECOND_NS
    )
    apply_control(record, NOW_NS, state)

    assert NOW_NS - int(state["reported_ns"]) >= 3600 * SECOND_NS


def test_an_older_position_snapshot_does_not_undo_a_newer_one() -> None:
    # §4.2 Books: state is the newest known; delivery order is not time order.
    state = _state()
    for control_id, quantity, age_s in (("p1", 5.0, 1), ("p2", 9.0, 3600)):
        record = PositionReported(
            control_id=control_id,
            symbol="fxcm:EURUSD",
            quantity=quantity,
            as_of_ns=NOW_NS - age_s * SECOND_NS,
        )
        apply_control(record, NOW_NS, state)

    assert state["reported_position"] == 5.0


def test_a_stale_reported_position_allows_reducing_only() -> None:
    # §4.2 Books: "stale or contradictory: reducing decisions only".
    shared = _tables(minimum_change_ratio=0.0, reconcile_ns=SECOND_NS)
    states = _long(shared)
    states["mode"], states["order_live"] = Mode.LIVE, 0
    states["target"] = 1000.0
    states["reported_known"], states["reported_ns"] = 1, NOW_NS - 5000 * SECOND_NS
    states["reported_position"] = states["reported_fills"] = 1000.0
    late = _next(states)
    late["receive_ns"] += int(NOW_NS + 86_400 * SECOND_NS - late["receive_ns"][0])
    late["event_ns"] = late["receive_ns"]
    states["sample_ns"] = late["receive_ns"][0] - 1

    (row,), _ = decide(compiled(), late, states, shared)

    assert row["position_age_ns"] > 86_000 * SECOND_NS
    assert abs(row["target"]) <= abs(row["position"])


def test_a_stale_reported_position_takes_back_an_order_that_would_raise_it() -> None:
    # §4.2 Books: "stale or contradictory: reducing decisions only"; what is in flight counts too.
    shared = _tables()
    states = _long(shared)
    held = float(states["paper_position"][0])
    states["mode"], states["order_live"], states["order_quantity"] = Mode.LIVE, 1, 1000.0
    states["target"], states["order_due_ns"] = held + 1000.0, NOW_NS * 2
    states["reported_known"], states["reported_ns"] = 1, START_NS - 5000 * SECOND_NS
    states["reported_position"] = states["reported_fills"] = held

    (row,), _ = decide(compiled(), _next(states), states, shared)

    assert row["reasons"] & np.uint64(1 << Reason.POSITION_STALE)
    assert states["order_quantity"][0] <= 0.0
    assert abs(row["target"]) <= abs(row["position"])


def test_fills_and_position_within_the_declared_tolerance_agree() -> None:
    # governance: reconciliation compares with reconcile_tolerance; the gate's own account says so.
    shared = _tables(reconcile_quantity=1.0, reconcile_ns=SECOND_NS)
    states = _long(shared)
    states["mode"], states["order_live"] = Mode.LIVE, 0
    first = int(states["stream_receive_ns"][0, 0])
    for number, quantity in enumerate((0.1, 0.2)):
        fill = FillReported(
            control_id=f"f{number}",
            symbol="fxcm:EURUSD",
            fill_id=f"f{number}",
            quantity=quantity,
            price=1.3,
        )
        apply_control(fill, first, states[0])
    position = PositionReported(control_id="p", symbol="fxcm:EURUSD", quantity=0.3, as_of_ns=first)
    apply_control(position, first, states[0])

    row = decide(compiled(), _next(states, k=5), states, shared)[0][-1]

    assert row["gate_value"][Gate.RECONCILIATION] <= 1.0
    assert row["gate_status"][Gate.RECONCILIATION] == GateStatus.PASS


def test_a_fill_alone_does_not_make_the_position_known() -> None:
    # §3.4: absent is a fail, never a silent default (of 0 before the first fill).
    state = _state()
    fill = FillReported(control_id="c", symbol="fxcm:EURUSD", fill_id="f", quantity=1.0, price=1.3)
    apply_control(fill, NOW_NS, state)

    assert state["reported_known"] == 0


def test_news_from_the_future_is_not_fresh_for_ever() -> None:
    # §3.4: never a silent default; §4.2 Time: negative age beyond tolerance is judged.
    shared = _tables()
    states = _long(shared)
    shared.parameters["domain_required"][:, Domain.NEWS] = 1
    shared.parameters["age_limit_ns"][:, Domain.NEWS] = 60 * SECOND_NS
    news = NewsArrived(control_id="n", item_id="n", published_at_ns=2**63 - 1, relevant=False)
    apply_control(news, NOW_NS, states[0])

    (row,), _ = decide(compiled(), _next(states), states, shared)

    assert row["gate_status"][Gate.FRESHNESS] == GateStatus.FAIL


# ------------------------------------------------------------------ order and time


def test_one_context_has_one_decision_when_sources_alternate() -> None:
    # §4.2 Identity: "at most one serving decision per context"; issue 3: duplicate = same id.
    contexts = quotes([1.3, 1.3, 1.3])
    contexts["sequence"] = [5, 9, 5]
    contexts["source"] = [0, 1, 0]

    decisions, outcomes = decide(compiled(), contexts, state_rows(), tables())

    ids = {(int(r["source_low"]), int(r["source_sequence"])) for r in decisions}
    assert len(ids) == len(decisions)
    assert outcomes[2] in (RefusalCode.DUPLICATE, RefusalCode.OUT_OF_ORDER)


def test_one_wrong_receive_time_does_not_silence_the_symbol() -> None:
    # Issue 3: hostile input is refused with a code; the loop goes on.
    contexts = quotes(np.full(100, 1.3))
    contexts["receive_ns"][10] += 50 * 365 * 86_400 * SECOND_NS

    _, outcomes = decide(compiled(), contexts, state_rows(), tables())

    assert np.count_nonzero(outcomes) <= 10


def test_a_wrong_receive_time_does_not_make_a_dead_quote_fresh() -> None:
    # §3.4 fail closed; §4.2 Time: negative age beyond tolerance is annotated and judged.
    shared = _tables()
    states = _long(shared)
    wrong = _next(states)
    wrong["receive_ns"] += 86_400 * SECOND_NS
    wrong["event_ns"] = wrong["receive_ns"]
    before_ns = int(states["stream_receive_ns"][0, 0])
    trades = quotes(np.full(50, float(states["mid"][0])), step_ns=60 * SECOND_NS)
    trades["stream"], trades["last"] = Stream.TRADE, float(states["mid"][0])
    trades["receive_ns"] += before_ns - START_NS  # the venue's quotes have ended; trades go on
    trades["event_ns"] = trades["receive_ns"]

    rows, _ = decide(compiled(), np.concatenate([wrong, trades]), states, shared)

    assert rows[-1]["gate_status"][Gate.FRESHNESS] == GateStatus.FAIL  # 50 minutes old, limit 10 s


def test_turnover_is_not_forgotten_when_another_stream_lags_over_midnight() -> None:
    # governance turnover: traded notional per UTC day; streams are ordered each by itself.
    shared = _tables()
    states = _long(shared)
    day_ns = 86_400 * SECOND_NS
    midnight_ns = (NOW_NS // day_ns + 1) * day_ns
    states["turnover_day"], states["traded_notional"] = midnight_ns // day_ns, 5e6
    trades = quotes(np.full(2, float(states["mid"][0])))
    trades["stream"], trades["last"] = Stream.TRADE, float(states["mid"][0])
    trades["receive_ns"] = [midnight_ns - 1, midnight_ns + 1]
    trades["event_ns"] = trades["receive_ns"]

    rows, _ = decide(compiled(), trades, states, shared)

    assert rows[-1]["gate_value"][Gate.TURNOVER] >= 50.0


# ------------------------------------------------------------------ build and bits


def test_the_build_is_named_by_the_numbers_that_are_frozen_into_the_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # §4.1: a cache must not "go on serving the old decisions" after a change in codes.py.
    before = build_digest(decide_rows)

    monkeypatch.setattr(gates, "_WIDE", np.uint64(1 << Reason.DWELL))

    assert build_digest(decide_rows) != before


@pytest.mark.parametrize("seed", range(3))
def test_hostile_numbers_give_the_same_bits_compiled_and_interpreted(seed: int) -> None:
    # §4.1: the reference kernel is the oracle, equal to the last bit.
    draw = np.random.Generator(np.random.PCG64(seed))
    contexts = made.walk(400, seed=seed)
    odd = [np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, 1e-310, 1e308, -1.0]
    for name in ("bid", "ask", "bid_size", "ask_size", "last", "last_size"):
        where = draw.random(400) < 0.05
        contexts[name][where] = draw.choice(odd, where.sum())
    for name in ("receive_ns", "event_ns"):
        where = draw.random(400) < 0.02
        contexts[name][where] = draw.choice([0, -1, -(2**63), 2**63 - 1, 1], where.sum())
    where = draw.random(400) < 0.1
    contexts["sequence"][where] = draw.choice(
        np.array([0, 1, 2**63, 2**64 - 1], np.uint64), where.sum()
    )
    contexts["stream"][draw.random(400) < 0.02] = 200
    results = []
    for kernel in (compiled(), reference()):
        states, shared = state_rows(), tables()
        shared.parameters["price_min"], shared.parameters["price_max"] = 1e-300, 1e300
        shared.parameters["jump_confirmations"] = 1
        rows, outcomes = decide(kernel, contexts, states, shared)
        results.append((rows.tobytes(), outcomes.tobytes(), states.tobytes()))

    assert results[0] == results[1]
