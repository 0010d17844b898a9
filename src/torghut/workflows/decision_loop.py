"""The decision loop: take a batch, decide it, make it durable, and only then go on to tell.

While one block is being made durable the next batch is decided; never more than one ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.recording import Taken, parse_cursor, record_batch
from torghut.decisions.snapshot import snapshot_key, take_snapshot
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.errors import CommitTimeoutError
from torghut.eventlog.ports import DecisionLog, Snapshot
from torghut.eventlog.verification import block_place
from torghut.kernel.clock import SteadyClock
from torghut.market.ports import Arrival, Batch, Cursor, Source
from torghut.schemas.control import ControlRecord
from torghut.schemas.rows import CONTEXT

T = TypeVar("T")

RowArray = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The receive times that a run takes in, both ends included; others are left unread."""

    from_ns: int = -(2**63)
    to_ns: int = 2**63 - 1


_EVERYTHING: Final = Window()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """How the loop cuts and keeps.

    Attributes:
        batch_records: Most records of a block.
        snapshot_blocks: Blocks between snapshots; one is also taken at the end.
        commit_budget_ms: Longest that making a block, or a snapshot, durable may take.
    """

    batch_records: int = 3500
    snapshot_blocks: int = 256
    commit_budget_ms: int = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long one block took, as measured; it is told beside the block and never in it.

    Attributes:
        decide_ns: From a batch in columns to a whole block: decided, hashed and packed.
        durable_ns: From then until the loop knew it durable. The next batch is decided meanwhile,
            so this is never shorter than the write was, and may be longer.
    """

    decide_ns: int
    durable_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A block that is durable, with what was in it; the arrays are valid until the next one.

    Attributes:
        block: As appended.
        head: The log's head after it.
        contexts: Shape (n,), numbered by the run's tables.
        decided: Their outcomes and rows.
        timing: How long it took; None where the run has no clock.
    """

    block: Block
    head: Head
    contexts: RowArray
    decided: Decided
    timing: Timing | None = None


Observer = Callable[[Committed], None]
"""Told of each block once it is durable, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One source to be decided into one log.

    Attributes:
        source: Where contexts come from.
        log: Where decisions become durable.
        fold: The memory as of the log's head.
        controls: Control records that are new at the start.
        window: What part of the source is taken.
        observer: Who is told.
        clock: Tells how much time has passed; None to measure nothing. Nothing it tells enters a
            decision or a block.
    """

    source: Source
    log: DecisionLog
    fold: DecisionFold
    controls: Sequence[ControlRecord] = ()
    window: Window = Window()
    observer: Observer = lambda _: None
    clock: SteadyClock | None = None
    settings: LoopSettings = LoopSettings()


async def run_loop(run: Run, *, partition: int = 0) -> Head:
    """Decide ``run.source`` from the log's input position to its end; return the new head.

    Raises:
        SourceError: The source cannot be read any further.
        LogWriteError: A block could not be made durable; nothing after it was told.
        CommitTimeoutError: Making a block or a snapshot durable took longer than its budget.
    """
    head = await run.log.head(partition)
    numberings = _numberings(run)
    in_flight: _InFlight | None = None
    try:
        for batch, arrivals in _batches(run, parse_cursor(head.cursor)):
            begun_ns = _now_ns(run)
            taken = _take(run, numberings, batch)
            decided = run.fold.decide(taken.contexts, arrivals)
            block = record_batch(run.fold, taken, decided, head)
            head = head_of(block)
            decide_ns = _now_ns(run) - begun_ns
            if in_flight is not None:
                done, in_flight = in_flight, None
                await _finish(run, done)
            committed = Committed(block=block, head=head, contexts=taken.contexts, decided=decided)
            in_flight = _send(run, committed, decide_ns=decide_ns)
            await asyncio.sleep(0)  # lets the append reach the writer before the next batch
            if (block.number + 1) % run.settings.snapshot_blocks == 0:
                done, in_flight = in_flight, None
                await _finish(run, done)
                await save_snapshot(run, head)
    finally:
        if in_flight is not None:
            await _finish(run, in_flight)
    return head


