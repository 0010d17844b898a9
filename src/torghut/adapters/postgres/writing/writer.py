"""Everything that changes a log: one lane for each partition, one for the events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from asyncpg import Connection as Session
from sqlalchemy.ext.asyncio import AsyncConnection

from torghut.adapters.postgres.archives.records import Archive
from torghut.adapters.postgres.layout import INSERT_OBJECT
from torghut.adapters.postgres.witness import Witness
from torghut.adapters.postgres.writing.attempts import Attempts, Statement
from torghut.adapters.postgres.writing.blocks import (
    Known,
    PartitionTransaction,
    append_at_once,
    begin_partition,
)
from torghut.adapters.postgres.writing.events import Addition, EventsTransaction, begin_events
from torghut.adapters.postgres.writing.lanes import (
    Job,
    Lane,
    Meanwhile,
    Outcome,
    done_together,
    tell_meanwhile,
)
from torghut.adapters.postgres.writing.recording import record_archive
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import CommitTimeoutError
from torghut.eventlog.ports import Claim, Snapshot
from torghut.kernel.digests import sha256_hex

T = TypeVar("T")

_BLOCKS_AT_ONCE: Final = 16
_EVENTS_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What was committed on a partition.

    Attributes:
        known: What the handle knows of it from now on.
        durable: Heads that its caller may be told of.
        outcomes: What each job came to.
    """

    known: Known
    durable: Sequence[Head]
    outcomes: Sequence[Outcome]


