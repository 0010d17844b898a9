"""What SQLite reports is an obstacle that passes, or an alteration of the file, never both."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import pytest

from torghut.adapters.sqlite.faults import read_fault, write_fault
from torghut.eventlog.errors import (
    LogBusyError,
    LogIntegrityError,
    LogReadError,
    LogWriteError,
    Obstacle,
)

PATH: Final = Path("a.log")


def reported(code: int) -> sqlite3.Error:
    """Return an error as the driver raises it."""
    error = sqlite3.OperationalError("said so")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL]
)
def test_whoever_is_kept_out_by_another_process_is_told_that_it_is_busy(code: int) -> None:
    read = read_fault(reported(code), path=PATH)

    assert isinstance(read, LogReadError)
    assert read.obstacle is Obstacle.BUSY
    assert isinstance(write_fault(reported(code), path=PATH, budget_ms=7), LogBusyError)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_FSYNC])
def test_obstacle_of_the_disk_is_no_alteration(code: int) -> None:
    assert isinstance(write_fault(reported(code), path=PATH), LogWriteError)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR_SHORT_READ])
def test_file_that_is_not_as_it_was_written_is_never_an_obstacle(code: int) -> None:
    assert isinstance(read_fault(reported(code), path=PATH), LogIntegrityError)
    assert isinstance(write_fault(reported(code), path=PATH), LogIntegrityError)
