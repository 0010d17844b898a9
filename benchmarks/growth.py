"""Growth: what a decision costs in a long log, and in a wide market."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.blocks import decide_into
from benchmarks.figures import (
    Cost,
    Goal,
    Line,
    Quantity,
    Result,
    Skipped,
    cpu_rate,
    flatness,
    wall_rate,
)
from benchmarks.market import Market, quotes, setup
from benchmarks.rounds import Effort, scratch_folder, timed
from torghut.bootstrap import writable_log
from torghut.workflows.decision_loop import Committed
from torghut.workflows.opening import open_fold

_FIRST: Final = 1_000
_LAST: Final = 10_000_000
_QUICK_LAST: Final = 1_000_000
_TOLD: Final = 200_000
_SYMBOLS: Final = (1, 10, 100, 500, 2_000)
_PER_SYMBOL: Final = 20
_COUNT: Final = 100_000
_FRESH: Final = 15
_DISK_BYTES: Final = 1_200
"""What one decision may take on the disk while its log is written, generously."""

_FLAT: Final = (Goal(quantity=Quantity.CPU, most=1.5),)


def measure_length(effort: Effort) -> Iterator[Result]:
    """Measure decisions of one symbol at the end of logs of 10³ to 10⁷ decisions."""
    last = _QUICK_LAST if effort.quick else _LAST
    with scratch_folder() as folder:
        free = shutil.disk_usage(folder).free
        if free < last * _DISK_BYTES:
            yield Skipped(
                measurement=f"growth to {last:,} decisions",
                reason=f"needs {last * _DISK_BYTES:,} bytes of disk, found {free:,}",
            )
            return
        costs = {_FIRST: asyncio.run(_short_logs(folder))}
        costs |= asyncio.run(_long_log(folder, last))
    ends = f"{_FIRST:,} to {last:,} decisions"
    yield from _lines("in a log of {:,} decisions", f"one symbol, logs of {ends}", costs)


def measure_width(effort: Effort) -> Iterator[Result]:
    """Measure decisions in markets of 1 to 2,000 symbols that are all known."""
    costs: dict[int, list[Cost]] = {count: [] for count in _SYMBOLS}
    for turn in range(effort.rounds):
        for count in _SYMBOLS if turn % 2 else reversed(_SYMBOLS):
            costs[count].append(asyncio.run(_wide_market(count)))
    typical = {count: sorted(many, key=cpu_rate)[len(many) // 2] for count, many in costs.items()}
    yield from _lines("with {:,} symbols", "1 to 2,000 symbols, blocks of 4,000", typical)


def _lines(what: str, measurement: str, costs: dict[int, Cost]) -> Iterator[Line]:
    """Yield what each size costs, and how far apart the sizes are."""
    best_cpu, best_wall = (max(map(rate, costs.values())) for rate in (cpu_rate, wall_rate))
    for size, cost in costs.items():
        yield Line(
            measurement=f"decisions {what.format(size)}",
            unit="decisions/s",
            cpu=cpu_rate(cost),
            wall=wall_rate(cost),
            baseline="the fastest of these sizes",
            cpu_ratio=cpu_rate(cost) / best_cpu,
            wall_ratio=wall_rate(cost) / best_wall,
        )
    yield Line(
        measurement=f"flat cost: {measurement}",
        unit="best over worst",
        cpu=flatness([cpu_rate(cost) for cost in costs.values()]),
        wall=flatness([wall_rate(cost) for cost in costs.values()]),
        goals=_FLAT,
    )


async def _short_logs(folder: Path) -> Cost:
    """Return the typical cost of the first thousand decisions of a log, its symbol known."""
    costs = []
    rows = quotes(2 * _FIRST, symbols=1)
    for turn in range(_FRESH):
        log = writable_log(folder / f"short-{turn}.log")
        fold = (await open_fold(log, setup(1))).fold
        await decide_into(log, fold, Market(rows=rows, symbols=1, total=_FIRST), size=_FIRST)
        with timed() as watch:
            await decide_into(log, fold, Market(rows=rows, symbols=1), size=_FIRST)
        await log.close()
        costs.append(watch.cost(_FIRST))
    return Cost(
        count=_FIRST,
        cpu_s=median(cost.cpu_s for cost in costs),
        wall_s=median(cost.wall_s for cost in costs),
    )


async def _long_log(folder: Path, last: int) -> dict[int, Cost]:
    """Return, for each power of ten above the first, the cost of the half that leads to it."""
    log = writable_log(folder / "long.log")
    fold = (await open_fold(log, setup(1))).fold
    marks: dict[int, tuple[float, float]] = {}
    decided = 0

    def note(committed: Committed) -> None:
        nonlocal decided
        decided += committed.block.arms["serving"].count
        if decided % _FIRST == 0:
            marks[decided] = time.process_time(), time.perf_counter()

    rows = quotes(_TOLD, symbols=1)
    market = Market(rows=rows, symbols=1, total=last)
    await decide_into(log, fold, market, size=_FIRST, observer=note)
    await log.close()
    costs: dict[int, Cost] = {}
    end = 10 * _FIRST
    while end <= last:
        begin = end // 2
        cpu_s, wall_s = (b - a for a, b in zip(marks[begin], marks[end], strict=True))
        costs[end] = Cost(count=end - begin, cpu_s=cpu_s, wall_s=wall_s)
        end *= 10
    return costs


async def _wide_market(symbols: int) -> Cost:
    """Return the cost of deciding in a market of ``symbols`` that have all been seen."""
    warm = max(4_000, _PER_SYMBOL * symbols)
    rows = quotes(warm + _COUNT, symbols=symbols)
    with scratch_folder() as folder:
        log = writable_log(folder / "wide.log")
        fold = (await open_fold(log, setup(symbols))).fold
        market = Market(rows=rows, symbols=symbols, total=warm)
        await decide_into(log, fold, market, size=4_000)
        with timed() as watch:
            await decide_into(log, fold, Market(rows=rows, symbols=symbols), size=4_000)
        await log.close()
    return watch.cost(_COUNT)
