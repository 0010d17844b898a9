"""The static trend baseline is a kernel run with all weight on the trend expert, and no other."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.reports import SYMBOLS, market, observe, source
from torghut.decisions.baselines import TrendBaseline, trend_from_here
from torghut.decisions.parameters import initial_states
from torghut.schemas.codes import Expert, Mode, Reason, RouterMode
from torghut.schemas.rows import DECISION


def test_baseline_is_a_kernel_run_with_those_weights() -> None:
    seen = observe(source(market(400)))
    contexts = np.concatenate([committed.contexts for committed in seen.told])
    shared = seen.fold.tables
    parameters = shared.parameters.copy()
    parameters["static_weights"] = [1.0, 0.0, 0.0, 0.0]
    names = tuple(facts.name for facts in seen.fold.symbols)
    states = initial_states(shipped(), names)
    states["router_mode"], states["posterior"] = RouterMode.STATIC, parameters["start"]
    states["entropy"] = 1.0
    expected = np.zeros(len(contexts), DECISION)
    refused = np.zeros(len(contexts), np.uint8)
    tables = dataclasses.replace(shared, parameters=parameters)
    _, count = compiled().decide(contexts, states, tables, expected, refused)

    rows, outcomes = TrendBaseline(fold=seen.fold).decide(contexts, parameters_changed=False)

    assert set(names) == set(SYMBOLS[:2])
    assert rows.tobytes() == expected[:count].tobytes()
    assert outcomes.tobytes() == refused.tobytes()
    assert (rows["lead"] == Expert.TREND).all()
    assert (rows["reasons"] >> np.uint64(Reason.STATIC_WEIGHTS) & np.uint64(1)).all()


def test_baseline_does_not_depend_on_batches_or_on_symbols_seen_later() -> None:
    seen = observe(source(market(300)), sizes=(4000, 8192))
    contexts = np.concatenate([committed.contexts for committed in seen.told])
    whole, _ = TrendBaseline(fold=seen.fold).decide(contexts, parameters_changed=False)
    together = whole.tobytes()
    baseline = TrendBaseline(fold=seen.fold)

    pieces = [
        baseline.decide(contexts[i : i + 7], parameters_changed=i % 2 == 0)[0].tobytes()
        for i in range(0, len(contexts), 7)
    ]

    assert b"".join(pieces) == together


def test_baseline_that_begins_later_knows_the_market_and_holds_nothing() -> None:
    fold = observe(source(market(600))).fold
    before = fold.arms["serving"].tobytes()

    states = trend_from_here(fold).states

    assert (states["samples"] == fold.arms["serving"]["samples"]).all()
    assert (states["paper_position"] == 0.0).all()
    assert (states["paper_cash"] == 0.0).all()
    assert (states["mode"] == Mode.PAPER).all()
    assert fold.arms["serving"].tobytes() == before
