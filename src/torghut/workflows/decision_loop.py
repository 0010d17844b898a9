"""The decision loop: take a batch, decide it, make it durable, and only then go on to tell.

While one block is being made durable the next batch is decided; never more than one ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.snapshot import snapshot_key, take_snapshot
from torghut.decisions.recording import Taken, parse_cursor, record_batch
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.ports import DecisionLog, Snapshot
from torghut.market.ports import Arrival, Batch, Cursor, Source
from torghut.schemas.control import ControlRecord
from torghut.schemas.rows import CONTEXT

RowArray = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The receive times that a run takes in, both ends included; others are left unread."""

    from_ns: int = 0
    to_ns: int = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSettings:
    """How the loop cuts and keeps.

    Attributes:
        batch_records: Most records of a block.
        snapshot_blocks: Blocks between snapshots; one is also taken at the end.
        commit_budget_ms: Longest that making a block durable may take.
    """

    batch_records: int = 2000
    snapshot_blocks: int = 256
    commit_budget_ms: int = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A block that is durable, with what was in it; the arrays are valid until the next one.

    Attributes:
        block: As appended.
        head: The log's head after it.
        contexts: Shape (n,), numbered by the run's tables.
        decided: Their outcomes and rows.
    """

    block: Block
    head: Head
    contexts: RowArray
    decided: Decided


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
    """

    source: Source
    log: DecisionLog
    fold: DecisionFold
    controls: Sequence[ControlRecord] = ()
    window: Window = Window()
    observer: Observer = lambda _: None
    settings: LoopSettings = LoopSettings()


async def run_loop(run: Run, *, partition: int = 0) -> Head:
    """Decide ``run.source`` from the log's input position to its end; return the new head.

    Raises:
        SourceError: The source cannot be read any further.
        LogWriteError: A block could not be made durable; nothing after it was told.
        TimeoutError: Making a block durable took longer than its budget.
    """
    head = await run.log.head(partition)
    in_flight: _InFlight | None = None
    try:
        for batch, arrivals in _batches(run, parse_cursor(head.cursor)):
            taken = _take(run, batch)
            decided = run.fold.decide(taken.contexts, arrivals)
            block = record_batch(run.fold, taken, decided, head)
            head = head_of(block)
            if in_flight is not None:
                done, in_flight = in_flight, None
                await _finish(run, done)
            in_flight = _InFlight(
                committed=Committed(
                    block=block, head=head, contexts=taken.contexts, decided=decided
                ),
                task=asyncio.create_task(run.log.append(block)),
            )
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
    """Keep the fold as of ``head``, so that the next start need not decide it all again."""
    if head.number < 0:
        return
    await run.log.save_snapshot(
        Snapshot(
            partition=head.partition,
            block_number=head.number,
            key=snapshot_key(run.fold),
            body=take_snapshot(run.fold),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _InFlight:
    """A decided block on its way to the disk."""

    committed: Committed
    task: asyncio.Task[Head]


async def _finish(run: Run, in_flight: _InFlight) -> None:
    """Wait until a block is durable, then tell of it."""
    async with asyncio.timeout(run.settings.commit_budget_ms / 1000):
        # Shielded: a write that takes too long is given up on, never cut off half-way.
        await asyncio.shield(in_flight.task)
    run.observer(in_flight.committed)


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


def _take(run: Run, batch: Batch) -> Taken:
    """Return a batch renumbered from its source's tables to the run's own."""
    fold, description = run.fold, run.source.description
    contexts = batch.contexts.copy()
    known = len(fold.symbols)
    contexts["symbol"] = _renumber(
        contexts["symbol"], lambda i: fold.symbol_index(description.symbols[i])
    )
    contexts["source"] = _renumber(
        contexts["source"], lambda i: fold.source_index(description.parts[i].digest)
    )
    return Taken(
        contexts=contexts,
        quarantined=[(description.parts[q.part].digest, q) for q in batch.quarantined],
        cursor=batch.cursor,
        first_symbol=known,
    )


def _renumber(
    numbers: npt.NDArray[np.integer[npt.NBitBase]], index_of: Callable[[int], int]
) -> npt.NDArray[np.int64]:
    """Return ``numbers``, shape (n,), each replaced by ``index_of`` it, in order of appearance."""
    distinct, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    table = np.zeros(len(distinct), np.int64)
    for place in np.argsort(first):
        table[place] = index_of(int(distinct[place]))
    return table[inverse]
