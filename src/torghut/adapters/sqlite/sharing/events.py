"""Streams of events in one file for several processes: each waits for its turn to append.

The log beneath has one writer at a time. Whoever appends opens it, writes and lets go, or holds it
over several appends in a session. What is read needs no turn. The lock dies with its process, so
whoever is killed keeps nobody out, and what was acknowledged was durable before.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from typing_extensions import override

from torghut.adapters.sqlite.database import SqliteOptions, open_for_reading
from torghut.adapters.sqlite.faults import writing_to
from torghut.adapters.sqlite.sharing.waiting import others_wait, waiting
from torghut.adapters.sqlite.store import SqliteLog, open_log, read_log
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import (
    HeadsFileMissingError,
    LogBusyError,
    LogInUseError,
    LogMissingError,
    LogReadError,
    LogTurnError,
)
from torghut.eventlog.ports import EventFeed, EventStore
from torghut.kernel.clock import IdSource, WallClock
from torghut.kernel.errors import TorghutError
from torghut.schemas.types import Message

T = TypeVar("T")

WAIT_MS: Final = 30_000
"""Longest wait for the turn to append."""

EVENTS_ALONE: Final = SqliteOptions(heads_last_bytes=16_384)
"""It is opened for every append, and keeps no blocks: the last lines of its heads file will do."""

_PAUSE_FIRST_S: Final = 0.002
_PAUSE_MAX_S: Final = 0.01
_COURTESY_S: Final = 0.02
"""Longer than anybody pauses who waits: whoever had the turn lets them go first."""

_READS_MAX: Final = 5
"""Times a reading is begun again that met a writer who was just making or leaving the files."""
_READ_WAIT_S: Final = 8.0
"""After so long none is begun again: SQLite itself tries for some ten seconds where a writer was
halted between the two copies of the index's head, and nothing changes until that one goes on."""


