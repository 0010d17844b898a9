"""What became of a live order: no entry is made twice, and none is lost without a word."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.reporting import (
    SETTLE_S,
    A,
    Feed,
    live_feed,
    report_fill,
    report_order,
    report_position,
)
from torghut.decisions.explaining.binding import find_bound
from torghut.schemas.codes import Intent, Reason
from torghut.schemas.control import LimitsAllotted, ModeChanged, OrderReported, StopChanged
from torghut.schemas.leaf import decision_fields

DWELL_S = 60
FILLED_S = 1.0
"""Longer than a paper order takes: from here on only reports say what is in flight."""


def entry() -> tuple[Feed, np.void]:
    """Return a feed of a flat position, and its decision to buy."""
    feed = live_feed()
    row = feed.decision(report_position("flat", 0.0, feed.now_ns), step_s=20.0)
    assert row["intent"] == Intent.BUY
    assert row["target"] > 10_000.0
    return feed, row


def test_target_stays_while_the_venue_works_on_its_order() -> None:
    feed, bought = entry()

    row = feed.decision(report_order("o", bought, "accepted"), step_s=FILLED_S)

    assert int(row["reasons"]) >> Reason.DWELL & 1
    assert (row["intent"], row["target"]) == (Intent.HOLD, bought["target"])


def test_target_stays_while_its_order_is_filled_in_parts() -> None:
    feed, bought = entry()
    feed.take(report_order("o", bought, "accepted"))

    rows = [feed.decision(report_fill(f"f{n}", bought["target"] / 4)) for n in range(4)]

    assert {float(row["target"]) for row in rows} == {float(bought["target"])}
    assert rows[-1]["delta"] == 0.0


def test_target_kept_for_its_order_is_explained() -> None:
    feed, bought = entry()
    parameters = feed.fold.tables.parameters[0]
    kept = feed.decision(report_order("o", bought, "accepted"))
    part = feed.decision(report_fill("f", 4000.0))

    found = [find_bound(decision_fields(row.tobytes()), parameters) for row in (kept, part)]

    assert [one.reproduced for one in found] == [True, True]


def test_order_worked_on_beyond_the_time_to_report_keeps_nothing() -> None:
    feed, bought = entry()
    feed.take(report_order("o", bought, "accepted"))

    row = feed.decision(step_s=SETTLE_S + 1)

    assert int(row["reasons"]) >> Reason.DWELL & 1
    assert row["target"] == 0.0


def test_order_worked_on_is_taken_back_by_a_stop() -> None:
    feed, bought = entry()
    feed.take(report_order("o", bought, "accepted"))

    row = feed.decision(StopChanged(control_id="s", state="stopped", reason="r"))

    assert row["target"] == 0.0


@pytest.mark.parametrize("status", ["rejected", "cancelled", "expired"])
def test_ended_order_gives_its_target_up_until_the_gates_let_it_be_decided_again(
    status: str,
) -> None:
    feed, bought = entry()
    feed.take(report_order("o", bought, "accepted"))

    given_up = feed.decision(report_order("e", bought, status))
    again = feed.decision(step_s=DWELL_S)

    assert (given_up["intent"], given_up["target"]) == (Intent.HOLD, 0.0)
    assert again["intent"] == Intent.BUY
    assert again["target"] > 10_000.0


def test_ended_order_keeps_what_was_filled() -> None:
    feed, bought = entry()
    feed.take(report_order("o", bought, "accepted"), report_fill("f", 4000.0))

    kept = feed.decision(report_order("e", bought, "cancelled"))
    again = feed.decision(step_s=DWELL_S)

    assert (kept["target"], kept["delta"]) == (4000.0, 0.0)
    assert again["target"] == again["position"] + again["delta"] > 10_000.0


def test_order_of_a_replaced_target_ends_nothing() -> None:
    feed, bought = entry()
    feed.take(report_order("o", bought, "accepted"), report_fill("f", 4000.0))
    second = feed.decision(LimitsAllotted(control_id="l", symbol=A, allotment=12_000.0))
    assert second["intent"] == Intent.SELL
    assert second["target"] < 4000.0
    feed.take(report_order("p", second, "accepted"))

    row = feed.decision(report_order("e", bought, "cancelled"))

    assert (row["intent"], row["target"]) == (Intent.HOLD, second["target"])


def test_repeated_end_of_an_order_changes_nothing() -> None:
    feed, bought = entry()
    end = report_order("e", bought, "rejected")
    feed.take(end)

    rows = [feed.decision(end) for _ in range(3)]

    assert {float(row["target"]) for row in rows} == {0.0}
    assert {int(row["intent"]) for row in rows} == {int(Intent.HOLD)}


@pytest.mark.parametrize("status", ["accepted", "rejected"])
def test_order_is_evidence_only_when_not_live(status: str) -> None:
    feed, plain = live_feed(), live_feed()
    paper = ModeChanged(control_id="m", mode="paper", notional_cap=1e9)
    bought = feed.decision(paper, step_s=20.0)
    plain.take(paper, step_s=20.0)
    assert bought["intent"] == Intent.BUY

    rows = [
        one.decision(*records)
        for one, records in ((feed, [report_order("o", bought, status)]), (plain, []))
    ]

    told = [(row["intent"], row["target"], row["delta"], row["reasons"]) for row in rows]
    assert told[0] == told[1]


@pytest.mark.parametrize("named", ["no-decision-id", "fxcm:NZDUSD", "shadow"])
def test_order_of_no_decision_of_its_symbol_ends_nothing(named: str) -> None:
    feed, bought = entry()
    accepted = report_order("o", bought, "accepted")
    feed.take(accepted)
    others = {
        "no-decision-id": "order-7",
        "fxcm:NZDUSD": accepted.decision_id.replace("fxcm:EURUSD", "fxcm:NZDUSD"),
        "shadow": accepted.decision_id.replace("/serving", "/shadow/none/run"),
    }
    end = OrderReported(
        control_id="e", symbol=accepted.symbol, decision_id=others[named], status="rejected"
    )

    row = feed.decision(end)

    assert row["target"] == bought["target"]
