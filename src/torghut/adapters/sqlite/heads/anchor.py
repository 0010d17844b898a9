"""Keeps the heads file up with the log: a line right after each commit, durable shortly after.

The line is written before anybody is told of the commit, so the end of the process loses nothing.
It is fsynced by a thread of its own, at most ``delay_ms`` later, and never lags more than
``lag_commits`` commits: a commit that is durable itself need not wait for a second disk write.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Final

from torghut.adapters.sqlite.heads.lines import write_all
from torghut.eventlog.errors import CommitTimeoutError

LAG_COMMITS_MAX: Final = 32
"""Most commits whose lines a power cut can take; opening repairs that many and no more."""


class Anchor:
    """The heads file of a log that is being written.

    Args:
        path: An existing heads file.
        delay_ms: How long lines may wait for each other's fsync.
        lag_commits: Commits that may lack an fsync of their line; 0 to wait for each.
    """

    def __init__(self, path: Path, *, delay_ms: int, lag_commits: int) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._delay_s = delay_ms / 1000
        self._lag_commits = lag_commits
        self._changed = threading.Condition()
        self._pending = threading.Event()
        self._urgent = threading.Event()
        self._written = 0  # commits; told by the writer alone, so that it need not lock
        self._synced = 0  # of those; told by the thread alone
        self._closing = False
        self._fault: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="torghut-log-heads", daemon=True)
        self._thread.start()

    def append(self, lines: bytes) -> None:
        """Write the lines of one commit; wait only while too many lack their fsync.

        Raises:
            OSError: The lines, or earlier ones, could not be written or made durable.
        """
        if self._fault is not None:
            raise self._fault
        write_all(self._descriptor, lines)
        self._written += 1
        if not self._pending.is_set():
            self._pending.set()
        if self._written - self._synced > self._lag_commits:
            self._wait_until_at_most(self._lag_commits)

    def close(self, *, budget_ms: int) -> None:
        """Make every line durable and let go of the file.

        Raises:
            OSError: A line could not be made durable.
            CommitTimeoutError: Nor did that end within the budget; the file is still held.
        """
        deadline_s = time.monotonic() + budget_ms / 1000
        try:
            self._wait_until_at_most(0, budget_s=budget_ms / 1000)
        finally:
            self._closing = True
            self._pending.set()
            self._urgent.set()
            self._thread.join(max(0.0, deadline_s - time.monotonic()))
            if self._thread.is_alive():
                raise CommitTimeoutError(what="the log's heads file", budget_ms=budget_ms)
            os.close(self._descriptor)

    def _wait_until_at_most(self, unsynced: int, *, budget_s: float | None = None) -> None:
        self._urgent.set()
        with self._changed:
            self._changed.wait_for(
                lambda: self._written - self._synced <= unsynced or self._fault is not None,
                budget_s,
            )
            if self._fault is not None:
                raise self._fault

    def _run(self) -> None:
        """Make lines durable, those of one delay together, until closed."""
        while True:
            self._pending.wait()
            if self._closing:
                return
            self._urgent.wait(self._delay_s)
            self._pending.clear()
            self._urgent.clear()
            written = self._written
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                self._fault = error
            with self._changed:
                self._synced = written
                self._changed.notify_all()
