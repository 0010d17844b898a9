"""The log in SQLite: both ports over one writing thread and one reading thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from typing_extensions import override

from torghut.adapters.filesystem.writing import sync_folder
from torghut.adapters.sqlite.database import (
    DEFAULTS,
    SqliteOptions,
    check_layout,
    create_tables,
    open_for_reading,
    open_for_writing,
)
from torghut.adapters.sqlite.ends import Ends
from torghut.adapters.sqlite.faults import reading_of, writing_to
from torghut.adapters.sqlite.heads.anchor import Anchor
from torghut.adapters.sqlite.heads.lines import (
    RememberedHeads,
    heads_path,
)
from torghut.adapters.sqlite.opening import check_heads, compare_with_heads, heads_for_new
from torghut.adapters.sqlite.reader import Reader
from torghut.adapters.sqlite.verifying import Audit
from torghut.adapters.sqlite.writer_lock import WriterLock
from torghut.adapters.sqlite.writing.transaction import Transaction
from torghut.adapters.sqlite.writing.writer import Answer, Writer
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import (
    CommitTimeoutError,
    LogMissingError,
    LogWriteError,
    Obstacle,
)
from torghut.eventlog.events import heads_sealed, log_stream
from torghut.eventlog.ports import DecisionLog, EventFeed, EventStore, Snapshot
from torghut.eventlog.verification import Tally, VerifyProgress, VerifyReport
from torghut.kernel.clock import IdSource, WallClock
from torghut.schemas.types import Message

T = TypeVar("T")

_AT_ONCE_MAX: Final = 32
"""Small blocks that are read at once: handing over to a thread costs as much as reading one."""


class Access(Enum):
    """What a log is opened for."""

    READ = auto()
    INSPECT = auto()  # to verify: opens also what would be refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What only a log that is open for writing has.

    Attributes:
        clock: Tells when events were recorded.
        ends: As of the last commit, kept so by the writer.
        anchor: The heads file.
        close_budget_ms: Longest wait for each of them when the log is closed.
    """

    clock: WallClock
    ends: Ends
    writer: Writer
    anchor: Anchor
    close_budget_ms: int

    def close(self) -> None:
        """Finish what is under way.

        Raises:
            CommitTimeoutError: It does not end; nothing that it uses may be let go of.
        """
        self.writer.close(budget_ms=self.close_budget_ms)
        self.anchor.close(budget_ms=self.close_budget_ms)