class SharedEvents(EventStore, EventFeed):
    """The log at ``path``, made with the first append; until then it reads as empty.

    Args:
        path: Of the database.
        clock: Tells when events were recorded.
        ids: Names the log when it is made.
        wait_ms: Longest wait for the turn to append.
        options: How it is written.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: WallClock,
        ids: IdSource,
        wait_ms: int = WAIT_MS,
        options: SqliteOptions = EVENTS_ALONE,
    ) -> None:
        self._path = path
        self._clock = clock
        self._ids = ids
        self._wait_ms = wait_ms
        self._options = options
        self._log: SqliteLog | None = None
        self._users = 0
        self._had_turn = False
        self._turn: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self._attending = 0
        self._attendant: sqlite3.Connection | None = None

    @asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """Keep the database open all the while, so that whoever lets go of it just lets go.

        The last one to close it moves its write-ahead log into it, and keeps even readers out until
        that is done: for as long as that process is halted, if it is halted just then.
        """
        self._attending += 1
        try:
            async with self._one_at_a_time():
                await asyncio.to_thread(self._attend)
            yield
        finally:
            self._attending -= 1
            if self._attending == 0 and self._attendant is not None:
                attendant, self._attendant = self._attendant, None
                attendant.close()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Hold the turn to append; sessions within each other and of other tasks share it.

        Nobody else appends meanwhile: hold it over appends, never over something that takes long.

        Raises:
            LogTurnError: The turn did not come within the budget.
            TorghutError: The log cannot be written, or is not as it was written.
        """
        async with self._writer():
            yield

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        async with self._writer() as log:
            return await log.append_events(
                stream, events, expected_version=expected_version, causes=causes
            )

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        return await self._read(lambda log: log.read_events(stream, after=after))

    @override
    async def events_after(self, position: int, limit: int, /) -> Sequence[Envelope]:
        return await self._read(lambda log: log.events_after(position, limit))

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        return await self._read(lambda log: log.streams(prefix))

    async def _read(self, ask: Callable[[SqliteLog], Awaitable[Sequence[T]]]) -> Sequence[T]:
        """Return what the log answers, open for reading at least; nothing while there is none."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        for attempt in range(1, _READS_MAX + 1):
            try:
                async with self._reader() as log:
                    return [] if log is None else await ask(log)
            except (HeadsFileMissingError, LogReadError):
                if attempt == _READS_MAX or loop.time() - begun_s > _READ_WAIT_S:
                    raise
                await asyncio.sleep(_PAUSE_FIRST_S * attempt)
        raise AssertionError  # the last attempt returned or raised

    @asynccontextmanager
    async def _writer(self) -> AsyncIterator[SqliteLog]:
        """Give the log, open for writing, which all who ask meanwhile share."""
        async with self._one_at_a_time():
            if self._log is None:
                self._log = await self._opened()
            log = self._log
            self._users += 1
        try:
            yield log
        finally:
            self._users -= 1
            await asyncio.shield(self._let_go())

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[SqliteLog | None]:
        """Give the log, open for reading at least; None while there is none."""
        if self._log is not None:
            async with self._writer() as log:
                yield log
            return
        try:
            reading = await _finished(lambda: read_log(self._path, options=self._options))
        except LogMissingError:
            yield None
            return
        try:
            yield reading
        finally:
            await asyncio.shield(reading.close())

    async def _opened(self) -> SqliteLog:
        """Return the log, open for writing, as soon as nobody else has it.

        Raises:
            LogTurnError: Somebody still had it when the budget was spent.
        """
        if self._had_turn:
            self._had_turn = False
            await asyncio.sleep(_COURTESY_S if others_wait(self._path) else 0)
        try:
            return await _finished(self._open)
        except (LogInUseError, LogBusyError):
            with waiting(self._path):
                return await self._waited()

    async def _waited(self) -> SqliteLog:
        """Return the log, open for writing, once whoever has it lets go.

        Raises:
            LogTurnError: They did not within the budget.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._wait_ms / 1000
        pause_s = _PAUSE_FIRST_S
        while True:
            left_s = deadline_s - loop.time()
            await asyncio.sleep(max(0.0, min(pause_s, left_s)))
            pause_s = min(pause_s * 2, _PAUSE_MAX_S)
            try:
                return await _finished(self._open)
            except (LogInUseError, LogBusyError) as error:
                if left_s <= 0:
                    holder = error.holder if isinstance(error, LogInUseError) else "a reader"
                    raise LogTurnError(
                        path=str(self._path), holder=holder, budget_ms=self._wait_ms
                    ) from error

    def _open(self) -> SqliteLog:
        """Return the log, open for writing, or refuse at once."""
        with writing_to(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
        return open_log(self._path, clock=self._clock, ids=self._ids, options=self._options)

    async def _let_go(self) -> None:
        """Close the log if nobody uses it any more."""
        async with self._one_at_a_time():
            if self._users == 0 and self._log is not None:
                log, self._log = self._log, None
                self._had_turn = True
                await asyncio.to_thread(self._attend)
                await log.close()

    def _attend(self) -> None:
        """Open the database for whoever wants it kept open; one that is not made yet comes later.

        Where it cannot be opened, whoever lets go last takes a little longer, and no more.
        """
        if self._attending and self._attendant is None and self._path.exists():
            with suppress(sqlite3.Error):
                self._attendant = open_for_reading(
                    self._path, busy_budget_ms=self._options.busy_budget_ms
                )

    def _one_at_a_time(self) -> asyncio.Lock:
        """Return what orders opening and closing among the tasks of the running loop."""
        loop = asyncio.get_running_loop()
        if self._turn is None or self._turn[0] is not loop:
            self._turn = (loop, asyncio.Lock())
        return self._turn[1]


async def _finished(opening: Callable[[], SqliteLog]) -> SqliteLog:
    """Return what ``opening`` opens; cancelled meanwhile, close it before anything else."""
    opened = asyncio.ensure_future(asyncio.to_thread(opening))
    try:
        return await asyncio.shield(opened)
    except asyncio.CancelledError:
        with suppress(TorghutError):
            await (await opened).close()
        raise
