"""The loop over made-up quotes of three symbols, with control records, run once or restarted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, quotes
from torghut.artifacts.package import Package
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.market.ports import Arrival
from torghut.schemas.codes import Switch
from torghut.schemas.control import ControlRecord, StopChanged
from torghut.schemas.rows import RowArray
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop, save_snapshot
from torghut.workflows.opening import Setup, open_fold

A, B, C = "fxcm:EURUSD", "fxcm:NZDUSD", "binance-spot:ETHUSDT"
LATCH = 1 << Switch.STOP_LATCH


def drifting(symbols: Sequence[int], *, step_s: int = 20) -> RowArray:
    """Return one quote each, ``step_s`` apart; each symbol's price drifts by itself."""
    numbers = np.array(symbols)
    rows = quotes(np.full(len(numbers), 1.3), step_ns=step_s * SECOND_NS)
    rows["symbol"] = numbers
    for one in np.unique(numbers):
        own = numbers == one
        drift = 1.0 + 3e-5 * np.arange(own.sum())
        level = (1.3, 0.7, 2000.0)[one]
        rows["bid"][own], rows["ask"][own] = level * drift, level * drift * (1 + 1e-5)
    return rows


def stop_record(
    control_id: str, state: str, *, at: int | None = None, symbol: str = "*"
) -> StopChanged:
    """Return a stop or its release, in force from ``at`` or at once."""
    return StopChanged.model_validate(
        {
            "control_id": control_id,
            "state": state,
            "reason": "r",
            "symbol": symbol,
            "effective_at_ns": at,
        }
    )


def source_of(rows: RowArray, arrivals: Sequence[tuple[int, ControlRecord]] = ()) -> ArraySource:
    """Return a source of ``rows`` with control records, each by the row it comes before."""
    return ArraySource(
        rows=rows, symbols=(A, B, C), arrivals=[Arrival(row=r, record=c) for r, c in arrivals]
    )


def part_of(source: ArraySource, stop: int) -> ArraySource:
    """Return the source as far as its first ``stop`` records."""
    return dataclasses.replace(
        source, rows=source.rows[:stop], arrivals=[a for a in source.arrivals if a.row < stop]
    )


def empty_log() -> InMemoryLog:
    """Return a log that holds nothing."""
    return InMemoryLog(clock=HandClock())


def made_setup(
    declared: Declarations | None = None,
    packages: Mapping[str, Package] | None = None,
    *,
    shadow_router: bool = False,
) -> Setup:
    """Return what a fold is opened with: by default what is shipped, and an eager package."""
    return Setup(
        kernel=compiled(),
        declarations=declared or shipped(),
        packages={"fx-intraday": eager_package()} if packages is None else packages,
        shadow_router=shadow_router,
    )


async def run_on(
    source: ArraySource,
    log: InMemoryLog,
    *,
    size: int = 10_000,
    declared: Declarations | None = None,
    packages: Mapping[str, Package] | None = None,
    snapshot: bool = False,
) -> DecisionFold:
    """Take ``log`` up and decide what ``source`` has beyond it; return the fold at the end."""
    opened = await open_fold(log, made_setup(declared, packages))
    run = Run(
        source=source,
        log=log,
        fold=opened.fold,
        controls=opened.controls,
        settings=LoopSettings(batch_records=size),
    )
    head = await run_loop(run)
    if snapshot:
        await save_snapshot(run, head)
    return opened.fold


async def root_of(source: ArraySource, *, size: int = 10_000) -> str:
    """Return the root of a run without restarts."""
    log = empty_log()
    await run_on(source, log, size=size)
    return await root_of_run(log)


async def restarted_root(source: ArraySource, stop: int, *, size: int = 10_000) -> str:
    """Return the root of a run that was taken up again after ``stop`` records."""
    log = empty_log()
    await run_on(part_of(source, stop), log, size=size)
    await run_on(source, log, size=size)
    return await root_of_run(log)


def state_of(fold: DecisionFold, name: str, arm: str = "serving") -> np.void:
    """Return the state of a symbol in an arm."""
    row: np.void = fold.arms[arm][[f.name for f in fold.symbols].index(name)]
    return row
