"""Records for the modes that are asked for: only where others are in force."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.kernels import reference
from tests.support.decisions.rows import quotes
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.market.ports import Arrival
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    ModeChanged,
    ReasoningModeChanged,
    RouterModeChanged,
)
from torghut.workflows.running.modes import (
    mode_records,
    reasoning_mode_records,
    router_mode_records,
)

_EUR, _NZD = "fxcm:EURUSD", "fxcm:NZDUSD"


def fold_after(*records: ControlRecord, seen: bool = True) -> DecisionFold:
    """Return a fold that took ``records`` and then, if so wanted, a context of EURUSD."""
    fold = DecisionFold(kernel=reference(), genesis=Genesis(declarations=shipped(), packages={}))
    fold.symbol_index(_EUR)
    fold.source_index("ab" * 32)
    rows = quotes(np.full(1 if seen else 0, 1.3))
    fold.decide(rows, [Arrival(row=0, record=record) for record in records])
    return fold


def test_mode_in_force_asks_for_nothing() -> None:
    assert list(mode_records(fold_after(), (_EUR, _NZD), "paper", number=4)) == []


def test_another_mode_is_recorded_for_each_symbol_with_its_own_cap() -> None:
    changed = ModeChanged(control_id="m", symbol=_EUR, mode="paper", notional_cap=5.0)
    records = list(mode_records(fold_after(changed), (_EUR, _NZD), "live", number=4))

    cap = float(shipped().instrument(_NZD).risk.notional_cap)
    assert records == [
        ModeChanged(control_id=f"mode:5:{_EUR}:live", symbol=_EUR, mode="live", notional_cap=5.0),
        ModeChanged(control_id=f"mode:5:{_NZD}:live", symbol=_NZD, mode="live", notional_cap=cap),
    ]


def test_mode_that_waits_for_the_next_context_is_in_force() -> None:
    waiting = ModeChanged(control_id="m", symbol="*", mode="live", notional_cap=5.0)

    assert list(mode_records(fold_after(waiting, seen=False), (_EUR,), "live", number=0)) == []


def test_nothing_asked_is_nothing_recorded() -> None:
    assert list(mode_records(fold_after(), (_EUR,), None, number=0)) == []
    assert list(router_mode_records(fold_after(), (_EUR,), None, number=0)) == []


def test_router_mode_is_one_record_for_all() -> None:
    records = list(router_mode_records(fold_after(), (_EUR, _NZD), "static", number=-1))

    assert records == [RouterModeChanged(control_id="router-mode:0:static", mode="static")]


def test_router_mode_in_force_everywhere_asks_for_nothing() -> None:
    static = RouterModeChanged(control_id="r", mode="static")

    assert list(router_mode_records(fold_after(static), (_EUR, _NZD), "static", number=3)) == []


@pytest.mark.parametrize("seen", [True, False])
def test_reasoning_mode_that_a_symbol_would_inherit_is_in_force(*, seen: bool) -> None:
    active = ReasoningModeChanged(control_id="a", mode="active", reason="a test")
    fold, symbols = fold_after(active, seen=seen), (_EUR, _NZD)

    assert list(reasoning_mode_records(fold, symbols, "active", number=3)) == []
    (record,) = reasoning_mode_records(fold, symbols, "off", number=3)
    assert isinstance(record, ReasoningModeChanged)
    assert (record.symbol, record.mode) == ("*", "off")


def test_symbol_that_the_log_cannot_know_is_passed_over() -> None:
    assert list(mode_records(fold_after(), ("fxcm:XAUUSD",), "live", number=0)) == []


def cautious(symbol: str) -> Declarations:
    """Return the shipped declarations with ``symbol`` only shadowed, under static weights."""

    def change(body: dict[str, object]) -> None:
        risk = body["risk"]
        assert isinstance(risk, dict)
        risk |= {"mode": "shadow", "router_mode": "shadow", "notional_cap": "7"}

    return redeclared(change, symbol)


def test_instrument_declared_after_the_log_began_is_put_into_the_mode() -> None:
    kept = tuple(one for one in shipped().instruments if one.symbol != _NZD)
    older = dataclasses.replace(shipped(), instruments=kept)
    fold = DecisionFold(kernel=reference(), genesis=Genesis(declarations=older, packages={}))
    fold.register(cautious(_NZD))

    records = list(mode_records(fold, (_NZD,), "live", number=4))
    routers = list(router_mode_records(fold, (_NZD,), "live", number=4))

    assert records == [
        ModeChanged(control_id=f"mode:5:{_NZD}:live", symbol=_NZD, mode="live", notional_cap=7.0)
    ]
    assert routers == [RouterModeChanged(control_id="router-mode:5:live", mode="live")]


@pytest.mark.parametrize("symbol", [_EUR, _NZD])  # heard, and not heard yet
def test_mode_that_coming_declarations_would_change_is_put_in_force(symbol: str) -> None:
    fold, new = fold_after(), cautious(symbol)
    fold.register(new)
    coming = [DeclarationsChanged(control_id="d", declarations=new.digest)]

    assert list(mode_records(fold, (symbol,), "shadow", number=4, coming=coming)) == []
    assert list(router_mode_records(fold, (symbol,), "shadow", number=4, coming=coming)) == []
    (record,) = mode_records(fold, (symbol,), "paper", number=4, coming=coming)
    assert isinstance(record, ModeChanged)
    assert (record.mode, record.notional_cap) == ("paper", 7.0)
    assert len(list(router_mode_records(fold, (symbol,), "live", number=4, coming=coming))) == 1


def test_mode_that_a_record_has_set_outlasts_coming_declarations() -> None:
    fold = fold_after(ModeChanged(control_id="m", mode="live", notional_cap=5.0))
    new = cautious(_EUR)
    fold.register(new)
    coming = [DeclarationsChanged(control_id="d", declarations=new.digest)]

    assert list(mode_records(fold, (_EUR,), "live", number=4, coming=coming)) == []
