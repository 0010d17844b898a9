"""Moves what is committed from the write-ahead log into the database, often and in small pieces.

A write-ahead log that is begun anew stays as long as it was: the next commits write over what is
on the disk already, and making those durable costs half of what it costs while the file grows. It
is done between commits, so nobody who waits for a commit waits for this too.
"""

from __future__ import annotations

import sqlite3
from typing import Final

COMMITS_MAX: Final = 32
"""Commits between two checkpoints."""

BYTES_MAX: Final = 8 * 2**20
"""Bytes committed between two; SQLite would take 1,000 pages together, within a commit."""


class Checkpoints:
    """Counts commits and says when the next checkpoint is due.

    Args:
        driver: The writer's own connection.
    """

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver
        self._commits = 0
        self._bytes = 0

    def note(self, size: int) -> None:
        """Take in one commit of ``size`` bytes."""
        self._commits += 1
        self._bytes += size

    def make_due(self) -> None:
        """Make a checkpoint if one is due; readers go on meanwhile.

        Raises:
            sqlite3.Error: It failed; everything committed is still in the write-ahead log.
        """
        if self._commits < COMMITS_MAX and self._bytes < BYTES_MAX:
            return
        self._commits = self._bytes = 0
        self._driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
