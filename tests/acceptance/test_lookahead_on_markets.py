"""Look-ahead on real prices: the whole kernel is clean, and bars say what the ticks said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import RowArray
from tests.unit.router.test_baselines import NAMES, model
from torghut.composition.deciding import source
from torghut.evals.leaks.bar_times import compare_bars
from torghut.evals.lookahead import LookaheadPlan
from torghut.market.ports import Cursor
from torghut.workflows.lookahead_check import CheckedSource, KernelUnderTest, check_source

MINUTE_NS = 60_000_000_000


def checked(uri: str, contexts_max: int) -> CheckedSource:
    """Return what a check of the kernel with the committed packages finds on ``uri``."""
    tested = KernelUnderTest(
        kernel=compiled(), declarations=shipped(), packages={name: model(name) for name in NAMES}
    )
    return check_source(source(uri, shipped()), tested, LookaheadPlan(), contexts_max=contexts_max)


def contexts_of(uri: str, symbol: str) -> RowArray:
    """Return all contexts of one symbol."""
    read = source(uri, shipped())
    number = list(read.description.symbols).index(symbol)
    batches = read.batches(after=Cursor(), max_records=100_000)
    every = np.concatenate([batch.contexts.copy() for batch in batches])
    return every[np.flatnonzero(every["symbol"] == number)]


@pytest.mark.slow
def test_kernel_is_clean_on_the_demo_and_the_fit_window_is_reported() -> None:
    found = checked("demo:", 20_000)

    assert found.report.verdict == "clean"
    assert found.report.cuts >= 50
    # The whole file holds the years that index-daily was fitted on; the demo runs the later ones.
    assert [one.package.partition("@")[0] for one in found.overlaps] == ["index-daily"]


@pytest.mark.data
@pytest.mark.parametrize("folder", ["lean-forex/tick", "lean-forex/minute", "crypto-l2"])
def test_kernel_is_clean_on_recorded_markets(recorded_data: Path, folder: str) -> None:
    found = checked(str(recorded_data / folder), 30_000)

    assert found.report.verdict == "clean"
    assert found.report.cuts >= 50
    assert found.overlaps == ()


@pytest.mark.data
@pytest.mark.parametrize("symbol", ["fxcm:EURUSD", "fxcm:NZDUSD"])
def test_minute_bars_agree_with_the_ticks_inside_them(recorded_data: Path, symbol: str) -> None:
    bars = contexts_of(str(recorded_data / "lean-forex/minute"), symbol)
    ticks = contexts_of(str(recorded_data / "lean-forex/tick"), symbol)

    found = compare_bars(bars, ticks, MINUTE_NS)

    assert found.bars > 9_000
    assert (found.agree, found.ahead) == (found.bars, 0)


@pytest.mark.data
def test_minute_bars_decided_at_their_label_would_be_ahead(recorded_data: Path) -> None:
    symbol = "fxcm:EURUSD"
    bars = contexts_of(str(recorded_data / "lean-forex/minute"), symbol)
    ticks = contexts_of(str(recorded_data / "lean-forex/tick"), symbol)
    bars["event_ns"] -= MINUTE_NS

    found = compare_bars(bars, ticks, MINUTE_NS)

    assert found.ahead / found.bars > 0.8
