"""All declarations together: free of contradictions, and named by their bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.decisions.declared import changed, shipped
from torghut.decisions.declarations import Declarations, SymbolUndeclaredError, assemble
from torghut.governance.declarations import parse_gate_policies
from torghut.market.instruments import parse_instrument
from torghut.router.declarations import parse_expert, parse_router_policy
from torghut.schemas.declarations.errors import DeclarationBytesError, DeclarationConflictError
from torghut.schemas.declarations.instruments import Instrument

EURUSD = "streams/instruments/fxcm-EURUSD.yaml"
GATES = "governance/policies/gates.yaml"
POLICY = "router/policy.yaml"


def eurusd(old: str, new: str) -> Instrument:
    """Return EURUSD with one thing changed."""
    return parse_instrument(changed(EURUSD, old, new), file=EURUSD)


def test_bytes_give_the_declarations_back() -> None:
    declarations = shipped()
    again = Declarations.from_bytes(declarations.to_bytes())

    assert again == declarations
    assert again.digest == declarations.digest
    assert again.to_bytes() == declarations.to_bytes()


def test_bytes_hold_the_expanded_sessions_and_their_digest() -> None:
    recorded = json.loads(shipped().to_bytes())
    fx = next(one for one in recorded["calendars"] if one["declaration"]["name"] == "fx-new-york")

    assert fx["sessions_s"][0] == list(shipped().calendars[1].intervals[0])
    assert fx["digest"] == shipped().calendars[1].digest


def test_order_of_reading_does_not_matter() -> None:
    one = shipped()
    shuffled = assemble(
        instruments=one.instruments[::-1],
        calendars=one.calendars[::-1],
        experts=one.experts[::-1],
        router=one.router,
        governance=(one.gates, one.reasoning, one.owners),
    )

    assert shuffled.digest == one.digest


def test_any_changed_value_changes_the_digest() -> None:
    dearer = eurusd("fee_bps: 0.2", "fee_bps: 0.3")
    others = [one for one in shipped().instruments if one.symbol != dearer.symbol]

    changed_one = replace(
        shipped(), instruments=tuple(sorted([*others, dearer], key=lambda one: one.symbol))
    )

    assert changed_one.digest != shipped().digest


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b'"fee_bps":10,', b'"fee_bps":10.0,', "not canonical"),
        (b'"fee_bps":10,', b'"fee_bps": 10,', "not canonical"),
        (b'"fee_bps":10,', b'"fee_bps":"10",', "out of place"),
        (b'"fee_bps":10,', b'"fee_bps":10,"fee_bps":10,', "not canonical"),
        (b"{", b"[", "out of place"),
        (b'"sessions_s":[[', b'"sessions_s":[[1,2],[', "another table of sessions"),
        (b'"sessions_s":[[', b'"sessions_s":[[1e30,2],[', "out of place"),
    ],
)
def test_altered_bytes_are_refused(old: bytes, new: bytes, found: str) -> None:
    altered = shipped().to_bytes().replace(old, new, 1)
    assert altered != shipped().to_bytes()

    with pytest.raises(DeclarationBytesError, match=found):
        Declarations.from_bytes(altered)


def test_bytes_altered_into_others_that_fit_have_another_digest() -> None:
    altered = shipped().to_bytes().replace(b'"fee_bps":10,', b'"fee_bps":11,', 1)

    assert Declarations.from_bytes(altered).digest != shipped().digest


def test_instrument_is_found_by_its_symbol() -> None:
    assert shipped().instrument("fxcm:EURUSD").base == "EUR"


def test_undeclared_symbol_is_refused_with_what_is_declared() -> None:
    with pytest.raises(SymbolUndeclaredError, match="found fxcm:USDJPY; declare it"):
        shipped().instrument("fxcm:USDJPY")


def test_default_allotment_is_the_cap_over_the_declared_maximum_of_symbols() -> None:
    portfolio = shipped().gates.portfolio

    assert shipped().default_allotment == Decimal(100_000)
    assert shipped().default_allotment * portfolio.max_symbols == portfolio.cap


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("calendar: fx-new-york", "calendar: moon", "fxcm:EURUSD calendar"),
        ("router: fx-intraday", "router: index-daily", "fxcm:EURUSD router"),
        ("quote: USD", "quote: JPY", "fxcm:EURUSD quote"),
    ],
)
def test_instrument_that_cites_what_is_not_declared_is_refused(
    old: str, new: str, key: str
) -> None:
    with pytest.raises(DeclarationConflictError) as refused:
        replace(shipped(), instruments=(eurusd(old, new),))

    assert [problem.key for problem in refused.value.problems] == [key]


def test_symbol_declared_twice_is_refused() -> None:
    first = shipped().instruments[0]

    with pytest.raises(DeclarationConflictError, match="instruments: expected each once"):
        replace(shipped(), instruments=(first, first))


def test_missing_expert_is_refused() -> None:
    with pytest.raises(DeclarationConflictError, match="experts: expected trend, reversal"):
        replace(shipped(), experts=shipped().experts[:3])


def test_more_instruments_than_the_cap_is_shared_by_are_refused() -> None:
    gates = parse_gate_policies(changed(GATES, "max_symbols: 10", "max_symbols: 6"), file=GATES)

    with pytest.raises(DeclarationConflictError, match="expected at least 7, one for each"):
        replace(shipped(), gates=gates)


def test_weights_outside_an_experts_bounds_are_refused() -> None:
    text = changed(POLICY, "trend: 0.55", "trend: 0.75").replace("reversal: 0.15", "reversal: 0.0")
    text = text.replace("breakout: 0.20", "breakout: 0.15")

    with pytest.raises(
        DeclarationConflictError, match=r"static_weights\.trend: expected from 0.05"
    ):
        replace(shipped(), router=parse_router_policy(text, file=POLICY))


def test_regime_in_which_nobody_counts_is_refused() -> None:
    experts = []
    for one in shipped().experts:
        file = f"router/experts/{one.expert}.yaml"
        text = changed(file, f"calm: {one.affinity.calm:.2f}", "calm: 0")
        experts.append(parse_expert(text, file=file))

    with pytest.raises(DeclarationConflictError, match=r"affinity\.calm"):
        replace(shipped(), experts=tuple(experts))
