"""Recovery: how long a partition's taker waits for its memory, by blocks since the snapshot.

A worker that takes a partition over reads the newest snapshot and decides the blocks after it
again, each compared with what the log holds; only then is it ready. The declared policy bounds how
many those can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Final

from benchmarks.databases import new_database
from benchmarks.figures import Cost, Line, Result, Skipped, spread
from benchmarks.market import Market, quotes, setup
from benchmarks.rounds import Effort, interleave, timed
from ops.servers.database import DatabaseServerError, database_server
from torghut.composition import logs, standby
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop, save_snapshot
from torghut.workflows.opening import fold_at_head, open_fold

_SYMBOLS: Final = 64
_BLOCK: Final = 64
"""Contexts of a block: what a worker under load decides at once."""

_WARM_BLOCKS: Final = 256
_NO_TAIL: Final = 0
_TAILS: Final = (_NO_TAIL, 512)
_MS: Final = 1e3


def measure_recovery(effort: Effort) -> Iterator[Result]:
    """Measure restoring a partition from PostgreSQL, by the blocks since its snapshot."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(database_server())
        except DatabaseServerError as error:
            yield Skipped(measurement="recovery of a partition", reason=str(error)[:200])
            return
        longest = standby.live_policy().loop.snapshot_blocks
        tails = _TAILS if effort.quick else (*_TAILS, longest)
        made = {}
        for tail in tails:
            made[tail] = new_database(server)
            asyncio.run(_write(made[tail], tail))
        works = {str(tail): partial(_recover, made[tail], tail) for tail in tails}
        costs = interleave(max(1, effort.rounds // 2), works)
        yield from (_line(tail, costs[str(tail)], costs[str(_NO_TAIL)]) for tail in tails)


def _line(tail: int, ours: Sequence[Cost], theirs: Sequence[Cost]) -> Line:
    """Return how long it takes over so many blocks, beside none."""
    after = "from its snapshot alone"
    times = [cost.wall_s for cost in ours]
    cpu_s, wall_s = median(cost.cpu_s for cost in ours), median(times)
    pairs = list(zip(ours, theirs, strict=True))
    each_us = (wall_s - median(cost.wall_s for cost in theirs)) / max(tail, 1) * 1e6
    return Line(
        measurement=f"a partition restored {after}"
        if tail == _NO_TAIL
        else f"a partition restored from its snapshot and {tail:,} blocks of {_BLOCK}",
        unit="ms",
        cpu=cpu_s * _MS,
        wall=wall_s * _MS,
        baseline="" if tail == _NO_TAIL else f"one restored {after}",
        cpu_ratio=None if tail == _NO_TAIL else median(a.cpu_s / b.cpu_s for a, b in pairs),
        wall_ratio=None if tail == _NO_TAIL else median(a.wall_s / b.wall_s for a, b in pairs),
        spread_ratio=spread(times),
        note="" if tail == _NO_TAIL else f"{each_us:,.0f} us a block, decided again and compared",
    )


async def _write(url: str, tail: int) -> None:
    """Write a log whose newest snapshot has so many blocks after it."""
    log = logs.shared_log(logs.database_address(url))
    fold = (await open_fold(log, setup(_SYMBOLS))).fold
    rows = quotes((_WARM_BLOCKS + tail) * _BLOCK, symbols=_SYMBOLS)
    for blocks in (_WARM_BLOCKS, _WARM_BLOCKS + tail):
        run = Run(
            source=Market(rows=rows, symbols=_SYMBOLS, total=blocks * _BLOCK),
            log=log,
            fold=fold,
            settings=LoopSettings(batch_records=_BLOCK, snapshot_blocks=blocks + 1),
        )
        head = await run_loop(run)
        if blocks == _WARM_BLOCKS:
            await save_snapshot(run, head)
    await log.close()


def _recover(url: str, tail: int) -> Cost:
    """Open the log anew, and restore what a worker has to remember to decide on."""

    async def run() -> Cost:
        made = setup(_SYMBOLS)  # as a worker has it long before
        with timed() as watch:
            log = logs.shared_log(logs.database_address(url))
            opened = await fold_at_head(log, made)
        await log.close()
        if opened.redecided != tail:
            message = f"expected {tail} blocks decided again, found {opened.redecided}"
            raise RuntimeError(message)
        return watch.cost(max(1, tail))

    return asyncio.run(run())
