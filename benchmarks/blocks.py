"""Blocks: decoded columns to a committed block, and the log's append against the raw driver."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from benchmarks.figures import Comparison, Cost, Goal, Quantity, Result, rate_line
from benchmarks.market import Market, names, quotes, setup
from benchmarks.rounds import Effort, Stopwatch, interleave, scratch_folder, timed
from torghut.adapters.sqlite.layout import CREATE_BLOCKS, INSERT_BLOCK, block_values
from torghut.composition.logs import writable_log
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.recording import Taken, record_batch
from torghut.eventlog.block import Block
from torghut.eventlog.ports import DecisionLog
from torghut.market.ports import Cursor
from torghut.schemas.rows import DECISION
from torghut.workflows.decision_loop import Committed, LoopSettings, Observer, Run, run_loop
from torghut.workflows.opening import open_fold

_PER_SYMBOL: Final = 20
"""Quotes of each symbol that are decided before the clock starts."""

_WARM: Final = 4_000
_COUNT: Final = 48_000
_COMMITTED: Final = (
    Goal(quantity=Quantity.CPU, least=150_000),
    Goal(quantity=Quantity.CPU, least=250_000, required=False),
)
_APPENDED: Final = (
    Goal(quantity=Quantity.CPU_RATIO, least=0.7),
    Goal(quantity=Quantity.WALL_RATIO, least=0.7),
)
_LIVE_BLOCKS: Final = 400
_LIVE: Final = (Goal(quantity=Quantity.WALL_RATIO, least=0.37, required=False),)
_SOURCE: Final = "ab" * 32
_RAW: Final = "sqlite3 inserting the same rows into the same table"


def measure_commits(effort: Effort) -> Iterator[Result]:
    """Measure the loop from columns in memory to blocks that are durable."""
    for symbols in (500, 2):
        for size in (1_000, 4_000):
            blocks = make_blocks(symbols, size, _COUNT)
            costs = interleave(
                effort.rounds,
                {
                    "loop": partial(_commit, symbols, size),
                    "bare": partial(_hash_and_write, blocks),
                },
            )
            yield rate_line(
                f"columns to committed block: {symbols} symbols, blocks of {size:,}",
                "decisions",
                Comparison(
                    ours=costs["loop"],
                    theirs=costs["bare"],
                    baseline="only sha256 of each row and a raw insert of the same blocks",
                ),
                goals=_COMMITTED,
                note=f"rows of {DECISION.itemsize} bytes",
            )


def measure_appends(effort: Effort) -> Iterator[Result]:
    """Measure the log's append against the raw driver on the same bytes and kind of file."""
    blocks = make_blocks(2, 1_000, _COUNT)
    costs = interleave(
        effort.rounds,
        {"log": partial(_append, blocks), "raw": partial(write_blocks, blocks)},
    )
    yield rate_line(
        "log append, blocks of 1,000 decisions",
        "decisions",
        Comparison(ours=costs["log"], theirs=costs["raw"], baseline=_RAW),
        goals=_APPENDED,
        note="CPU of both until their files are closed, all of the write-ahead log moved",
    )
    single = make_blocks(2, 1, 200)
    costs = interleave(
        effort.rounds, {"log": partial(_append, single), "raw": partial(write_blocks, single)}
    )
    yield rate_line(
        "log append, one decision",
        "appends",
        Comparison(ours=costs["log"], theirs=costs["raw"], baseline=_RAW),
        goals=(Goal(quantity=Quantity.WALL_RATIO, least=1 / 1.6),),
        note="at most 1.6 times the wall time",
    )
    for size, goals in ((1, _LIVE), (64, ())):
        made = _decide_one_by_one(size)[1]
        costs = interleave(
            effort.rounds,
            {"live": partial(_live, size), "raw": partial(write_blocks, made)},
        )
        yield rate_line(
            f"contexts to durable block, one block at a time: {size} a block",
            "decisions",
            Comparison(ours=costs["live"], theirs=costs["raw"], baseline=_RAW),
            goals=goals,
            note="by the median time of a block",
        )


async def decide_into(
    log: DecisionLog,
    fold: DecisionFold,
    market: Market,
    *,
    size: int,
    observer: Observer = lambda _: None,
) -> None:
    """Run the loop over ``market`` from the log's position on."""
    await run_loop(
        Run(
            source=market,
            log=log,
            fold=fold,
            observer=observer,
            settings=LoopSettings(batch_records=size),
        )
    )


def make_blocks(symbols: int, size: int, count: int) -> Sequence[Block]:
    """Return the blocks of a run over the made-up market, from the first one on."""
    blocks: list[Block] = []

    def keep(committed: Committed) -> None:
        blocks.append(committed.block)

    async def run(folder: Path) -> None:
        log = writable_log(folder / "made.log")
        opened = await open_fold(log, setup(symbols))
        market = Market(rows=quotes(count, symbols=symbols), symbols=symbols)
        await decide_into(log, opened.fold, market, size=size, observer=keep)
        await log.close()

    with scratch_folder() as folder:
        asyncio.run(run(folder))
    return blocks


def decisions_in(blocks: Sequence[Block]) -> int:
    """Return how many decisions serve in ``blocks``."""
    return sum(block.arms["serving"].count for block in blocks)


