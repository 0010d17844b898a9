"""A report says what all rows say, whatever the blocks they came in."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.decisions.reports import Observed, market, observe, source
from torghut.schemas.codes import Expert, Gate, GateStatus, Intent, Path, Reason, RefusalCode
from torghut.schemas.rows import DECISION
from torghut.workflows.report.summary import Performance, Summary, SymbolReport

_COUNT = 1200


@cache
def whole() -> Observed:
    """Return the report of a run in one block."""
    return observe(source(market(_COUNT)))


def said(summary: Summary) -> Mapping[str, object]:
    """Return everything that a summary says but for what blocks there were, and how fast."""
    names = {one.name for one in fields(summary)} - {"pace", "blocks"}
    return {name: getattr(summary, name) for name in names}


@pytest.mark.slow
@settings(max_examples=12)
@given(st.integers(5, 700), st.sampled_from([7, 100, 8192]))
def test_report_does_not_depend_on_how_blocks_are_cut(size: int, together: int) -> None:
    cut = observe(source(market(_COUNT)), sizes=(size, together))

    assert said(cut.summary()) == said(whole().summary())


def test_report_of_blocks_of_one_context_is_the_same() -> None:
    few = source(market(120))

    assert said(observe(few, sizes=(1, 1)).summary()) == said(observe(few).summary())


@pytest.mark.parametrize("stop", [1, 700])
def test_report_that_recalls_the_log_is_that_of_one_run(stop: int) -> None:
    whole_source = source(market(_COUNT))
    first = replace(
        whole_source,
        rows=whole_source.rows[:stop],
        arrivals=[a for a in whole_source.arrivals if a.row < stop],
        quarantined=[q for q in whole_source.quarantined if q[0] < stop],
    )
    log = observe(first, sizes=(100, 64)).log

    again = observe(whole_source, sizes=(250, 64), log=log, recall=True)

    assert said(again.summary()) == said(whole().summary())


def test_report_without_recall_says_where_it_began() -> None:
    rows = market(_COUNT)
    log = observe(source(rows[:500]), sizes=(100, 64)).log

    later = observe(source(rows), sizes=(100, 64), log=log).summary()

    assert later.first_block == 5
    assert later.balanced
    assert later.contexts < whole().summary().contexts
    assert all(symbol.trend is not None for symbol in later.symbols)


def rows_of(seen: Observed, symbol: SymbolReport, arm: str) -> npt.NDArray[np.void]:
    """Return all rows of one symbol in an arm, in the order decided."""
    index = [facts.name for facts in seen.fold.symbols].index(symbol.symbol)
    found = []
    for told in seen.told:
        rows = np.frombuffer(told.block.arms[arm].rows, DECISION)
        admitted = told.contexts["symbol"][told.decided.outcomes == 0]
        found.append(rows[admitted == index])
    return np.concatenate(found)


def test_counts_are_those_of_all_rows() -> None:
    seen = whole()
    summary = seen.summary()

    assert len(summary.symbols) == 2
    for symbol in summary.symbols:
        rows = rows_of(seen, symbol, "serving")
        warm = [r for r in rows if r["gate_status"][Gate.WARM_UP] == GateStatus.PASS]
        assert symbol.decided == len(rows) > 100
        assert symbol.intents == named(Intent, (r["intent"] for r in rows))
        assert symbol.intents_warm == named(Intent, (r["intent"] for r in warm))
        assert symbol.leads == named(Expert, (r["lead"] for r in rows))
        assert symbol.leads_warm == named(Expert, (r["lead"] for r in warm))
        assert symbol.paths == named(Path, (r["path"] for r in rows))
        assert sum(symbol.regimes.values()) == len(rows)
        for gate, name in zip(Gate, symbol.gates, strict=True):
            failed = [r for r in rows if r["gate_status"][gate] == GateStatus.FAIL]
            assert symbol.gates[name] == len(failed)
        for reason in Reason:
            present = [r for r in rows if int(r["reasons"]) >> reason & 1]
            assert symbol.reasons.get(reason.code, 0) == len(present)
        assert (symbol.first_ns, symbol.last_ns) == (rows["receive_ns"][0], rows["receive_ns"][-1])


def named(codes: type[Intent | Expert | Path], numbers: object) -> dict[str, int]:
    """Return how often each code occurs, by its published name."""
    counted = Counter(int(number) for number in numbers)  # type: ignore[attr-defined]
    return {code.name.lower(): counted[code] for code in codes}


def test_every_context_has_one_outcome() -> None:
    seen = whole()
    summary = seen.summary()
    outcomes = np.concatenate([told.decided.outcomes for told in seen.told])
    by_code = Counter(RefusalCode(int(code)).code for code in outcomes if code)
    by_code["market.undecodable"] += 5

    assert summary.contexts == _COUNT + 5
    assert summary.decided == np.count_nonzero(outcomes == 0)
    assert summary.refusals == dict(by_code)
    assert summary.balanced
    assert summary.unattributed == {"market.undecodable": 5}
    assert Counter(one.code for one in summary.examples) == {
        code: min(3, number) for code, number in by_code.items()
    }
    assert summary.controls == {"limits-allotted": 1, "stop": 2}
    assert (summary.repeated_controls, summary.refused_controls) == (1, 1)


def booked(rows: npt.NDArray[np.void], parameters: np.void) -> Performance:
    """Return what a paper book came to, row by row."""
    unit, fee = float(parameters["multiplier"]), float(parameters["fee_ratio"])
    slip = float(parameters["slippage_ratio"])
    turnover = fees = slippage = peak = drawdown = 0.0
    before = math.nan
    for row in rows:
        change = float(row["position"]) - before
        if change and not math.isnan(change):
            price = float(row["ask"]) * (1 + slip) if change > 0 else float(row["bid"]) * (1 - slip)
            turnover += abs(change) * unit * price
            fees += abs(change) * unit * price * fee
            slippage += abs(change) * unit * abs(price - float(row["reference_price"]))
        before = float(row["position"])
        peak = max(peak, float(row["equity"]))
        drawdown = max(drawdown, peak - float(row["equity"]))
    return Performance(
        gain=float(rows["equity"][-1] - rows["equity"][0]),
        fees=fees,
        slippage=slippage,
        turnover=turnover,
        drawdown=drawdown,
        changes=sum(int(row["intent"]) >= Intent.BUY for row in rows),
    )


def test_books_are_those_of_all_rows_and_explain_the_gain() -> None:
    seen = whole()

    for index, symbol in enumerate(seen.summary().symbols):
        rows = rows_of(seen, symbol, "serving")
        expected = booked(rows, seen.fold.tables.parameters[index])
        assert asdict(symbol.serving) == pytest.approx(asdict(expected), rel=1e-9, abs=1e-6)
        # Positions times moves of the mid price, less costs, is the gain.
        held = rows["position"][:-1] * np.diff(rows["reference_price"])
        costs = symbol.serving.fees + symbol.serving.slippage
        assert symbol.serving.gain == pytest.approx(held.sum() - costs, abs=1e-6)
        assert symbol.serving.changes > 10


def test_holding_is_bought_once_and_marked_at_the_mid() -> None:
    seen = whole()

    for index, symbol in enumerate(seen.summary().symbols):
        rows = rows_of(seen, symbol, "serving")
        parameters = seen.fold.tables.parameters[index]
        first = rows[0]
        price = float(first["ask"]) * (1 + float(parameters["slippage_ratio"]))
        budget = min(float(first["allotment"]), float(first["notional_cap"]))
        lot = float(parameters["lot"])
        quantity = math.floor(budget / price / lot) * lot
        fee = quantity * price * float(parameters["fee_ratio"])
        equity = quantity * rows["reference_price"] - quantity * price - fee
        fall = np.maximum.accumulate(np.maximum(equity, 0.0)) - equity
        assert symbol.holding.gain == pytest.approx(equity[-1], abs=1e-6)
        assert symbol.holding.drawdown == pytest.approx(fall.max(), abs=1e-6)
        assert symbol.holding.fees == pytest.approx(fee)
        assert symbol.series is not None
        assert symbol.series.holding[-1] == pytest.approx(equity[-1], abs=1e-6)


def test_shadow_arm_is_compared_by_intent() -> None:
    seen = whole()
    differing = sum(
        int(
            np.count_nonzero(
                np.frombuffer(told.block.arms["router"].rows, DECISION)["intent"]
                != np.frombuffer(told.block.arms["serving"].rows, DECISION)["intent"]
            )
        )
        for told in seen.told
    )

    (arm,) = seen.summary().arms

    assert (arm.arm, arm.decisions) == ("router", seen.summary().decided)
    assert arm.intents_differ == differing