class Writer:
    """The writing half of a handle; lives in the handle's own loop.

    Args:
        attempts: Does transactions.
        start: Lets a task go on by itself.
        witness: Is told what is durable before those are who wait for it; None: nobody is.
    """

    def __init__(
        self,
        attempts: Attempts,
        start: Callable[[Coroutine[object, object, None]], None],
        witness: Witness | None = None,
    ) -> None:
        self._attempts = attempts
        self._witness = witness
        self._start = start
        self._known: dict[int, Known] = {}
        self._objects: set[str] = set()
        self._partitions: dict[int, Lane[PartitionTransaction]] = {}
        self._events: Lane[EventsTransaction] = Lane(
            start, self._commit_events, at_once=_EVENTS_AT_ONCE
        )

    async def append(self, block: Block, meanwhile: Meanwhile | None) -> Head:
        """Add ``block`` to its partition."""
        lane = self._lane(block.partition)
        return await lane.submit(lambda one: one.append(block), block=block, meanwhile=meanwhile)

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep ``snapshot``."""
        lane = self._lane(snapshot.partition)
        await lane.submit(lambda one: one.save_snapshot(snapshot))

    async def claim(self, partition: int, holder: str) -> Claim:
        """Claim ``partition``."""
        return await self._lane(partition).submit(lambda one: one.claim(holder))

    async def check_claimed(self, partition: int) -> None:
        """Check that ``partition`` is claimed by nobody else."""
        await self._lane(partition).submit(lambda one: one.check_claimed())

    async def put_object(self, body: bytes) -> str:
        """Keep ``body`` under its digest."""
        digest = sha256_hex(body)

        async def put(connection: AsyncConnection, _doubtful: bool) -> None:  # noqa: FBT001 -- as told
            await connection.execute(INSERT_OBJECT, {"digest": digest, "body": body})

        if digest not in self._objects:
            await self._attempts.transact(put)
            self._objects.add(digest)
        return digest

    async def append_events(self, addition: Addition) -> int:
        """Append events to a stream."""
        return await self._events.submit(
            lambda one: one.append(addition), streams=(addition.stream,)
        )

    async def seal_heads(self, stream: str, recorded_at_ns: int, causes: Causes) -> None:
        """Put the heads on record in the log's own stream."""
        await self._events.submit(
            lambda one: one.seal_heads(stream, recorded_at_ns=recorded_at_ns, causes=causes),
            streams=(stream,),
        )

    async def record_archive(
        self, archive: Archive, stream: str, recorded_at_ns: int, causes: Causes
    ) -> None:
        """Delete the rows of ``archive`` and put it on record, in one transaction."""
        await self._events.submit(
            lambda one: record_archive(
                one, archive, stream=stream, recorded_at_ns=recorded_at_ns, causes=causes
            ),
            streams=(stream,),
        )

    async def take_over(self, envelopes: Sequence[Envelope]) -> int:
        """Append events of another log as they are; return the position of the last event."""
        streams = tuple({envelope.stream for envelope in envelopes})
        return await self._events.submit(lambda one: one.take_over(envelopes), streams=streams)

    async def finish(self, *, budget_ms: int) -> None:
        """Wait for what is under way.

        Raises:
            CommitTimeoutError: It does not end within the budget.
        """
        try:
            async with asyncio.timeout(budget_ms / 1000):
                await self._events.idle.wait()
                for lane in self._partitions.values():
                    await lane.idle.wait()
        except TimeoutError as error:
            raise CommitTimeoutError(what="closing the log", budget_ms=budget_ms) from error
        finally:
            try:
                await self._attempts.close()
            finally:
                if self._witness is not None:
                    await asyncio.to_thread(self._witness.close, budget_ms=budget_ms)

    def _lane(self, partition: int) -> Lane[PartitionTransaction]:
        """Return the lane of ``partition``."""
        lane = self._partitions.get(partition)
        if lane is None:
            self._known[partition] = Known()
            commit = partial(self._commit_partition, partition)
            lane = Lane(self._start, commit, at_once=_BLOCKS_AT_ONCE)
            self._partitions[partition] = lane
        return lane

    async def _commit_partition(
        self, partition: int, jobs: Sequence[Job[PartitionTransaction]]
    ) -> Sequence[Outcome]:
        """Do ``jobs`` in one transaction on ``partition``, in one statement where that will do."""
        known = self._known[partition]

        async def work(
            connection: AsyncConnection,
            doubtful: bool,  # noqa: FBT001 -- as told
        ) -> _Kept:
            transaction = await begin_partition(
                connection, partition, doubtful=doubtful, known=known, objects=self._objects
            )
            outcomes = await done_together(jobs, transaction)
            tell_meanwhile(jobs, outcomes)
            return _Kept(
                known=transaction.now_known, durable=transaction.durable, outcomes=outcomes
            )

        kept = await self._attempts.transact(work, at_once=self._at_once(jobs, known))
        self._known[partition] = kept.known
        if self._witness is not None:
            for head in kept.durable:
                self._witness.saw_head(head)
        return kept.outcomes

    def _at_once(
        self, jobs: Sequence[Job[PartitionTransaction]], known: Known
    ) -> Statement[_Kept] | None:
        """Return what appends the block of the only one of ``jobs``; None where more must be done.

        Its block follows what this handle was told last, and cites what it has seen.
        """
        job, block = jobs[0], jobs[0].block
        if len(jobs) > 1 or block is None or block.number != known.number + 1:
            return None
        if not self._objects.issuperset(block.cites):
            return None

        async def append(session: Session) -> _Kept | None:
            if job.meanwhile is not None:
                # Called once this waits: the statement was sent then.
                asyncio.get_running_loop().call_soon(job.meanwhile.tell)
            if not await append_at_once(session, block, known):
                return None
            head = head_of(block)
            now_known = Known(epoch=known.epoch, number=head.number)
            return _Kept(known=now_known, durable=[head], outcomes=[head])

        return append

    async def _commit_events(self, jobs: Sequence[Job[EventsTransaction]]) -> Sequence[Outcome]:
        """Do ``jobs`` in one transaction on the events."""

        async def work(
            connection: AsyncConnection,
            _doubtful: bool,  # noqa: FBT001 -- as told
        ) -> tuple[EventsTransaction, Sequence[Outcome]]:
            streams = [stream for job in jobs for stream in job.streams]
            transaction = await begin_events(connection, streams)
            outcomes = await done_together(jobs, transaction)
            await transaction.finish()
            return transaction, outcomes

        transaction, outcomes = await self._attempts.transact(work)
        if self._witness is not None and transaction.added:
            last = transaction.added[-1]
            self._witness.saw_event(last.position, last.digest)
        return outcomes
