"""Opens a log in PostgreSQL: for writing, laid out if the database is empty, or for reading."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from torghut.adapters.postgres import laying
from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.budgets import DEFAULTS, Budgets
from torghut.adapters.postgres.connecting import engine_of
from torghut.adapters.postgres.faults import FAULTS, read_fault, write_fault
from torghut.adapters.postgres.own_loop import OwnLoop
from torghut.adapters.postgres.reading.asking import Asking
from torghut.adapters.postgres.reading.reader import Reader
from torghut.adapters.postgres.store import PostgresLog, Resources
from torghut.adapters.postgres.writing.attempts import Attempts
from torghut.adapters.postgres.writing.writer import Writer
from torghut.eventlog.errors import LogMissingError
from torghut.kernel.clock import IdSource, WallClock


def open_log(
    address: Address, *, clock: WallClock, ids: IdSource, budgets: Budgets = DEFAULTS
) -> PostgresLog:
    """Open the log at ``address`` for writing; an empty database is laid out.

    Several processes may have it open for writing at the same time.

    Args:
        address: Of the database, which exists.
        clock: Tells when events were recorded.
        ids: Names the log when it is made.
        budgets: How long it waits for what.

    Raises:
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

    return _opened(address, clock, budgets, writing=True, prepare=prepare)


def read_log(address: Address, *, clock: WallClock, budgets: Budgets = DEFAULTS) -> PostgresLog:
    """Open the log at ``address`` for reading, also while writers are at work.

    Raises:
        LogMissingError: There is none.
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

    return _opened(address, clock, budgets, writing=False, prepare=prepare)


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
    address: Address,
    clock: WallClock,
    budgets: Budgets,
    *,
    writing: bool,
    prepare: Callable[[AsyncEngine], Awaitable[None]],
) -> PostgresLog:
    """Return a handle on a log that ``prepare`` has found right."""
    loop = OwnLoop(f"the log {address.name}")
    engine = engine_of(address, budgets, writing=writing)
    reader = Reader(Asking(engine, address, budgets))

    async def work() -> str:
        try:
            await prepare(engine)
            return await reader.log_id()
        except BaseException:
            await engine.dispose()
            raise

    try:
        log_id = loop.wait(work(), budget_ms=budgets.connect_ms + budgets.regain_ms)
    except BaseException:
        loop.close()
        raise
    attempts = Attempts(engine, address, budgets)
    return PostgresLog(
        address,
        Resources(loop=loop, engine=engine, budgets=budgets),
        log_id=log_id,
        clock=clock,
        reader=reader,
        writer=Writer(attempts, loop.start) if writing else None,
    )
