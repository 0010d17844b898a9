"""The live service: from a context handed in to its durable decision, alone and many at once."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from typing_extensions import override

from benchmarks.blocks import bare_commits, write_blocks
from benchmarks.figures import Goal, Line, Quantity, Result, percentile, spread
from benchmarks.market import MODEL, fresh_fold, installed_setup, quotes
from benchmarks.rounds import Effort, scratch_folder
from torghut.composition import logs, machine, serving, standby
from torghut.eventlog.block import Block
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.assembly import LiveWorker, Parts, assemble
from torghut.workflows.live.offers import parse_offered
from torghut.workflows.live.standing import Identity
from torghut.workflows.live.switch_ports import SwitchFolder, ThrownSwitch, WorkerPage

_ALONE: Final = 400
_TOGETHER: Final = 6_400
_AT_ONCE: Final = 64
_WARM: Final = 100
_US: Final = 1e6
_MS: Final = 1e3
_SYMBOLS: Final = 64
_BATCHES: Final = 400
_BASELINE: Final = "a bare commit of the same blocks, one after each context"
_ALONE_GOALS: Final = (Goal(quantity=Quantity.WALL_RATIO, most=1.3),)
_TOGETHER_GOALS: Final = (Goal(quantity=Quantity.WALL, least=10_000),)
_BATCH_GOALS: Final = (Goal(quantity=Quantity.WALL, most=2.0),)


def measure_live(effort: Effort) -> Iterator[Result]:
    """Measure the live loop in process: one context in flight, 64, and a full batch."""
    alone = [_alone() for _ in range(effort.rounds)]
    yield Line(
        measurement="context handed in to durable decision, one in flight, p50",
        unit="us",
        wall=median(one.ours_us for one in alone),
        baseline=_BASELINE,
        wall_ratio=median(one.ours_us / one.bare_us for one in alone),
        goals=_ALONE_GOALS,
        spread_ratio=spread([one.ours_us for one in alone]),
        note=(
            f"the bare commit takes {median(one.bare_us for one in alone):.0f} us at this pace and "
            f"{median(one.row_us for one in alone):.0f} us in a row; the log's append of a block "
            f"that is made already, which keeps a stalled disk off the event loop by a thread of "
            f"its own, takes {median(one.append_us for one in alone):.0f} us"
        ),
    )
    rates = [_together() for _ in range(effort.rounds)]
    yield Line(
        measurement=f"contexts handed in to durable decisions, {_AT_ONCE} in flight",
        unit="decisions/s",
        wall=median(rates),
        goals=_TOGETHER_GOALS,
        spread_ratio=spread(rates),
    )
    size = standby.live_policy().loop.batch_records
    both, alone_s = _full_batches(size, shadow_router=True), _full_batches(size)
    yield Line(
        measurement=f"a batch of {size} contexts of {_SYMBOLS} symbols in the kernel, p99",
        unit="ms",
        wall=percentile(both, 0.99) * _MS,
        baseline="the same without a shadow",
        wall_ratio=median(both) / median(alone_s),
        goals=_BATCH_GOALS,
        note=(
            f"the most that a live block takes; nothing else happens in its process meanwhile; "
            f"{median(both) * _MS:.2f} ms at the median"
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alone:
    """Median times of one context, and of its block: committed bare, appended, bare in a row."""

    ours_us: float
    bare_us: float
    append_us: float
    row_us: float


def _alone() -> _Alone:
    """Hand in one context after the other, each once the one before is told.

    A disk and a processor that rest in between answer later than busy ones, so the bare commit of
    such a block is measured at the same pace: one after each context.
    """
    times: list[tuple[float, float, float]] = []

    async def make(worker: LiveWorker) -> None:
        for number in range(_WARM + _ALONE):
            await worker.desk.decide([parse_offered(_context(number))])

    made = machine.run_service(_worked(make))

    async def work(worker: LiveWorker) -> None:
        with bare_commits(made.blocks) as bare, scratch_folder() as folder:
            log = logs.writable_log(folder / "beside.log")
            for body in made.objects:
                await log.put_object(body)
            for number, (block, commit) in enumerate(zip(made.blocks, bare.commits, strict=True)):
                sent = _context(number)
                begin = perf_counter()
                await worker.desk.decide([parse_offered(sent)])
                told = perf_counter()
                commit()
                committed = perf_counter()
                await log.append(block)
                times.append((told - begin, committed - told, perf_counter() - committed))
            await log.close()

    machine.run_service(_worked(work))
    ours_s, bare_s, append_s = (median(column) for column in zip(*times[_WARM:], strict=True))
    return _Alone(
        ours_us=ours_s * _US,
        bare_us=bare_s * _US,
        append_us=append_s * _US,
        row_us=write_blocks(made.blocks).wall_s / len(made.blocks) * _US,
    )


def _together() -> float:
    """Hand in contexts, 64 at any time; return decisions a second on the wall."""
    took: list[float] = []

    async def work(worker: LiveWorker) -> None:
        for numbers in (range(_WARM), range(_WARM, _WARM + _TOGETHER)):
            sent = iter([_context(number) for number in numbers])
            begin = perf_counter()
            await asyncio.gather(*(_one_by_one(worker, sent) for _ in range(_AT_ONCE)))
            took.append(perf_counter() - begin)

    machine.run_service(_worked(work))
    return _TOGETHER / took[-1]


def _full_batches(size: int, *, shadow_router: bool = False) -> Sequence[float]:
    """Return how long each batch of so many contexts took in the kernel, in s, once it is warm."""
    fold = fresh_fold(_SYMBOLS, shadow_router=shadow_router)
    rows = quotes(size * (_BATCHES + _WARM), symbols=_SYMBOLS)
    times: list[float] = []
    for end in range(size, len(rows) + 1, size):
        batch = rows[end - size : end].copy()
        begin = perf_counter()
        fold.decide(batch)
        times.append(perf_counter() - begin)
    return times[_WARM:]


async def _one_by_one(worker: LiveWorker, sent: Iterator[bytes]) -> None:
    """Hand in the next context once the one before is told, until there are no more."""
    for context in sent:
        await worker.desk.decide([parse_offered(context)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What came of a worker's work: its blocks, and the objects that they cite."""

    blocks: Sequence[Block]
    objects: Sequence[bytes]