class FutureAnswer(Answer, Generic[T]):
    """An answer that a task waits for, given from the writing thread.

    Args:
        loop: Of the task.
        meanwhile: What the loop may do while only the disk is waited for.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, meanwhile: Callable[[], None] | None = None
    ) -> None:
        self._loop = loop
        self._meanwhile = meanwhile
        self.future: asyncio.Future[T] = loop.create_future()

    @override
    def wanted(self) -> bool:
        return not self.future.cancelled()

    @override
    def committing(self) -> None:
        if self._meanwhile is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._meanwhile)

    @override
    def give(self, result: object) -> None:
        self._tell(self.future.set_result, result)

    @override
    def refuse(self, error: Exception) -> None:
        self._tell(self.future.set_exception, error)

    def _settle(self, settle: Callable[[Any], None], value: object) -> None:
        if not self.future.done():  # cancelled meanwhile, or told already
            settle(value)

    def _tell(self, settle: Callable[[Any], None], value: object) -> None:
        with suppress(RuntimeError):  # the loop has ended, so nobody waits
            self._loop.call_soon_threadsafe(self._settle, settle, value)


class SqliteLog(DecisionLog, EventStore, EventFeed):
    """A log in one file; made by ``open_log`` or ``read_log``.

    Attributes:
        path: Of the database.
        log_id: The log's name, the same in the database and in its heads file.
        repaired_lines: Lines of the heads file that a crash had taken and opening wrote again.
    """

    def __init__(
        self,
        path: Path,
        reader: Reader,
        *,
        log_id: str,
        resources: ExitStack,
        writing: Writing | None = None,
        repaired_lines: int = 0,
    ) -> None:
        self._reader = reader
        self._resources = resources
        self._writing = writing
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torghut-log-reader")
        self._closed = False
        self.path = path
        self.log_id = log_id
        self.repaired_lines = repaired_lines

    @override
    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        return await self._write(lambda transaction: transaction.append(block), meanwhile)

    @override
    async def head(self, partition: int, /) -> Head:
        if self._writing is not None:
            return self._writing.ends.head(partition)
        return await self._read(lambda: self._reader.head(partition))

    @override
    async def partitions(self) -> Sequence[int]:
        if self._writing is not None:
            return sorted(self._writing.ends.heads)
        return await self._read(self._reader.partitions)

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        before = await self._read(lambda: self._reader.head_at(partition, after))
        at_once = 1
        while found := await self._read(partial(self._reader.next_blocks, before, at_once)):
            for block in found:
                yield block
            before = head_of(found[-1])
            at_once = min(2 * at_once, _AT_ONCE_MAX)

    @override
    async def put_object(self, body: bytes, /) -> str:
        return await self._write(lambda transaction: transaction.put_object(body))

    @override
    async def get_object(self, digest: str, /) -> bytes:
        return await self._read(lambda: self._reader.get_object(digest))

    @override
    async def save_snapshot(self, snapshot: Snapshot, /) -> None:
        await self._write(lambda transaction: transaction.save_snapshot(snapshot))

    @override
    async def load_snapshot(self, partition: int, key: str, /) -> Snapshot | None:
        return await self._read(lambda: self._reader.load_snapshot(partition, key))

    @override
    async def seal_heads(self, causes: Causes, /) -> None:
        recorded_at_ns = self._now_ns()
        stream = log_stream(self.log_id)
        await self._write(
            lambda transaction: transaction.append_events(
                stream,
                [heads_sealed(transaction.heads())],
                expected_version=transaction.stream_version(stream),
                recorded_at_ns=recorded_at_ns,
                causes=causes,
            )
        )

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        recorded_at_ns = self._now_ns()
        return await self._write(
            lambda transaction: transaction.append_events(
                stream,
                events,
                expected_version=expected_version,
                recorded_at_ns=recorded_at_ns,
                causes=causes,
            )
        )

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        return await self._read(lambda: self._reader.read_events(stream, after))

    @override
    async def events_after(self, position: int, limit: int, /) -> Sequence[Envelope]:
        return await self._read(lambda: self._reader.events_after(position, limit))

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        return await self._read(lambda: self._reader.streams(prefix))

    @override
    async def verify(
        self,
        *,
        expect: Head | None = None,
        progress: Callable[[VerifyProgress], None] | None = None,
    ) -> VerifyReport:
        tally = Tally(expect=expect)
        steps = Audit(path=self.path, reader=self._reader, tally=tally).steps()
        total = await self._read(self._reader.count_blocks)
        while await self._read(lambda: next(steps, self) is not self):
            if progress is not None:
                progress(VerifyProgress(blocks=tally.blocks, blocks_total=total))
        return tally.report()

    @override
    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown()

    def _close(self) -> None:
        """Finish what is under way and let go: writer, heads file, connections, lock."""
        with writing_to(self.path):
            try:
                if self._writing is not None:
                    self._writing.close()
            except CommitTimeoutError:
                self._resources.pop_all()  # the end of the process lets go
                raise
            finally:
                self._resources.close()

    def _now_ns(self) -> int:
        """Return the time at which an event is recorded."""
        return self._writing.clock.now_ns() if self._writing else 0

    async def _write(
        self, work: Callable[[Transaction], T], meanwhile: Callable[[], None] | None = None
    ) -> T:
        """Return the result of ``work`` once it is durable."""
        if self._writing is None:
            raise LogWriteError(
                obstacle=Obstacle.READ_ONLY, detail=f"{self.path.name} was opened for reading"
            )
        answer: FutureAnswer[T] = FutureAnswer(asyncio.get_running_loop(), meanwhile)
        self._writing.writer.submit(work, answer)
        return await answer.future

    async def _read(self, work: Callable[[], T]) -> T:
        """Return the result of ``work``, done on the reading thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def open_log(
    path: Path, *, clock: WallClock, ids: IdSource, options: SqliteOptions = DEFAULTS
) -> SqliteLog:
    """Open the log at ``path`` for writing; make it if there is none.

    Raises:
        LogInUseError: Another writer has it.
        LogNotDurableError: What it acknowledges could be lost.
        TruncatedLogError: It ends before its heads file does.
        HeadsFileMissingError: It has content and no heads file.
        LogIntegrityError: It is not as it was written.
        LogLayoutError: The file is something else.
        LogWriteError: It cannot be opened.
    """
    with writing_to(path, budget_ms=options.busy_budget_ms), ExitStack() as stack:
        lock = WriterLock(path)
        stack.callback(lock.release)
        if not path.exists():
            heads_for_new(path, ids.new_id())
        driver = open_for_writing(path, options)
        stack.callback(driver.close)
        if not check_layout(driver, path):
            new_id = heads_for_new(path, ids.new_id())
            create_tables(driver, log_id=new_id, created_at_ns=clock.now_ns())
            sync_folder(path.parent)
        driver_to_read = open_for_reading(path, busy_budget_ms=options.busy_budget_ms)
        stack.callback(driver_to_read.close)
        reader = Reader(path, driver_to_read)
        log_id = reader.log_id()
        ends, repaired_lines = compare_with_heads(path, reader, last_bytes=options.heads_last_bytes)
        anchor = Anchor(
            heads_path(path),
            delay_ms=options.heads_delay_ms,
            lag_commits=options.heads_lag_commits,
        )
        writer = Writer(
            path,
            driver=driver,
            anchor=anchor,
            ends=ends,
            busy_budget_ms=options.busy_budget_ms,
        )
        return SqliteLog(
            path,
            reader,
            log_id=log_id,
            repaired_lines=repaired_lines,
            resources=stack.pop_all(),
            writing=Writing(
                clock=clock,
                ends=ends,
                writer=writer,
                anchor=anchor,
                close_budget_ms=options.close_budget_ms,
            ),
        )


