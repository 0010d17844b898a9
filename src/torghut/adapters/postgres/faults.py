"""What the driver, the pool and the server report, in the log's own words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from asyncpg import InterfaceError, InternalClientError, PostgresError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from torghut.adapters.postgres.address import Address
from torghut.adapters.postgres.budgets import Budgets
from torghut.eventlog.errors import (
    LogBusyError,
    LogIntegrityError,
    LogReadError,
    LogWriteError,
    Obstacle,
)
from torghut.kernel.errors import TorghutError

FAULTS: Final = (
    SQLAlchemyError,
    PostgresError,
    InterfaceError,
    InternalClientError,  # the server hung up while nothing was asked
    OSError,
    TimeoutError,
)
"""Everything that a statement, a commit or a connection attempt may raise."""

_STATES: Final[Mapping[str, Obstacle]] = {
    "25006": Obstacle.READ_ONLY,
    "42501": Obstacle.NO_PERMISSION,
    "3D000": Obstacle.CANNOT_OPEN,
    "53100": Obstacle.DISK_FULL,
    "53200": Obstacle.NO_MEMORY,
    "53300": Obstacle.BUSY,
    "53400": Obstacle.DISK_FULL,
    "54000": Obstacle.TOO_LARGE,
    "55P03": Obstacle.BUSY,
    "57014": Obstacle.BUSY,
    "58030": Obstacle.INPUT_OUTPUT,
    "40001": Obstacle.BUSY,
    "40P01": Obstacle.BUSY,
}
"""By SQLSTATE."""

_CLASSES: Final[Mapping[str, Obstacle]] = {
    "08": Obstacle.GONE,
    "28": Obstacle.NO_PERMISSION,
    "57": Obstacle.GONE,  # shut down, crashed, starting up
}
"""By the first two characters of the SQLSTATE, where the whole of it is not above."""

_HALTED: Final = "25P03"
"""The session was idle in its transaction for too long: it is gone, and what it did with it."""

_ALTERED: Final = ("XX001", "XX002", "42P01", "42703", "42804", "23")
"""Pages unreadable, tables or columns gone, rows doubled: it is not the log that was laid out."""

_RETRIED: Final = frozenset({"40001", "40P01"})
"""Of transactions that the server gave up so that others may go on: nothing of them was kept."""


def write_fault(error: BaseException, *, address: Address, budgets: Budgets) -> TorghutError:
    """Return what ``error``, met while writing the log at ``address``, means."""
    if (altered := _altered(error, address)) is not None:
        return altered
    obstacle = obstacle_of(error)
    detail = _detail(error, address)
    if obstacle is Obstacle.BUSY:
        return LogBusyError(budget_ms=budgets.lock_ms, detail=detail)
    return LogWriteError(obstacle=obstacle, detail=detail)


def read_fault(error: BaseException, *, address: Address) -> TorghutError:
    """Return what ``error``, met while reading the log at ``address``, means."""
    if (altered := _altered(error, address)) is not None:
        return altered
    return LogReadError(obstacle=obstacle_of(error), detail=_detail(error, address))


@contextmanager
def reading_of(address: Address) -> Iterator[None]:
    """Raise what is reported while the log at ``address`` is read as a fault of reading."""
    try:
        yield
    except FAULTS as error:
        raise read_fault(error, address=address) from None  # its chain may name what is secret


def obstacle_of(error: BaseException) -> Obstacle:
    """Return what kind of obstacle ``error`` reports."""
    state = _state(error)
    if state == _HALTED or not state:
        return Obstacle.GONE
    return _STATES.get(state) or _CLASSES.get(state[:2]) or Obstacle.OTHER


def passes(error: BaseException) -> bool:
    """Say whether what ``error`` reports may be over when it is tried again."""
    return obstacle_of(error) is Obstacle.GONE or _state(error) in _RETRIED


@asynccontextmanager
async def session_of(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Give a session of the pool, to which one that may have been cut does not go back."""
    async with engine.connect() as connection:
        try:
            yield connection
        except FAULTS as error:
            await drop_if_cut(connection, error)
            raise


async def drop_if_cut(connection: AsyncConnection, error: BaseException) -> None:
    """Let go of the session of a connection for good where ``error`` may have cut it."""
    if passes(error):
        await connection.invalidate()


def _state(error: BaseException) -> str:
    """Return the SQLSTATE of ``error``; empty where no server said anything."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(getattr(cause, "sqlstate", None) or "")


def _altered(error: BaseException, address: Address) -> LogIntegrityError | None:
    """Return the finding if ``error`` shows that the tables are not as they were laid out."""
    if _state(error).startswith(_ALTERED):
        return LogIntegrityError(
            place=address.name, expected="a log as it was laid out", found=_said(error, address)
        )
    return None


def _detail(error: BaseException, address: Address) -> str:
    return f"{address.name}: {_said(error, address)}"


def _said(error: BaseException, address: Address) -> str:
    """Return the first line of what was reported: never statements, values or secrets."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    while cause.__cause__ is not None and isinstance(error, DBAPIError):
        cause = cause.__cause__
    lines = str(cause).splitlines()
    return address.hidden(lines[0]) if lines else type(cause).__name__
