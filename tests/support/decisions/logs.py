"""Small logs on the disk and in memory: two symbols, a package that trades, controls, refusals."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS, RowArray, walk
from torghut.adapters.sqlite.store import open_log
from torghut.decisions.declarations import Declarations
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import DecisionLog
from torghut.market.ports import Arrival, Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import LimitsAllotted, ModeChanged, StopChanged
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop, save_snapshot
from torghut.workflows.opening import Setup, open_fold

T = TypeVar("T")

SYMBOLS = ("fxcm:EURUSD", "fxcm:NZDUSD")
COUNT = 1200


def contexts(count: int = COUNT, *, seed: int = 5) -> RowArray:
    """Return a walk of two symbols, some of it refusable, long enough to trade."""
    rows = walk(count, symbols=2, seed=seed)
    rows["receive_ns"] = START_NS + np.arange(count) * 20 * SECOND_NS
    rows["event_ns"] = rows["receive_ns"]
    return rows


def source(rows: RowArray, more: Sequence[Arrival] = ()) -> ArraySource:
    """Return ``rows`` with control records and one record that is no context."""
    stop, go = (int(rows["receive_ns"][len(rows) * part // 4]) for part in (2, 3))
    records = (
        ModeChanged(control_id="m1", mode="paper", notional_cap=250_000.0),
        LimitsAllotted(control_id="l1", symbol=SYMBOLS[0], allotment=50_000.0),
        StopChanged(control_id="s1", state="stopped", reason="test", effective_at_ns=stop),
        StopChanged(control_id="s2", state="released", reason="test", effective_at_ns=go),
    )
    bad = Quarantined(
        part=0,
        record=3,
        refusal=RefusalCode.UNDECODABLE,
        digest="ef" * 32,
        excerpt="{not json",
    )
    return ArraySource(
        rows=rows,
        symbols=SYMBOLS,
        arrivals=[*(Arrival(row=0, record=record) for record in records), *more],
        quarantined=[(3, bad)],
    )


def usual_setup(
    *,
    shadow: bool = False,
    kernel: DecisionKernel | None = None,
    declared: Declarations | None = None,
) -> Setup:
    """Return what the logs are opened with: by default what is shipped, and an eager package."""
    return Setup(
        kernel=kernel or compiled(),
        declarations=declared or shipped(),
        packages={"fx-intraday": eager_package()},
        shadow_router=shadow,
    )


async def fill(
    log: DecisionLog,
    rows: RowArray,
    *,
    batch: int = 64,
    setup: Setup | None = None,
    more: Sequence[Arrival] = (),
) -> None:
    """Decide ``rows`` into ``log``, with ``more`` control records beside the usual ones."""
    opened = await open_fold(log, setup or usual_setup())
    run = Run(
        source=source(rows, more),
        log=log,
        fold=opened.fold,
        controls=opened.controls,
        settings=LoopSettings(batch_records=batch),
    )
    await save_snapshot(run, await run_loop(run))


async def in_memory(
    rows: RowArray | None = None, *, batch: int = 64, shadow: bool = False
) -> InMemoryLog:
    """Return a log in memory that holds ``rows`` decided."""
    log = InMemoryLog(clock=HandClock())
    setup = usual_setup(shadow=shadow)
    await fill(log, contexts() if rows is None else rows, batch=batch, setup=setup)
    return log


def write_log(path: Path, *, kernel: DecisionKernel | None = None) -> Path:
    """Decide the usual contexts into a new log at ``path``."""

    async def write() -> None:
        log = open_log(path, clock=HandClock(), ids=CountingIds())
        await fill(log, contexts(), setup=usual_setup(shadow=True, kernel=kernel))
        await log.close()

    asyncio.run(write())
    return path


def copied(template: Path, path: Path) -> Path:
    """Return a copy of a log, its heads file with it."""
    for suffix in ("", ".heads"):
        shutil.copy(f"{template}{suffix}", f"{path}{suffix}")
    return path


async def gathered(found: AsyncIterator[T]) -> Sequence[T]:
    """Return everything that ``found`` yields."""
    return [one async for one in found]


def flipped(path: Path, place: int) -> None:
    """Flip one bit of one byte of a file."""
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))


def places_of(path: Path, wanted: bytes) -> Iterator[int]:
    """Yield where ``wanted`` stands in a file."""
    body = path.read_bytes()
    place = body.find(wanted)
    while place >= 0:
        yield place
        place = body.find(wanted, place + 1)
