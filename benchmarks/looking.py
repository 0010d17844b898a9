"""The scheduler's look at drift: what one costs a log of many small blocks, as that grows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.blocks import decide_into
from benchmarks.figures import Cost, Goal, Line, Quantity, Result, paired_ratio, spread
from benchmarks.market import Market, quotes, setup
from benchmarks.rounds import Effort, interleave, scratch_folder, timed
from torghut.composition.governing import governing_policies
from torghut.composition.logs import readable_log, writable_log
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.rows import Integers
from torghut.workflows.drift.measuring import WindowAsked, measure
from torghut.workflows.opening import open_fold
from torghut.workflows.scheduling.metering import LogMeter

_SYMBOLS: Final = 5
_SIZE: Final = 3
_BLOCKS: Final = 20_000
_QUICK_BLOCKS: Final = 6_000
_BETWEEN: Final = 200
"""Blocks that are appended between two looks."""

_BUDGET_MS: Final = 600_000
_MS: Final = 1e3


def measure_looks(effort: Effort) -> Iterator[Result]:
    """Measure a look at the drift of a log of small blocks, beside reading its window at once."""
    blocks = _QUICK_BLOCKS if effort.quick else _BLOCKS
    rounds = min(effort.rounds, 9)
    with scratch_folder() as folder:
        times = asyncio.run(_write(folder / "looks.log", blocks))
        ends = times[:: _SIZE * _BETWEEN][-rounds - 2 :].tolist()
        opening = partial(readable_log, folder / "looks.log")
        policy, from_ns = governing_policies().drift, int(times[0])
        meter = LogMeter(opening=opening, policy=policy, budget_ms=_BUDGET_MS)
        going = _Looks(measured=partial(_going_on, meter), from_ns=from_ns, ends=iter(ends))
        going.look()
        once = _Looks(measured=partial(_at_once, opening), from_ns=from_ns, ends=iter(ends[1:]))
        costs = interleave(rounds, {"going": going.look, "once": once.look})
    ours, theirs = costs["going"], costs["once"]
    yield Line(
        measurement=f"a look at drift, {_BETWEEN} blocks of {_SIZE} contexts after the one before",
        unit="ms",
        cpu=median(one.cpu_s for one in ours) * _MS,
        wall=median(one.wall_s for one in ours) * _MS,
        baseline=f"reading the window at once, {blocks:,} blocks",
        cpu_ratio=paired_ratio(ours, theirs, lambda one: one.cpu_s),
        wall_ratio=paired_ratio(ours, theirs, lambda one: one.wall_s),
        goals=(Goal(quantity=Quantity.CPU_RATIO, most=0.25),),
        spread_ratio=spread([one.cpu_s for one in ours]),
        note=(
            f"at once: {median(one.cpu_s for one in theirs) * _MS:,.0f} ms of CPU, "
            f"{median(one.cpu_s for one in theirs) / blocks * _MS:.3f} a block; both open the log, "
            "which reads its heads file"
        ),
    )


@dataclass(slots=True, kw_only=True)
class _Looks:
    """Looks at a log, each at a window with the next end.

    Attributes:
        measured: Returns how many decisions a window has.
        from_ns: Where windows begin.
        ends: Where they end.
    """

    measured: Callable[[WindowAsked], Awaitable[int]]
    from_ns: int
    ends: Iterator[int]

    def look(self) -> Cost:
        """Look once."""
        return asyncio.run(self._look())

    async def _look(self) -> Cost:
        asked = WindowAsked(subject="loop", from_ns=self.from_ns, to_ns=next(self.ends))
        with timed() as watch:
            decisions = await self.measured(asked)
        if not decisions:
            message = "a window of a log just written was not measured"
            raise RuntimeError(message)
        return watch.cost(1)


async def _going_on(meter: LogMeter, asked: WindowAsked) -> int:
    """Measure a window from where the one before ended."""
    return (await meter.measure(asked)).decisions


async def _at_once(opening: Callable[[], DecisionLog], asked: WindowAsked) -> int:
    """Measure a window from its beginning."""
    log = opening()
    found = await measure(log, asked, governing_policies().drift)
    await log.close()
    return found.decisions


async def _write(path: Path, blocks: int) -> Integers:
    """Write the log; return when each of its contexts was received."""
    log = writable_log(path)
    rows = quotes(blocks * _SIZE, symbols=_SYMBOLS)
    fold = (await open_fold(log, setup(_SYMBOLS))).fold
    await decide_into(log, fold, Market(rows=rows, symbols=_SYMBOLS), size=_SIZE)
    await log.close()
    times: Integers = rows["receive_ns"].copy()
    return times