def _commit(symbols: int, size: int) -> Cost:
    """Decide and commit once the symbols are known, into a log of its own."""
    warm = max(_WARM, _PER_SYMBOL * symbols)
    rows = quotes(warm + _COUNT, symbols=symbols)

    async def run(folder: Path) -> Cost:
        log = writable_log(folder / "timed.log")
        opened = await open_fold(log, setup(symbols))
        await decide_into(
            log, opened.fold, Market(rows=rows, symbols=symbols, total=warm), size=size
        )
        decided = 0

        def count(committed: Committed) -> None:
            nonlocal decided
            decided += committed.block.arms["serving"].count

        with timed() as watch:
            market = Market(rows=rows, symbols=symbols)
            await decide_into(log, opened.fold, market, size=size, observer=count)
        await log.close()
        return watch.cost(decided)

    with scratch_folder() as folder:
        return asyncio.run(run(folder))


def _hash_and_write(blocks: Sequence[Block]) -> Cost:
    """Do what cannot be left out: hash every row and write every byte, durably."""
    bodies = [block_values(block, commit_number=1) for block in blocks]
    size = DECISION.itemsize
    with scratch_folder() as folder, closing(_raw(folder / "raw.db")) as driver, timed() as watch:
        for body, block in zip(bodies, blocks, strict=True):
            rows = memoryview(block.arms["serving"].rows)
            for start in range(0, len(rows), size):
                hashlib.sha256(rows[start : start + size]).digest()
            driver.execute(INSERT_BLOCK, body)
    return watch.cost(decisions_in(blocks))


def _live(size: int) -> Cost:
    """Make durable blocks one by one, of that many contexts each."""
    return _decide_one_by_one(size)[0]


def _decide_one_by_one(size: int) -> tuple[Cost, Sequence[Block]]:
    """Decide, record and append, each batch once the one before is durable; return its blocks."""
    rows = quotes(size * _LIVE_BLOCKS, symbols=2)

    async def run(folder: Path) -> tuple[Cost, Sequence[Block]]:
        log = writable_log(folder / "timed.log")
        fold = (await open_fold(log, setup(2))).fold
        known = len([fold.symbol_index(name) for name in names(2)])
        fold.source_index(_SOURCE)
        head = await log.head(0)
        blocks: list[Block] = []
        times: list[float] = []
        with timed() as watch:
            for end in range(size, len(rows) + 1, size):
                contexts, cursor = rows[end - size : end].copy(), Cursor(record=end)
                begin = perf_counter()
                decided = fold.decide(contexts)
                taken = Taken(contexts=contexts, quarantined=(), cursor=cursor, first_symbol=known)
                blocks.append(record_batch(fold, taken, decided, head))
                head = await log.append(blocks[-1])
                times.append(perf_counter() - begin)
            await log.close()
        return _typical(watch, times, blocks), blocks

    with scratch_folder() as folder:
        return asyncio.run(run(folder))


def _append(blocks: Sequence[Block]) -> Cost:
    """Append ready-made blocks, each once the one before is durable."""

    async def run(folder: Path) -> Cost:
        log = writable_log(folder / "timed.log")
        await open_fold(log, setup(2))  # puts the objects that the first block cites
        times: list[float] = []
        with timed() as watch:
            for block in blocks:
                begin = perf_counter()
                await log.append(block)
                times.append(perf_counter() - begin)
            await log.close()
        return _typical(watch, times, blocks)

    with scratch_folder() as folder:
        return asyncio.run(run(folder))


def write_blocks(blocks: Sequence[Block]) -> Cost:
    """Write the bytes of the same blocks to the same table, each in a transaction of its own."""
    times: list[float] = []
    with bare_commits(blocks) as bare, timed() as watch:
        for commit in bare.commits:
            begin = perf_counter()
            commit()
            times.append(perf_counter() - begin)
        bare.close()
    return _typical(watch, times, blocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class BareCommits:
    """The driver at work by itself.

    Attributes:
        commits: For each block what writes it, in a transaction of its own.
        close: Moves into the table what is in the write-ahead log by then, and lets go.
    """

    commits: Sequence[Callable[[], object]]
    close: Callable[[], None]


@contextmanager
def bare_commits(blocks: Sequence[Block]) -> Iterator[BareCommits]:
    """Give what writes the bytes of the same blocks to the same table."""
    bodies = [block_values(block, commit_number=1) for block in blocks]
    with scratch_folder() as folder, closing(_raw(folder / "raw.db")) as driver:
        yield BareCommits(
            commits=[partial(driver.execute, INSERT_BLOCK, body) for body in bodies],
            close=driver.close,
        )


def _typical(watch: Stopwatch, times: Sequence[float], blocks: Sequence[Block]) -> Cost:
    """Return the cost of appending ``blocks`` had each taken the median time on the wall.

    A disk that others use stalls now and then; a few such stalls would outweigh all the rest. The
    CPU time is that of everything until the file is closed: the log moves its blocks from the
    write-ahead log into the table as it goes, the bare driver leaves all of them until the end.
    """
    wall_s = median(times) * len(times)
    return Cost(count=decisions_in(blocks), cpu_s=watch.cpu_s, wall_s=wall_s)


def _raw(path: Path) -> sqlite3.Connection:
    """Return a bare connection that is as durable as the log's: each insert is a transaction."""
    driver = sqlite3.connect(path, isolation_level=None)
    driver.execute("PRAGMA page_size = 32768")
    driver.execute("PRAGMA journal_mode = WAL")
    driver.execute("PRAGMA synchronous = FULL")
    driver.execute(CREATE_BLOCKS)
    return driver
