"""The reported position: as old as it says, reconciled within its tolerance, or reducing only."""

from __future__ import annotations

import numpy as np

from tests.support.decisions.holding import NOW_NS, eased_tables, following, long_states
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import SECOND_NS, START_NS, decide, state_rows
from torghut.decisions.fold.reported import Fill, ReportedBook, fill_of
from torghut.schemas.codes import Gate, GateStatus, Mode, Reason
from torghut.schemas.control import FillReported, PositionReported


def _newborn() -> np.void:
    state: np.void = state_rows()[0]
    return state


def _reported(
    state: np.void, *records: FillReported | PositionReported, now_ns: int, tolerance: float = 0.0
) -> None:
    """Let a new book take in what the venue reported, and show it."""
    book, fills = ReportedBook(), list[Fill]()
    for record in records:
        if isinstance(record, PositionReported):
            book.take_snapshot(record, fills, now_ns)
        else:
            fills.append(fill_of(record))
            book.count(fills[-1], None, now_ns)
        book.show(state, tolerance, now_ns)


def test_the_age_of_a_position_is_that_of_the_snapshot() -> None:
    # §4.2 Books: "each decision states its position basis and age".
    state = _newborn()
    record = PositionReported(
        control_id="p", symbol="fxcm:EURUSD", quantity=5.0, as_of_ns=NOW_NS - 3600 * SECOND_NS
    )
    _reported(state, record, now_ns=NOW_NS)

    assert NOW_NS - int(state["reported_ns"]) >= 3600 * SECOND_NS


def test_an_older_position_snapshot_does_not_undo_a_newer_one() -> None:
    # §4.2 Books: state is the newest known; delivery order is not time order.
    state = _newborn()
    records = [
        PositionReported(
            control_id=control_id,
            symbol="fxcm:EURUSD",
            quantity=quantity,
            as_of_ns=NOW_NS - age_s * SECOND_NS,
        )
        for control_id, quantity, age_s in (("p1", 5.0, 1), ("p2", 9.0, 3600))
    ]
    _reported(state, *records, now_ns=NOW_NS)

    assert state["reported_position"] == 5.0


def test_a_stale_reported_position_allows_reducing_only() -> None:
    # §4.2 Books: "stale or contradictory: reducing decisions only".
    shared = eased_tables(minimum_change_ratio=0.0, reconcile_ns=SECOND_NS)
    states = long_states(shared)
    states["mode"], states["order_live"] = Mode.LIVE, 0
    states["target"] = 1000.0
    states["reported_known"], states["reported_ns"] = 1, NOW_NS - 5000 * SECOND_NS
    states["reported_position"] = states["reported_fills"] = 1000.0
    late = following(states)
    late["receive_ns"] += int(NOW_NS + 86_400 * SECOND_NS - late["receive_ns"][0])
    late["event_ns"] = late["receive_ns"]
    states["sample_ns"] = late["receive_ns"][0] - 1

    (row,), _ = decide(compiled(), late, states, shared)

    assert row["position_age_ns"] > 86_000 * SECOND_NS
    assert abs(row["target"]) <= abs(row["position"])


def test_a_stale_reported_position_takes_back_an_order_that_would_raise_it() -> None:
    # §4.2 Books: "stale or contradictory: reducing decisions only"; what is in flight counts too.
    shared = eased_tables()
    states = long_states(shared)
    held = float(states["paper_position"][0])
    states["mode"], states["order_live"], states["order_quantity"] = Mode.LIVE, 1, 1000.0
    states["target"], states["order_due_ns"] = held + 1000.0, NOW_NS * 2
    states["reported_known"], states["reported_ns"] = 1, START_NS - 5000 * SECOND_NS
    states["reported_position"] = states["reported_fills"] = held

    (row,), _ = decide(compiled(), following(states), states, shared)

    assert row["reasons"] & np.uint64(1 << Reason.POSITION_STALE)
    assert states["order_quantity"][0] <= 0.0
    assert abs(row["target"]) <= abs(row["position"])


def test_fills_and_position_within_the_declared_tolerance_agree() -> None:
    # governance: reconciliation compares with reconcile_tolerance; the gate's own account says so.
    shared = eased_tables(reconcile_quantity=1.0, reconcile_ns=SECOND_NS)
    states = long_states(shared)
    states["mode"], states["order_live"] = Mode.LIVE, 0
    first = int(states["stream_receive_ns"][0, 0])
    fills = [
        FillReported(
            control_id=f"f{number}",
            symbol="fxcm:EURUSD",
            fill_id=f"f{number}",
            quantity=quantity,
            price=1.3,
        )
        for number, quantity in enumerate((0.1, 0.2))
    ]
    position = PositionReported(control_id="p", symbol="fxcm:EURUSD", quantity=1.2, as_of_ns=first)
    flat = PositionReported(control_id="q", symbol="fxcm:EURUSD", quantity=0.0, as_of_ns=first - 9)
    _reported(states[0], flat, *fills, position, now_ns=first, tolerance=1.0)

    row = decide(compiled(), following(states, count=5), states, shared)[0][-1]

    assert row["gate_value"][Gate.RECONCILIATION] <= 1.0
    assert row["gate_status"][Gate.RECONCILIATION] == GateStatus.PASS


def test_a_fill_alone_does_not_make_the_position_known() -> None:
    # §3.4: absent is a fail, never a silent default (of 0 before the first fill).
    state = _newborn()
    fill = FillReported(control_id="c", symbol="fxcm:EURUSD", fill_id="f", quantity=1.0, price=1.3)
    _reported(state, fill, now_ns=NOW_NS)

    assert state["reported_known"] == 0
