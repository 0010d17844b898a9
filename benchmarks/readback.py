"""Reading back: replay, verification, snapshots and roots of a log that was just written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.blocks import decide_into
from benchmarks.figures import Comparison, Cost, Result, rate_line
from benchmarks.market import Market, fresh_fold, quotes, setup, shared_kernel
from benchmarks.rounds import Effort, interleave, scratch_folder, timed
from torghut.composition.logs import writable_log
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.snapshot import restore_snapshot, take_snapshot
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.roots import Frontiers, add_leaves
from torghut.kernel.digests import run_root
from torghut.workflows.opening import open_fold
from torghut.workflows.replay import replay_log

_SYMBOLS: Final = 500
_COUNT: Final = 100_000
_BLOCK: Final = 4_000
_SNAPSHOTS: Final = 10


def measure_readback(effort: Effort) -> Iterator[Result]:
    """Measure what is done with a log after deciding, beside reading its blocks alone."""
    with scratch_folder() as folder:
        path = folder / "read.log"
        asyncio.run(_write(path))
        costs = interleave(
            effort.rounds,
            {
                "read": partial(_timed, path, _read),
                "replay": partial(_timed, path, _replay),
                "root": partial(_timed, path, _root),
                "verify": partial(_timed, path, _verify),
            },
        )
    for name, measurement in (
        ("replay", "replay of a log, every byte compared"),
        ("root", "root of a run, computed anew"),
        ("verify", "verification of a log"),
    ):
        yield rate_line(
            f"{measurement}, {_SYMBOLS} symbols",
            "decisions",
            Comparison(
                ours=costs[name],
                theirs=costs["read"],
                baseline="reading the log's blocks and checking their digests",
            ),
        )
    yield _measure_snapshots(effort)


async def _write(path: Path) -> None:
    """Write the log that is read back."""
    log = writable_log(path)
    fold = (await open_fold(log, setup(_SYMBOLS))).fold
    market = Market(rows=quotes(_COUNT, symbols=_SYMBOLS), symbols=_SYMBOLS)
    await decide_into(log, fold, market, size=_BLOCK)
    await log.close()


def _timed(path: Path, work: Callable[[DecisionLog], Awaitable[int]]) -> Cost:
    """Return the cost of ``work``, which says how many decisions it went through."""

    async def run() -> Cost:
        log = writable_log(path)
        with timed() as watch:
            count = await work(log)
        await log.close()
        return watch.cost(count)

    return asyncio.run(run())


async def _read(log: DecisionLog) -> int:
    """Read every block."""
    count = 0
    async for block in log.blocks(0):
        count += block.arms["serving"].count
    return count


async def _replay(log: DecisionLog) -> int:
    """Decide every block again."""
    found = await replay_log(log, shared_kernel())
    if not found.identical:
        message = f"{found.differing} decisions differ; first {found.first}"
        raise RuntimeError(message)
    return found.decisions


async def _root(log: DecisionLog) -> int:
    """Compute the root from the leaves in the blocks, without a checkpoint."""
    frontiers: Frontiers = {}
    count = 0
    async for block in log.blocks(0):
        frontiers = add_leaves(frontiers, block, arm="serving")
        count += block.arms["serving"].count
    run_root({name: frontier.root() for name, frontier in frontiers.items()})
    return count


async def _verify(log: DecisionLog) -> int:
    """Verify everything that the log holds."""
    report = await log.verify()
    if not report.intact:
        message = f"a log just written is not intact: {report.findings}"
        raise RuntimeError(message)
    return report.decisions


def _measure_snapshots(effort: Effort) -> Result:
    """Compare taking a snapshot with restoring it."""
    fold = fresh_fold(_SYMBOLS)
    fold.decide(quotes(_COUNT // 2, symbols=_SYMBOLS))
    body = take_snapshot(fold)

    def take() -> Cost:
        with timed() as watch:
            for _ in range(_SNAPSHOTS):
                take_snapshot(fold)
        return watch.cost(_SNAPSHOTS)

    def restore() -> Cost:
        again = DecisionFold(kernel=fold.kernel, genesis=fold.genesis)
        again.packages.update(fold.packages)
        with timed() as watch:
            restore_snapshot(again, body)
        return watch.cost(1)

    costs = interleave(effort.rounds, {"take": take, "restore": restore})
    return rate_line(
        f"snapshot of {_SYMBOLS} symbols, taken",
        "snapshots",
        Comparison(ours=costs["take"], theirs=costs["restore"], baseline="restoring that snapshot"),
        note=f"{len(body):,} bytes",
    )
