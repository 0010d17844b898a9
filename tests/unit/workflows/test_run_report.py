"""A report costs the same memory however long the run is, and gives up what no longer fits."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest

from tests.support.decisions.reports import FACTS, Observed, market, observe, source
from torghut.workflows.run_report import DRAWN, EXAMPLES, NOT_ASKED, RunReport
from torghut.workflows.run_summary import summarise


@cache
def seen() -> Observed:
    """Return a short run; its blocks can be told of again and again."""
    return observe(source(market(400)), sizes=(100, 64), static_trend=False)


def tell(report: RunReport, times: int) -> int:
    """Tell ``report`` of the same blocks again and return the memory that is then in use."""
    for _ in range(times):
        for committed in seen().told:
            report.observe(committed)
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_run() -> None:
    report = seen().report
    tracemalloc.start()
    try:
        before = tell(report, 10)
        after = tell(report, 60)
    finally:
        tracemalloc.stop()

    assert after - before < 50_000


def test_examples_and_courses_are_bounded() -> None:
    report = observe(source(market(400)), sizes=(100, 64)).report

    assert all(len(kept) <= EXAMPLES for kept in report.examples.values())
    assert len(report.courses) <= DRAWN


def test_baseline_that_was_not_asked_for_is_said_to_be_missing() -> None:
    summary = seen().summary()

    assert summary.trend_left_out == NOT_ASKED
    assert all(symbol.trend is None for symbol in summary.symbols)
    assert all(not symbol.series.trend for symbol in summary.symbols if symbol.series)


def test_baseline_that_is_admitted_other_contexts_is_given_up_and_said_so() -> None:
    run = observe(source(market(200)), sizes=(100, 64))
    told = run.told[-1]
    outcomes = told.decided.outcomes.copy()
    refused = np.flatnonzero(outcomes)
    outcomes[refused[0]] = 1 + outcomes[refused[0]] % 10
    decided = msgspec.structs.replace(told.decided, outcomes=outcomes)
    other = replace(told, decided=decided)

    run.report.observe(other)

    summary = summarise(run.report, FACTS)
    assert summary.trend_left_out.startswith(f"block {told.block.number}: declarations changed")
    assert all(symbol.trend is None for symbol in summary.symbols)


def test_run_without_contexts_is_summed_up_too() -> None:
    summary = observe(source(market(1))).summary()
    empty = observe(replace(source(market(1)), rows=market(0))).summary()

    assert summary.balanced
    assert empty.balanced
    assert (empty.contexts, empty.decided, empty.first_ns, empty.symbols) == (0, 0, 0, ())
