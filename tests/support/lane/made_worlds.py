"""The demo's made market as recorded data to govern: its candidate passes on paper."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.decisions.rows import quotes
from tests.support.scheduling.governed_processes import KEY, decide_into, scheduler_key
from tests.support.scheduling.killing import Trial
from tests.support.scheduling.people import declare_people
from tests.support.scheduling.schedulers import QUICK, Scheduler, declare
from torghut.adapters.filesystem.declarations import load
from torghut.entrypoints.cli.demo.made import packages
from torghut.entrypoints.cli.demo.made.market import STEP_NS, SYMBOL, made_prices
from torghut.entrypoints.cli.demo.made.world import make_world
from torghut.schemas.rows import RowArray

_POLICIES: Final = ("governance/policies/scheduler.yaml", "governance/policies/safety.yaml")

_FIRST: Final = 3_000
"""Price at which the first cycle comes."""

_EVERY: Final = 10
"""Prices from one cycle to the next: each comes with a price, which is not stale."""

_SILENT: Final = 6_000
_SILENCE_NS: Final = 5 * _EVERY * STEP_NS
"""Before that price nothing comes for so long: for some cycles."""

_SPREAD: Final = 1e-4


def made_rows() -> RowArray:
    """Return quotes of the made market, with a stretch of silence."""
    rows = quotes(made_prices(), step_ns=STEP_NS, spread=_SPREAD)
    rows["receive_ns"][_SILENT:] += _SILENCE_NS
    rows["event_ns"] = rows["receive_ns"]
    return rows


def _leave_out_others(declared: Path) -> None:
    """Leave out every instrument but the made one: each process reads them all."""
    for path in (declared / "streams" / "instruments").glob("*.yaml"):
        if not path.name.startswith(SYMBOL.partition(":")[0]):
            path.unlink()


@contextmanager
def recorded(folder: Path, *, seed: int) -> Iterator[tuple[Trial, int]]:
    """Give the trial of schedulers over a log of made data, a cycle each, and when it falls silent.

    Its times are of the log.
    """
    trusted, log, rows = scheduler_key(folder), folder / "made.log", made_rows()
    declared = make_world(folder / "world", aside="before").declared
    _leave_out_others(declared)
    declare(declared, {file: pairs for file, pairs in QUICK.items() if file in _POLICIES})
    declare_people(declared, trusted)
    serves = packages.serving()
    asyncio.run(
        decide_into(
            log,
            rows,
            symbol=SYMBOL,
            declared=load(declared),
            packages={serves.name: serves},
        )
    )
    scheduler = Scheduler(
        folder=folder,
        words=("scheduler", "cycle", "--log", str(log), "--key", KEY),
        declared=declared,
    )
    trial = Trial(
        folder=folder,
        scheduler=scheduler,
        trusted=trusted,
        log=log,
        candidate=packages.constructed(),
        draw=random.Random(seed),  # noqa: S311 - a test's own course
        at_ns=int(rows["receive_ns"][_FIRST]),
        every_ns=_EVERY * STEP_NS,
    )
    try:
        yield trial, int(rows["receive_ns"][_SILENT - 1])
    finally:
        scheduler.close()
