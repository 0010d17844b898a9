"""The log in PostgreSQL: every port of it, asked from any loop, at work in one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.budgets import Budgets
from torghut.adapters.postgres.own_loop import OwnLoop
from torghut.adapters.postgres.reading.reader import Reader
from torghut.adapters.postgres.reading.verifying import Audit
from torghut.adapters.postgres.writing.archiver import Archiver
from torghut.adapters.postgres.writing.events import Addition
from torghut.adapters.postgres.writing.lanes import Meanwhile
from torghut.adapters.postgres.writing.writer import Writer
from torghut.adapters.sqlite.heads.lines import HeadLine
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import LogWriteError, Obstacle
from torghut.eventlog.events import log_stream
from torghut.eventlog.ports import Claim, EventStore, PartitionClaims, Snapshot
from torghut.eventlog.verification import Tally, VerifyProgress, VerifyReport
from torghut.kernel.clock import WallClock
from torghut.schemas.block import BlocksArchived
from torghut.schemas.types import Message
from torghut.workflows.archiving import ArchivedLog, Closed
from torghut.workflows.moving import CopiedLog

T = TypeVar("T")

_AT_ONCE_MAX: Final = 32
_AT_ONCE_BYTES: Final = 1 << 22
"""Blocks that are read at once, and bytes that they may hold together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a handle holds until it is closed.

    Attributes:
        archiver: Takes closed blocks out of the database.
        seen: What the database had acknowledged, by chain, when the log was opened.
    """

    loop: OwnLoop
    engine: AsyncEngine
    budgets: Budgets
    archiver: Archiver
    seen: Mapping[str, HeadLine]


class PostgresLog(EventStore, CopiedLog, ArchivedLog, PartitionClaims):
    """A handle of a log; made by ``open_log`` or ``read_log``.

    Attributes:
        address: Of the database.
        log_id: The log's name.
        archive_bytes: What one file of archived blocks may hold, uncompressed.
    """

    archive_bytes: int = 1 << 25

    def __init__(
        self,
        address: Address,
        resources: Resources,
        *,
        log_id: str,
        clock: WallClock,
        reader: Reader,
        writer: Writer | None = None,
    ) -> None:
        self.address = address
        self.log_id = log_id
        self._resources = resources
        self._clock = clock
        self._reader = reader
        self._writer = writer
        self._closed = False

    @override
    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        spare = None
        if meanwhile is not None:
            spare = Meanwhile(loop=asyncio.get_running_loop(), call=meanwhile)
        return await self._ask(self._writing().append(block, spare))

    @override
    async def claim(self, partition: int, holder: str, /) -> Claim:
        return await self._ask(self._writing().claim(partition, holder))

    @override
    async def check_claimed(self, partition: int, /) -> None:
        await self._ask(self._writing().check_claimed(partition))

    @override
    async def head(self, partition: int, /) -> Head:
        return await self._ask(self._reader.head(partition))

    @override
    async def partitions(self) -> Sequence[int]:
        return [head.partition for head in await self._ask(self._reader.heads())]

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        before = await self._ask(self._reader.head_at(partition, after))
        at_once = 1
        while found := await self._ask(self._reader.next_blocks(before, at_once)):
            for block in found:
                yield block
            before = head_of(found[-1])
            size = max(len(found[-1].inputs) + sum(len(a.rows) for a in block.arms.values()), 1)
            at_once = max(1, min(2 * at_once, _AT_ONCE_MAX, _AT_ONCE_BYTES // size))

    @override
    async def put_object(self, body: bytes, /) -> str:
        return await self._ask(self._writing().put_object(body))

    @override
    async def get_object(self, digest: str, /) -> bytes:
        return await self._ask(self._reader.get_object(digest))

    @override
    async def save_snapshot(self, snapshot: Snapshot, /) -> None:
        await self._ask(self._writing().save_snapshot(snapshot))

    @override
    async def load_snapshot(self, partition: int, key: str, /) -> Snapshot | None:
        return await self._ask(self._reader.load_snapshot(partition, key))

    @override
    async def seal_heads(self, causes: Causes, /) -> None:
        at_ns = self._clock.now_ns()
        await self._ask(self._writing().seal_heads(log_stream(self.log_id), at_ns, causes))

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        addition = Addition(
            stream=stream,
            events=tuple(events),
            expected_version=expected_version,
            recorded_at_ns=self._clock.now_ns(),
            causes=causes,
        )
        return await self._ask(self._writing().append_events(addition))

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        return await self._ask(self._reader.read_events(stream, after))

    @override
    async def events_after(self, position: int, limit: int, /) -> Sequence[Envelope]:
        return await self._ask(self._reader.events_after(position, limit))

    @override
    async def take_over(self, envelopes: Sequence[Envelope], /) -> int:
        return await self._ask(self._writing().take_over(tuple(envelopes)))

    @override
    async def object_digests(self, after: str, limit: int, /) -> Sequence[str]:
        return await self._ask(self._reader.object_digests(after, limit))

    @override
    async def snapshot_keys(self) -> Sequence[tuple[int, str]]:
        return await self._ask(self._reader.snapshot_keys())

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        return await self._ask(self._reader.streams(prefix))

    @override
    async def closed(self, partition: int, /, *, keep_blocks: int) -> Closed:
        return await self._ask(self._resources.archiver.closed(partition, keep_blocks))

    @override
    async def archive(self, closed: Closed, causes: Causes, /) -> BlocksArchived:
        writer, stream = self._writing(), log_stream(self.log_id)
        archive = await self._ask(self._resources.archiver.keep(closed, self.archive_bytes))
        at_ns = self._clock.now_ns()
        await self._ask(writer.record_archive(archive, stream, at_ns, causes))
        return archive.event()

    @override
    async def verify(
        self,
        *,
        expect: Head | None = None,
        progress: Callable[[VerifyProgress], None] | None = None,
    ) -> VerifyReport:
        heads = await self._ask(self._reader.heads())
        total = sum(head.number + 1 for head in heads)
        tally = Tally(expect=expect)
        audit = Audit(reader=self._reader, tally=tally, heads=heads, seen=self._resources.seen)
        steps = audit.steps()
        while await self._ask(_goes_on(steps)):
            if progress is not None:
                progress(VerifyProgress(blocks=tally.blocks, blocks_total=total))
        return tally.report()

    @override
    async def close(self) -> None:
        if self._closed:
            return
        try:
            await self._ask(self._let_go())
        finally:
            self._closed = True
            await asyncio.to_thread(self._resources.loop.close)

    async def _let_go(self) -> None:
        """Finish what is under way and close the sessions."""
        try:
            if self._writer is not None:
                await self._writer.finish(budget_ms=self._resources.budgets.close_ms)
        finally:
            await self._resources.engine.dispose()

    async def _ask(self, work: Coroutine[object, object, T]) -> T:
        """Return what ``work`` comes to in the handle's own loop."""
        if self._closed:
            work.close()
            raise LogWriteError(obstacle=Obstacle.CLOSED, detail=f"{self.address.name} was closed")
        return await self._resources.loop.ask(work)

    def _writing(self) -> Writer:
        """Return what writes.

        Raises:
            LogWriteError: The log was opened for reading.
        """
        if self._writer is None:
            raise LogWriteError(
                obstacle=Obstacle.READ_ONLY, detail=f"{self.address.name} was opened for reading"
            )
        return self._writer


async def _goes_on(steps: AsyncIterator[None]) -> bool:
    """Take one step; say whether there was one."""
    return await anext(steps, steps) is None
