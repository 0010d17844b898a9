"""What the driver and the file system report, in the log's own words."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from torghut.eventlog.errors import (
    LogBusyError,
    LogIntegrityError,
    LogReadError,
    LogWriteError,
    Obstacle,
)
from torghut.kernel.errors import TorghutError

_PRIMARY: Final = 0xFF
"""The low byte of SQLite's extended result code names the kind of failure."""

_OBSTACLES: Final[Mapping[int, Obstacle]] = {
    sqlite3.SQLITE_FULL: Obstacle.DISK_FULL,
    sqlite3.SQLITE_READONLY: Obstacle.READ_ONLY,
    sqlite3.SQLITE_IOERR: Obstacle.INPUT_OUTPUT,
    sqlite3.SQLITE_BUSY: Obstacle.BUSY,
    sqlite3.SQLITE_LOCKED: Obstacle.BUSY,
    # A writer was halted between the two copies of the shared index that it renews: readers give
    # up after seconds of trying, and whoever asks again once it goes on, or is gone, is answered.
    sqlite3.SQLITE_PROTOCOL: Obstacle.BUSY,
    sqlite3.SQLITE_CANTOPEN: Obstacle.CANNOT_OPEN,
    sqlite3.SQLITE_PERM: Obstacle.NO_PERMISSION,
    sqlite3.SQLITE_AUTH: Obstacle.NO_PERMISSION,
    sqlite3.SQLITE_NOMEM: Obstacle.NO_MEMORY,
    sqlite3.SQLITE_TOOBIG: Obstacle.TOO_LARGE,
}

# What cannot happen to a file that is as we wrote it: tables gone, rows doubled, pages unreadable.
_ALTERED: Final = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
    }
)
_ALTERED_READS: Final = frozenset({sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS})

_ERRNO: Final[Mapping[int, Obstacle]] = {
    errno.ENOSPC: Obstacle.DISK_FULL,
    errno.EDQUOT: Obstacle.DISK_FULL,
    errno.EROFS: Obstacle.READ_ONLY,
    errno.EACCES: Obstacle.NO_PERMISSION,
    errno.EPERM: Obstacle.NO_PERMISSION,
    errno.ENOENT: Obstacle.CANNOT_OPEN,
    errno.ENOTDIR: Obstacle.CANNOT_OPEN,
    errno.EISDIR: Obstacle.CANNOT_OPEN,
    errno.EIO: Obstacle.INPUT_OUTPUT,
    errno.EFBIG: Obstacle.TOO_LARGE,
}


def write_fault(error: Exception, *, path: Path, budget_ms: int = 0) -> TorghutError:
    """Return what ``error``, met while writing the log at ``path``, means."""
    if (altered := _altered(error, path)) is not None:
        return altered
    obstacle = obstacle_of(error)
    detail = f"{path.name}: {error}"
    if obstacle is Obstacle.BUSY:
        return LogBusyError(budget_ms=budget_ms, detail=detail)
    return LogWriteError(obstacle=obstacle, detail=detail)


def read_fault(error: Exception, *, path: Path) -> TorghutError:
    """Return what ``error``, met while reading the log at ``path``, means."""
    if (altered := _altered(error, path)) is not None:
        return altered
    return LogReadError(obstacle=obstacle_of(error), detail=f"{path.name}: {error}")


@contextmanager
def writing_to(path: Path, *, budget_ms: int = 0) -> Iterator[None]:
    """Raise what the driver or the file system reports as a fault of writing."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise write_fault(error, path=path, budget_ms=budget_ms) from error


@contextmanager
def reading_of(path: Path) -> Iterator[None]:
    """Raise what the driver or the file system reports as a fault of reading."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise read_fault(error, path=path) from error


def obstacle_of(error: Exception) -> Obstacle:
    """Return what kind of obstacle ``error`` reports."""
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno or 0, Obstacle.OTHER)
    return _OBSTACLES.get(_result_code(error) & _PRIMARY, Obstacle.OTHER)


def _altered(error: Exception, path: Path) -> LogIntegrityError | None:
    """Return the finding if ``error`` shows that the file is not as it was written."""
    code = _result_code(error)
    unreadable_text = isinstance(error, UnicodeDecodeError) or "decode to UTF-8" in str(error)
    if code & _PRIMARY in _ALTERED or code in _ALTERED_READS or unreadable_text:
        return LogIntegrityError(
            place=path.name, expected="a log as it was written", found=str(error)
        )
    return None


def _result_code(error: Exception) -> int:
    """Return SQLite's extended result code in ``error``, or 0."""
    return int(getattr(error, "sqlite_errorcode", 0))
