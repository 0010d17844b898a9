"""Opens a log in PostgreSQL: for writing, laid out if the database is empty, or for reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from torghut.adapters.postgres import laying
from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.archives.shelf import Shelf
from torghut.adapters.postgres.budgets import DEFAULTS, Budgets
from torghut.adapters.postgres.connecting import engine_of
from torghut.adapters.postgres.faults import FAULTS, read_fault, write_fault
from torghut.adapters.postgres.own_loop import OwnLoop
from torghut.adapters.postgres.reading.asking import Asking
from torghut.adapters.postgres.reading.blocks import StoredBlocks
from torghut.adapters.postgres.reading.reader import Reader
from torghut.adapters.postgres.store import PostgresLog, Resources
from torghut.adapters.postgres.witness import Witness, fault_of, seen
from torghut.adapters.postgres.writing.archiver import Archiver
from torghut.adapters.postgres.writing.attempts import Attempts
from torghut.adapters.postgres.writing.writer import Writer
from torghut.adapters.sqlite.heads.lines import HeadLine
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.errors import LogMissingError
from torghut.kernel.clock import IdSource, WallClock


def open_log(
    address: Address,
    *,
    clock: WallClock,
    ids: IdSource,
    budgets: Budgets = DEFAULTS,
    heads: Path | None = None,
    artifacts: ArtifactStore | None = None,
) -> PostgresLog:
    """Open the log at ``address`` for writing; an empty database is laid out.

    Several processes may have it open for writing at the same time.

    Args:
        address: Of the database, which exists.
        clock: Tells when events were recorded.
        ids: Names the log when it is made.
        budgets: How long it waits for what.
        heads: Folder that keeps what was acknowledged, and is compared; None: none does.
        artifacts: Where archived blocks are, and go; None: nowhere.

    Raises:
        TruncatedLogError: The log ends before what was acknowledged does.
        LogIntegrityError: It holds something else in its place.
        LogNotDurableError: The server would not keep what it acknowledges.
        LayoutOutdatedError: The layout is an older one.
        LogLayoutError: The database holds something else.
        LogWriteError: It cannot be reached or written.
    """
    log_id = ids.new_id()

    async def prepare(engine: AsyncEngine) -> None:
        try:
            async with engine.begin() as connection:
                found = await laying.layout_of(connection, address)
                if found is None:
                    await laying.lay_out(connection, address, log_id=log_id, now_ns=clock.now_ns())
                else:
                    laying.check_layout(found, address)
        except FAULTS as error:
            raise write_fault(error, address=address, budgets=budgets) from None

    asked = _Asked(address=address, clock=clock, budgets=budgets, heads=heads, artifacts=artifacts)
    return _opened(asked, writing=True, prepare=prepare)


def read_log(
    address: Address,
    *,
    clock: WallClock,
    budgets: Budgets = DEFAULTS,
    heads: Path | None = None,
    inspect: bool = False,
    artifacts: ArtifactStore | None = None,
) -> PostgresLog:
    """Open the log at ``address`` for reading, also while writers are at work.

    Args:
        address: Of the database.
        clock: Of whoever reads.
        budgets: How long it waits for what.
        heads: Folder that keeps what was acknowledged; None: there is none.
        inspect: Open also what would be refused, to verify it.
        artifacts: Where archived blocks are; None: nowhere.

    Raises:
        LogMissingError: There is none.
        TruncatedLogError: It ends before what was acknowledged does.
        LogIntegrityError: It holds something else in its place.
        LayoutOutdatedError: The layout is an older one.
        LogLayoutError: The database holds something else.
        LogReadError: It cannot be reached or read.
    """

    async def prepare(engine: AsyncEngine) -> None:
        try:
            async with engine.connect() as connection:
                found = await laying.layout_of(connection, address)
        except FAULTS as error:
            raise read_fault(error, address=address) from None
        if found is None:
            raise LogMissingError(path=address.dsn)
        laying.check_layout(found, address)

    asked = _Asked(
        address=address,
        clock=clock,
        budgets=budgets,
        heads=heads,
        artifacts=artifacts,
        inspect=inspect,
    )
    return _opened(asked, writing=False, prepare=prepare)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """How a log is to be opened."""

    address: Address
    clock: WallClock
    budgets: Budgets
    heads: Path | None
    artifacts: ArtifactStore | None
    inspect: bool = False


def upgrade_log(address: Address, *, budgets: Budgets = DEFAULTS) -> tuple[str, str]:
    """Bring the log at ``address`` up to this version's layout; return the names before and after.

    Raises:
        LogLayoutError: The database holds something else, or a newer layout.
        LogWriteError: It cannot be reached or written.
    """
    loop = OwnLoop(f"the log {address.name}")
    engine = engine_of(address, budgets, writing=True)

    async def work() -> tuple[str, str]:
        try:
            async with engine.begin() as connection:
                return await laying.upgrade(connection, address)
        except FAULTS as error:
            raise write_fault(error, address=address, budgets=budgets) from None
        finally:
            await engine.dispose()

    try:
        return loop.wait(work(), budget_ms=budgets.regain_ms)
    finally:
        loop.close()


def _opened(
    asked: _Asked, *, writing: bool, prepare: Callable[[AsyncEngine], Awaitable[None]]
) -> PostgresLog:
    """Return a handle on a log that ``prepare`` has found right."""
    address, budgets = asked.address, asked.budgets
    loop = OwnLoop(f"the log {address.name}")
    engine = engine_of(address, budgets, writing=writing)
    asking, shelf = Asking(engine, address, budgets), Shelf(asked.artifacts)
    reader = Reader(asking, StoredBlocks(asking, shelf))

    async def work() -> tuple[str, Mapping[str, HeadLine], Witness | None]:
        try:
            await prepare(engine)
            log_id = await reader.log_id()
            if asked.heads is None:
                return log_id, {}, None
            lines = seen(asked.heads, log_id)
            if not asked.inspect:
                await _check(reader, lines)
            return log_id, lines, Witness(asked.heads, log_id) if writing else None
        except BaseException:
            await engine.dispose()
            raise

    try:
        log_id, lines, witness = loop.wait(work(), budget_ms=budgets.connect_ms + budgets.regain_ms)
    except BaseException:
        loop.close()
        raise
    attempts = Attempts(engine, address, budgets)
    return PostgresLog(
        address,
        Resources(
            loop=loop,
            engine=engine,
            budgets=budgets,
            archiver=Archiver(asking, reader, shelf),
            seen=lines,
        ),
        log_id=log_id,
        clock=asked.clock,
        reader=reader,
        writer=Writer(attempts, loop.start, witness) if writing else None,
    )


async def _check(reader: Reader, lines: Mapping[str, HeadLine]) -> None:
    """Refuse a log that lacks what was acknowledged.

    Raises:
        TruncatedLogError: It ends before.
        LogIntegrityError: It holds something else in its place.
    """
    for line in lines.values():
        fault = await fault_of(reader, line)
        if fault is not None:
            raise fault
