"""Growth: what a decision costs in a long log, and in a wide market, beside a short and narrow one.

Each long log and wide market is measured in the same rounds as the short and narrow one, because
whatever else the machine does changes more between minutes than the log's length could.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.blocks import decide_into
from benchmarks.figures import (
    Comparison,
    Cost,
    Goal,
    Line,
    Quantity,
    Result,
    Skipped,
    flatness,
    rate_line,
)
from benchmarks.market import Market, RowArray, quotes, setup
from benchmarks.rounds import Effort, scratch_folder, timed
from torghut.composition.logs import writable_log
from torghut.decisions.fold.folding import DecisionFold
from torghut.eventlog.ports import DecisionLog
from torghut.workflows.opening import open_fold

_FIRST: Final = 1_000
_SHORT: Final = 10_000
_LAST: Final = 10_000_000
_QUICK_LAST: Final = 1_000_000
_BLOCK: Final = 1_000
_WINDOW: Final = 10_000
"""Decisions over which the cost at one length is measured."""

_ROWS: Final = 200_000
_SYMBOLS: Final = (10, 100, 500, 2_000)
_WIDE_BLOCK: Final = 4_000
_WARM: Final = 4_000
_PER_SYMBOL: Final = 20
_COUNT: Final = 60_000
_DISK_BYTES: Final = 800
"""What one decision may take on the disk while its log is written, with room to spare."""

_FLAT: Final = (Goal(quantity=Quantity.CPU, most=1.5),)


def measure_length(effort: Effort) -> Iterator[Result]:
    """Measure 10,000 decisions after the first 10³ to 10⁷ of one symbol, in blocks of 1,000."""
    last = _QUICK_LAST if effort.quick else _LAST
    with scratch_folder() as folder:
        free = shutil.disk_usage(folder).free
        if free < last * _DISK_BYTES:
            yield Skipped(
                measurement=f"growth to {last:,} decisions",
                reason=f"needs {last * _DISK_BYTES:,} bytes of disk, found {free:,}",
            )
            return
        found = asyncio.run(_grow(folder, last, 2 * effort.rounds))
    first = f"after the first {_FIRST:,} of a log"
    yield from _lines(
        {f"decisions after {size:,}": costs for size, costs in found.items()},
        baseline=f"those {first}, in the same rounds",
        flat=f"one symbol, after {_FIRST:,} to {last:,} decisions",
    )


def measure_width(effort: Effort) -> Iterator[Result]:
    """Measure decisions in markets of 10 to 2,000 symbols, all seen before, beside one symbol."""
    rows = {width: quotes(_warm(width) + _COUNT, symbols=width) for width in (1, *_SYMBOLS)}
    costs: dict[int, list[Cost]] = {width: [] for width in rows}
    for turn in range(effort.rounds):
        for width in rows if turn % 2 else reversed(rows):
            costs[width].append(asyncio.run(_wide_market(width, rows[width])))
    yield from _lines(
        {
            f"decisions with {width:,} symbols, blocks of {_WIDE_BLOCK:,}": Comparison(
                ours=costs[width], theirs=costs[1]
            )
            for width in _SYMBOLS
        },
        baseline="those with one symbol, in the same rounds",
        flat="1 to 2,000 symbols",
    )


def _lines(found: Mapping[str, Comparison], *, baseline: str, flat: str) -> Iterator[Line]:
    """Yield what each size costs beside the smallest, and how far apart all of them are."""
    lines = [
        rate_line(
            what, "decisions", Comparison(ours=each.ours, theirs=each.theirs, baseline=baseline)
        )
        for what, each in found.items()
    ]
    yield from lines
    yield Line(
        measurement=f"flat cost: {flat}",
        unit="times",
        cpu=flatness([1.0, *(line.cpu_ratio for line in lines if line.cpu_ratio is not None)]),
        wall=flatness([1.0, *(line.wall_ratio for line in lines if line.wall_ratio is not None)]),
        goals=_FLAT,
        note="the best of the ratios above, and 1, over the worst",
    )


async def _grow(folder: Path, last: int, rounds: int) -> Mapping[int, Comparison]:
    """Return, by length, the costs there and those near the start of new logs, in turn."""
    rows, numbers = quotes(_ROWS, symbols=1), count()
    log, fold = await _open(folder / "long.log")
    found: dict[int, Comparison] = {}
    size, length = _SHORT, 0
    while size <= last:
        ours: list[Cost] = []
        theirs: list[Cost] = []
        if size > _SHORT:
            await _decide(log, fold, rows, size)
            length = size
        for turn in range(rounds):
            near = folder / f"near-{next(numbers)}.log"
            if turn % 2:
                theirs.append(await _new_log(near, rows, _FIRST))
            if size > _SHORT:
                length += _WINDOW
                ours.append(await _window(log, fold, rows, length))
            else:  # a log of this length has room for no more than one window
                ours.append(await _new_log(folder / f"short-{turn}.log", rows, size))
            if not turn % 2:
                theirs.append(await _new_log(near, rows, _FIRST))
        found[size] = Comparison(ours=ours, theirs=theirs)
        size *= 10
    await log.close()
    return found


async def _new_log(path: Path, rows: RowArray, first: int) -> Cost:
    """Return the cost of a window of decisions that follow the ``first`` of a new log."""
    log, fold = await _open(path)
    await _decide(log, fold, rows, first)
    cost = await _window(log, fold, rows, first + _WINDOW)
    await log.close()
    return cost


async def _window(log: DecisionLog, fold: DecisionFold, rows: RowArray, end: int) -> Cost:
    """Return the cost of a window of decisions, from the log's end up to ``end`` in all."""
    with timed() as watch:
        await _decide(log, fold, rows, end)
    return watch.cost(_WINDOW)


async def _open(path: Path) -> tuple[DecisionLog, DecisionFold]:
    """Return a new log and the memory of a run that has seen nothing."""
    log = writable_log(path)
    return log, (await open_fold(log, setup(1))).fold


async def _decide(log: DecisionLog, fold: DecisionFold, rows: RowArray, end: int) -> None:
    """Decide on from the log's end until it holds ``end`` decisions."""
    await decide_into(log, fold, Market(rows=rows, symbols=1, total=end), size=_BLOCK)


def _warm(symbols: int) -> int:
    """Return how many quotes are decided before the clock starts."""
    return max(_WARM, _PER_SYMBOL * symbols)


async def _wide_market(symbols: int, rows: RowArray) -> Cost:
    """Return the cost of deciding in a market of ``symbols`` that have all been seen."""
    with scratch_folder() as folder:
        log = writable_log(folder / "wide.log")
        fold = (await open_fold(log, setup(symbols))).fold
        warm = Market(rows=rows, symbols=symbols, total=_warm(symbols))
        await decide_into(log, fold, warm, size=_WIDE_BLOCK)
        with timed() as watch:
            market = Market(rows=rows, symbols=symbols)
            await decide_into(log, fold, market, size=_WIDE_BLOCK)
        await log.close()
    return watch.cost(_COUNT)
