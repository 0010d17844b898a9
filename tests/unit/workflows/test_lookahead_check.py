"""The kernel is checked on a source's own contexts, and its packages against their span."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.packages import eager_model
from tests.support.decisions.rows import RowArray, walk
from torghut.evals.errors import NothingToCheckError
from torghut.evals.lookahead import LookaheadPlan
from torghut.workflows.lookahead_check import KernelUnderTest, check_source

SYMBOLS = ("fxcm:NZDUSD", "fxcm:EURUSD")
PLAN = LookaheadPlan(random_cuts=50, cuts_min=50)


def market() -> RowArray:
    """Return a market of two pairs."""
    return walk(600, symbols=2, seed=2)


def source(rows: RowArray) -> ArraySource:
    """Return ``rows`` as a source."""
    return ArraySource(rows=rows, symbols=SYMBOLS)


def under_test(**window: int) -> KernelUnderTest:
    """Return the kernel with one package, fitted on a window."""
    model = replace(eager_model(), **window)  # type: ignore[arg-type]
    return KernelUnderTest(
        kernel=compiled(), declarations=shipped(), packages={"fx-intraday": model}
    )


def test_the_kernel_is_clean_on_a_source() -> None:
    found = check_source(source(market()), under_test(), PLAN, contexts_max=1000)

    assert found.report.verdict == "clean"
    assert found.report.contexts == 600
    assert (found.first_ns, found.last_ns) == (
        int(market()["receive_ns"].min()),
        int(market()["receive_ns"].max()),
    )
    assert found.overlaps == ()


def test_a_package_fitted_on_the_time_it_decides_is_reported() -> None:
    first = int(market()["receive_ns"].min())

    found = check_source(
        source(market()), under_test(start_ns=1, end_ns=first), PLAN, contexts_max=1000
    )

    (overlap,) = found.overlaps
    assert overlap.package == f"made-up@{'0' * 64}"
    assert (overlap.first_ns, overlap.last_ns) == (first, first)


def test_a_package_that_serves_no_symbol_of_the_source_is_not_reported() -> None:
    tested = under_test(start_ns=1, end_ns=2**62)
    tested = replace(tested, packages={"index-daily": tested.packages["fx-intraday"]})

    assert check_source(source(market()), tested, PLAN, contexts_max=1000).overlaps == ()


def test_no_more_contexts_are_checked_than_asked_for() -> None:
    found = check_source(source(market()), under_test(), PLAN, contexts_max=100)

    assert found.report.contexts == 100


def test_an_empty_source_is_refused() -> None:
    with pytest.raises(NothingToCheckError):
        check_source(source(market()[:0]), under_test(), PLAN, contexts_max=100)
