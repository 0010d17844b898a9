"""What is shown of a row: shares, probabilities and ages, each with an id, and no money."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from typing import Final

import numpy as np
import pytest

from tests.support.decisions.asking import asking_fold, course, mode_record
from tests.support.decisions.loops import A
from torghut.market.ports import Arrival
from torghut.reasoning.showing import RowLegend, advice_context
from torghut.schemas.codes import Domain, Expert, Gate, GateStatus, Reason, Trigger
from torghut.schemas.leaf import LeafVersionError
from torghut.schemas.reasoning.context import AdviceContext, Fact, Passage
from torghut.schemas.rows import DECISION

LEGEND: Final = RowLegend(
    symbol=A, regimes=("calm", "normal", "elevated", "turbulent"), multiplier=1.0
)
ID: Final = re.compile(r"[a-z][a-z0-9-]{0,39}(:[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199})?")

MONEY: Final = {
    "allotment": 123_457.0,
    "notional_cap": 98_765.5,
    "equity": 54_321.25,
    "bid": 1.300741,
    "ask": 1.311113,
    "reference_price": 1.305927,
    "position": 17_171.0,
    "target": 33_333.0,
    "delta": 16_162.0,
}
"""Amounts that nothing else of a row equals."""


@cache
def asked_row() -> bytes:
    """Return a row that a fold asks about."""
    fold = asking_fold()
    decided = fold.decide(course([0] * 200), [Arrival(row=0, record=mode_record("active"))])
    return decided.asked[0].row


def changed(**fields: object) -> bytes:
    """Return the row with other values."""
    rows = np.frombuffer(asked_row(), DECISION).copy()
    for name, value in fields.items():
        rows[name] = value
    return rows.tobytes()


def context(row: bytes, legend: RowLegend = LEGEND) -> AdviceContext:
    """Return what is shown of a row without passages."""
    return advice_context(row, legend, ())


def fact(name: str, **fields: object) -> Fact:
    """Return one fact of the row with other values."""
    (found,) = [one for one in context(changed(**fields)).facts if one.id == name]
    return found


def test_context_says_symbol_time_and_why_it_is_asked_about() -> None:
    shown = context(asked_row())

    assert shown.symbol == A
    assert shown.event_ns == np.frombuffer(asked_row(), DECISION)[0]["event_ns"]
    assert shown.triggers == ("critical-notional",)


def test_every_trigger_is_named() -> None:
    shown = context(changed(triggers=sum(1 << one for one in Trigger)))

    assert shown.triggers == (
        "entropy",
        "disagreement",
        "transition",
        "news",
        "critical-notional",
    )


def test_every_fact_has_an_id_of_its_own_that_may_be_cited() -> None:
    every = sum(1 << one for one in Reason)

    ids = [one.id for one in context(changed(reasons=every)).facts]

    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not ID.fullmatch(one)] == []
    assert set(ids) == context(changed(reasons=every)).citable


@pytest.mark.parametrize("name", MONEY)
def test_no_amount_is_anywhere_in_what_is_shown(name: str) -> None:
    text = context(changed(**MONEY)).model_dump_json()

    numbers = {abs(float(one)) for one in re.findall(r"-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?", text)}
    amount = MONEY[name]
    assert amount not in numbers
    assert float(f"{amount:.6g}") not in numbers
    assert amount * MONEY["reference_price"] not in numbers


def test_same_shares_of_another_allotment_are_shown_the_same() -> None:
    names = ("allotment", "notional_cap", "equity", "position", "target", "delta")
    larger = {name: MONEY[name] * 4.0 for name in names}

    assert context(changed(**{**MONEY, **larger})) == context(changed(**MONEY))


def test_same_market_at_another_price_level_is_shown_the_same() -> None:
    prices = {name: MONEY[name] * 8.0 for name in ("bid", "ask", "reference_price")}
    units = {name: MONEY[name] / 8.0 for name in ("position", "target", "delta")}

    assert context(changed(**{**MONEY, **prices, **units})) == context(changed(**MONEY))


def test_position_and_proposal_are_shares_of_the_allotment() -> None:
    amounts = {"position": -1000.0, "target": 3000.0, "reference_price": 2.0, "allotment": 8000.0}

    assert fact("book:position", **amounts) == Fact(id="book:position", value=-0.25, unit="ratio")
    assert fact("book:proposed", **amounts).value == 0.75


@pytest.mark.parametrize(
    ("position", "cap", "left"),
    [(0.0, 9000.0, 1.0), (-1000.0, 9000.0, 0.75), (1000.0, 6000.0, 0.5), (4000.0, 6000.0, 0.0)],
)
def test_what_the_position_leaves_of_what_may_be_used_is_told(
    position: float, cap: float, left: float
) -> None:
    amounts = {"reference_price": 2.0, "allotment": 8000.0, "notional_cap": cap}

    assert fact("book:left", position=position, **amounts).value == left


@pytest.mark.parametrize("name", ["notional_cap", "allotment", "position", "reference_price"])
def test_what_is_left_of_what_is_unknown_is_unknown(name: str) -> None:
    assert fact("book:left", **{name: math.nan}).value is None


@pytest.mark.parametrize(
    ("gate", "name"),
    [
        (Gate.VOLATILITY, "market:volatility"),
        (Gate.DRAWDOWN, "book:drawdown"),
        (Gate.TURNOVER, "book:turnover"),
    ],
)
def test_features_that_gates_judge_are_told_as_ratios(gate: Gate, name: str) -> None:
    judged = np.frombuffer(asked_row(), DECISION)["gate_value"].copy()
    judged[0, gate] = 0.0125

    assert fact(name, gate_value=judged) == Fact(id=name, value=0.0125, unit="ratio")


def test_multiplier_counts_into_the_shares() -> None:
    row = changed(target=3000.0, reference_price=2.0, allotment=8000.0)
    legend = RowLegend(symbol=A, regimes=(), multiplier=0.5)

    values = {one.id: one.value for one in context(row, legend).facts}

    assert values["book:proposed"] == 0.375


def test_spread_is_told_in_hundredths_of_a_percent() -> None:
    found = fact("market:spread", bid=1.0, ask=1.5, reference_price=1.25)

    assert found == Fact(id="market:spread", value=4000.0, unit="bps")


def test_regimes_are_told_by_their_labels() -> None:
    found = context(changed(posterior=[0.1, 0.2, 0.3, 0.4])).facts[:4]

    assert [(one.id, one.value) for one in found] == [
        ("regime:calm", 0.1),
        ("regime:normal", 0.2),
        ("regime:elevated", 0.3),
        ("regime:turbulent", 0.4),
    ]


def test_without_a_package_no_regime_is_told() -> None:
    shown = context(asked_row(), RowLegend(symbol=A, regimes=(), multiplier=1.0))

    assert [one.id for one in shown.facts if one.id.startswith("regime:")] == [
        "regime:entropy",
        "regime:leaving",
    ]


def test_every_expert_tells_its_score_and_its_weight() -> None:
    row = changed(scores=[0.1, 0.2, 0.3, 0.4], weights=[0.5, 0.25, 0.125, 0.125])
    values = {one.id: one.value for one in context(row).facts}

    for at, name in enumerate(("trend", "reversal", "breakout", "defensive")):
        assert values[f"expert:{name}.score"] == (at + 1) / 10
    assert values["expert:trend.weight"] == 0.5
    assert len(Expert) == 4


def test_every_gate_tells_what_it_found() -> None:
    found = [GateStatus.NOT_APPLICABLE, GateStatus.PASS, GateStatus.FAIL]
    statuses = [found[gate % 3] for gate in Gate]
    facts = [
        one.value
        for one in context(changed(gate_status=statuses)).facts
        if one.id.startswith("gate:")
    ]

    assert facts[:3] == ["not-applicable", "pass", "fail"]
    assert len(facts) == len(Gate)


def test_ages_are_told_in_seconds_and_unknown_where_nothing_was_seen() -> None:
    facts = context(changed(age_ns=[1_500_000_000, -1, 0])).facts[-len(Domain) :]

    assert [(one.id, one.value) for one in facts] == [
        ("age:market", 1.5),
        ("age:news", None),
        ("age:fundamentals", 0.0),
    ]


def test_age_of_a_position_that_there_is_not_is_unknown() -> None:
    assert fact("book:position.age", position_age_ns=-1).value is None


@pytest.mark.parametrize("reason", [Reason.WARMING_UP, Reason.CONTEXT_LATE, Reason.BUDGET_MISSED])
def test_remarks_of_the_kernel_are_told_as_notes(reason: Reason) -> None:
    notes = [
        one for one in context(changed(reasons=1 << reason)).facts if one.id.startswith("note:")
    ]

    assert notes == [Fact(id=f"note:{reason.code}", value="yes", unit="words")]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("score", "blend:score"),
        ("disagreement", "blend:disagreement"),
        ("confidence", "blend:confidence"),
        ("entropy", "regime:entropy"),
        ("transition", "regime:leaving"),
        ("target", "book:proposed"),
        ("position", "book:position"),
        ("reference_price", "book:proposed"),
        ("ask", "market:spread"),
        ("bid", "market:spread"),
    ],
)
def test_number_that_is_not_finite_is_told_as_unknown(field: str, name: str, value: float) -> None:
    assert fact(name, **{field: value}).value is None


@pytest.mark.parametrize("allotment", [0.0, -1.0, math.nan])
def test_shares_of_no_allotment_are_unknown(allotment: float) -> None:
    assert fact("book:proposed", allotment=allotment).value is None


def test_spread_at_no_price_is_unknown() -> None:
    assert fact("market:spread", reference_price=0.0).value is None


def test_only_six_digits_are_told_and_no_sign_of_zero() -> None:
    assert fact("blend:score", score=0.123456789).value == 0.123457
    assert str(fact("blend:score", score=-0.0).value) == "0.0"


def test_what_is_told_is_json_that_comes_back() -> None:
    shown = context(changed(score=math.nan))

    written = shown.model_dump_json()

    assert json.loads(written)["event_ns"] == str(shown.event_ns)
    assert AdviceContext.model_validate_json(written) == shown


def test_passages_are_shown_as_they_are_given() -> None:
    passage = Passage(id="news:n1", published_at_ns=1, source="s", text="t", suspicions=())

    assert advice_context(asked_row(), LEGEND, [passage]).passages == (passage,)


def test_row_of_an_unknown_layout_is_refused() -> None:
    with pytest.raises(LeafVersionError):
        context(changed(version=99))