def read_log(
    path: Path,
    *,
    access: Access = Access.READ,
    options: SqliteOptions = DEFAULTS,
    remembered: RememberedHeads | None = None,
) -> SqliteLog:
    """Open the log at ``path`` for reading, also while a writer is at work.

    Args:
        path: Of the log.
        access: What for.
        options: How long it may be waited for, and how much of the heads file is read.
        remembered: Of whoever opens it again and again: what the heads file said before.

    Raises:
        LogMissingError: There is none.
        TruncatedLogError: It ends before its heads file does.
        HeadsFileMissingError: It has content and no heads file.
        LogIntegrityError: It is not as it was written.
        LogLayoutError: The file is something else.
        LogReadError: It cannot be read.
    """
    with reading_of(path), ExitStack() as stack:
        heads = None
        if access is Access.READ:
            known = remembered or RememberedHeads()
            heads = known.read(heads_path(path), last_bytes=options.heads_last_bytes)
        if heads is not None and not path.exists():
            heads_for_new(path, heads.log_id)
        if not path.exists():
            raise LogMissingError(path=str(path))
        driver = open_for_reading(path, busy_budget_ms=options.busy_budget_ms)
        stack.callback(driver.close)
        if not check_layout(driver, path):
            raise LogMissingError(path=str(path))
        reader = Reader(path, driver)
        if access is Access.READ:
            check_heads(path, reader, reader.ends(), heads)
        log_id = reader.log_id()
        return SqliteLog(path, reader, log_id=log_id, resources=stack.pop_all())