async def _worked(work: Callable[[LiveWorker], Awaitable[None]]) -> _Made:
    """Let ``work`` be done on a worker of its own; return what came of it."""
    with scratch_folder() as folder:
        async with _worker(folder) as worker:
            await work(worker)
        log = logs.readable_log(folder / "live.log")
        try:
            blocks = [block async for block in log.blocks(0)]
            cited = sorted({digest for block in blocks for digest in block.cites})
            return _Made(blocks=blocks, objects=[await log.get_object(one) for one in cited])
        finally:
            await log.close()


class _NoSwitches(SwitchFolder):
    """A folder of switch files in which nothing ever is."""

    @override
    def prepare(self) -> None:
        return

    @override
    def thrown(self) -> Sequence[ThrownSwitch]:
        return ()

    @override
    def retire(self, name: str, throw_id: str) -> None:
        return


class _NoPage(WorkerPage):
    """A page that nobody reads."""

    @override
    def write(self, status: WorkerStatus) -> None:
        return

    @override
    def close(self) -> None:
        return


@asynccontextmanager
async def _worker(folder: Path) -> AsyncIterator[LiveWorker]:
    """Give a worker that decides into a log in ``folder``, without doors."""
    keeper = serving.log_keeper(folder / "live.log")
    steady = standby.steady_clock()
    worker = assemble(
        Parts(
            keeper=keeper,
            setup=installed_setup(),
            policy=standby.live_policy(),
            wall=standby.wall_clock(),
            steady=steady,
            ids=standby.ids(),
            folder=_NoSwitches(),
            page=_NoPage(),
            identity=Identity(
                worker="bench", pid=os.getpid(), log="live.log", source="api:", revision="r1"
            ),
            speed=1.0,
            takes_offers=True,
        )
    )
    await worker.begin()
    deciding = asyncio.ensure_future(worker.loop.run())
    try:
        yield worker
    finally:
        worker.desk.close()
        await deciding
        await keeper.close()


def _context(number: int) -> bytes:
    """Return a quote as a sender writes it."""
    price = 1.3 + 1e-5 * (number % 7)
    quote = {"feed": "bench", "symbol": MODEL, "sequence": number, "bid": price, "ask": price}
    return json.dumps(quote).encode()