async def save_snapshot(run: Run, head: Head) -> None:
    """Keep the fold as of ``head``, so that the next start need not decide it all again.

    The heads are put on record with it: both are written together.

    Raises:
        LogWriteError: It could not be made durable.
        CommitTimeoutError: That took longer than its budget.
    """
    if head.number < 0:
        return
    task = _begin(keep_snapshot(run.log, snapshot_of(run.fold, head)))
    await _durable(run, task, what=f"the snapshot of {block_place(head.partition, head.number)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _InFlight:
    """A decided block on its way to the disk; its task tells how long it was under way."""

    committed: Committed
    decide_ns: int
    task: asyncio.Task[int]


def _send(run: Run, committed: Committed, *, decide_ns: int) -> _InFlight:
    """Send a block on its way."""
    task = _begin(_append(run, committed.block))
    return _InFlight(committed=committed, decide_ns=decide_ns, task=task)


async def _append(run: Run, block: Block) -> int:
    """Make a block durable and return how long that took, in ns."""
    begun_ns = _now_ns(run)
    await run.log.append(block)
    return _now_ns(run) - begun_ns


def snapshot_of(fold: DecisionFold, head: Head) -> Snapshot:
    """Return what is to be kept of ``fold`` as of ``head``, which is not before the first block."""
    return Snapshot(
        partition=head.partition,
        block_number=head.number,
        key=snapshot_key(fold),
        body=take_snapshot(fold),
    )


async def keep_snapshot(log: DecisionLog, snapshot: Snapshot) -> None:
    """Make a snapshot and the heads that it is of durable, in one commit where the store can."""
    causes = Causes(
        correlation_id=f"partition-{snapshot.partition}",
        causation_id=f"block-{snapshot.block_number}",
    )
    await asyncio.gather(log.save_snapshot(snapshot), log.seal_heads(causes))


async def _finish(run: Run, in_flight: _InFlight) -> None:
    """Wait until a block is durable, then tell of it."""
    block = in_flight.committed.block
    durable_ns = await _durable(
        run, in_flight.task, what=block_place(block.partition, block.number)
    )
    committed = in_flight.committed
    if run.clock is not None:
        timing = Timing(decide_ns=in_flight.decide_ns, durable_ns=durable_ns)
        committed = replace(committed, timing=timing)
    run.observer(committed)


def _begin(write: Coroutine[None, None, T]) -> asyncio.Task[T]:
    """Let a write begin; should it fail once nobody waits for it any more, that is no surprise."""
    task = asyncio.create_task(write)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _durable(run: Run, task: asyncio.Task[T], *, what: str) -> T:
    """Return what a write gives; one that takes too long is given up on, never cut off half-way.

    Raises:
        CommitTimeoutError: It takes longer than its budget.
    """
    budget_ms = run.settings.commit_budget_ms
    done, _ = await asyncio.wait([task], timeout=budget_ms / 1000)
    if not done:
        raise CommitTimeoutError(what=what, budget_ms=budget_ms)
    return task.result()


def _now_ns(run: Run) -> int:
    """Return what the run's clock tells, 0 without one."""
    return 0 if run.clock is None else run.clock.now_ns()


def _batches(run: Run, after: Cursor) -> Iterator[tuple[Batch, Sequence[Arrival]]]:
    """Yield what the window leaves of the source, with the control records of each batch."""
    arrivals = [Arrival(row=0, record=record) for record in run.controls]
    for batch in run.source.batches(after=after, max_records=run.settings.batch_records):
        kept = _within(batch, run.window)
        arrivals += kept.controls
        if len(kept.contexts) or kept.quarantined or arrivals:
            yield kept, arrivals
            arrivals = []
    if arrivals:
        yield Batch(contexts=np.zeros(0, CONTEXT), cursor=after), arrivals


def _within(batch: Batch, window: Window) -> Batch:
    """Return ``batch`` without the contexts outside the window."""
    if window == _EVERYTHING:
        return batch
    receive_ns = batch.contexts["receive_ns"]
    inside = (receive_ns >= window.from_ns) & (receive_ns <= window.to_ns)
    if inside.all():
        return batch
    before = np.concatenate([[0], np.cumsum(inside)])
    return Batch(
        contexts=batch.contexts[inside],
        quarantined=batch.quarantined,
        controls=[Arrival(row=int(before[a.row]), record=a.record) for a in batch.controls],
        cursor=batch.cursor,
    )


@dataclass(slots=True, kw_only=True)
class _Numbering:
    """How a source's own table is numbered in the run's, as far as it was met.

    Attributes:
        index_of: Gives the run's number for one of the source's.
        table: By the source's number; -1 where it was not met yet.
    """

    index_of: Callable[[int], int]
    table: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def of(self, numbers: npt.NDArray[np.integer[npt.NBitBase]]) -> npt.NDArray[np.int64]:
        """Return ``numbers``, shape (n,), as the run's; new ones in order of appearance."""
        missing = int(numbers.max(initial=0)) + 1 - len(self.table)
        if missing > 0:
            self.table = np.concatenate([self.table, np.full(missing, -1)])
        found = self.table[numbers]
        if not np.any(found < 0):
            return found
        new, first = np.unique(numbers[found < 0], return_index=True)
        for number in new[np.argsort(first)].tolist():
            self.table[number] = self.index_of(number)
        return self.table[numbers]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numberings:
    """How the source's tables are numbered in the run's."""

    symbols: _Numbering
    sources: _Numbering


def _numberings(run: Run) -> _Numberings:
    """Return the numberings of a run that is about to begin."""
    fold, source = run.fold, run.source  # what a source describes may grow while it is read
    return _Numberings(
        symbols=_Numbering(index_of=lambda i: fold.symbol_index(source.description.symbols[i])),
        sources=_Numbering(
            index_of=lambda i: fold.source_index(source.description.parts[i].digest)
        ),
    )


def _take(run: Run, numberings: _Numberings, batch: Batch) -> Taken:
    """Return a batch renumbered from its source's tables to the run's own."""
    contexts = batch.contexts.copy()
    known = len(run.fold.symbols)
    contexts["symbol"] = numberings.symbols.of(contexts["symbol"])
    contexts["source"] = numberings.sources.of(contexts["source"])
    parts = run.source.description.parts
    return Taken(
        contexts=contexts,
        quarantined=[(parts[q.part].digest, q) for q in batch.quarantined],
        cursor=batch.cursor,
        first_symbol=known,
    )
