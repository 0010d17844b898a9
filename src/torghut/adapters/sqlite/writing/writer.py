"""The one writer: a thread that commits whatever has been asked for meanwhile, together."""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from torghut.adapters.sqlite.ends import Ends
from torghut.adapters.sqlite.faults import write_fault
from torghut.adapters.sqlite.heads.anchor import Anchor
from torghut.adapters.sqlite.writing.checkpoints import Checkpoints
from torghut.adapters.sqlite.writing.transaction import Transaction
from torghut.eventlog.errors import CommitTimeoutError, LogWriteError, Obstacle
from torghut.kernel.errors import TorghutError

GROUP_MAX: Final = 256
"""Most requests in one transaction."""

# After these SQLite has rolled back cleanly and the next attempt may do better. After any other
# failure nobody knows what is on the disk: only opening the log again finds out.
_PASSING: Final = frozenset(
    {Obstacle.DISK_FULL, Obstacle.BUSY, Obstacle.READ_ONLY, Obstacle.TOO_LARGE}
)


class Answer(Protocol):
    """Where the result of a request goes: somebody in another thread who may have given up."""

    def wanted(self) -> bool:
        """Say whether anybody still waits."""
        ...

    def committing(self) -> None:
        """Hear that all is done but for the commit itself, which does not need the interpreter."""
        ...

    def give(self, result: object) -> None:
        """Tell the result, which is durable."""
        ...

    def refuse(self, error: Exception) -> None:
        """Tell why there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """Something to do in a transaction."""

    work: Callable[[Transaction], object]
    answer: Answer

    def do(self, transaction: Transaction) -> Callable[[], None]:
        """Do the work and return how to tell of it; a refusal is a result like any other."""
        try:
            result = self.work(transaction)
        except TorghutError as refusal:
            return partial(self.answer.refuse, refusal)
        return partial(self.answer.give, result)


class Writer:
    """Commits requests in the order they came; those that wait share one commit.

    Args:
        path: Of the log, for messages.
        driver: A connection that nobody else uses.
        anchor: The heads file.
        ends: As of the last commit; kept up to date.
        busy_budget_ms: For messages: how long the driver waits for a lock.
    """

    def __init__(
        self,
        path: Path,
        *,
        driver: sqlite3.Connection,
        anchor: Anchor,
        ends: Ends,
        busy_budget_ms: int,
    ) -> None:
        self._path = path
        self._driver = driver
        self._anchor = anchor
        self._ends = ends
        self._checkpoints = Checkpoints(driver)
        self._busy_budget_ms = busy_budget_ms
        self._queue: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._door = threading.Lock()
        self._broken: Exception | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="torghut-log-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Transaction], object], answer: Answer) -> None:
        """Ask for ``work``; its answer comes once that is durable.

        Raises:
            LogWriteError: The log is closed.
        """
        with self._door:  # else a request could come to stand behind the one that ends the thread
            if self._closed:
                raise self._closed_error()
            self._queue.put(_Request(work=work, answer=answer))

    def close(self, *, budget_ms: int) -> None:
        """Commit what was asked for and end the thread.

        Raises:
            CommitTimeoutError: What is under way does not end within the budget; all else that
                was asked for is refused, and the thread still holds its connection.
        """
        with self._door:
            self._closed = True
            self._queue.put(None)
        self._thread.join(budget_ms / 1000)
        if self._thread.is_alive():
            self._refuse_waiting()
            raise CommitTimeoutError(what=f"closing {self._path.name}", budget_ms=budget_ms)

    def _closed_error(self) -> LogWriteError:
        """Return why nothing is taken any more."""
        return LogWriteError(obstacle=Obstacle.CLOSED, detail=f"{self._path.name} was closed")

    def _refuse_waiting(self) -> None:
        """Refuse what the thread has not begun; should it ever go on, it ends."""
        with contextlib.suppress(queue.Empty):
            while True:
                request = self._queue.get_nowait()
                if request is not None:
                    request.answer.refuse(self._closed_error())
        self._queue.put(None)

    def _run(self) -> None:
        """Commit until closed; whatever happens, every request is answered."""
        closing = False
        while not closing:
            requests, closing = self._next()
            live = [request for request in requests if request.answer.wanted()]
            try:
                self._commit(live)
                live = []  # told, whatever comes of the checkpoint
                self._checkpoints.make_due()
            except Exception as error:  # noqa: BLE001 -- the thread's outermost loop
                self._fail(live, error)

    def _next(self) -> tuple[Sequence[_Request], bool]:
        """Return the requests that wait, at least one, and whether the last call was ``close``."""
        first = self._queue.get()
        if first is None:
            return (), True
        requests = [first]
        while len(requests) < GROUP_MAX:
            try:
                request = self._queue.get_nowait()
            except queue.Empty:
                break
            if request is None:
                return requests, True
            requests.append(request)
        return requests, False

    def _commit(self, requests: Sequence[_Request]) -> None:
        """Do ``requests`` in one transaction, then tell each."""
        if not requests:
            return
        if self._broken is not None:
            raise self._broken
        self._driver.execute("BEGIN IMMEDIATE")
        transaction = Transaction(self._driver, self._ends)
        done = [request.do(transaction) for request in requests]
        lines = transaction.lines_to_write()
        for request in requests:
            request.answer.committing()
        self._driver.execute("COMMIT")
        transaction.adopt()
        self._checkpoints.note(transaction.size)
        if lines:
            self._anchor.append(lines)
        for tell in done:
            tell()

    def _fail(self, requests: Sequence[_Request], error: Exception) -> None:
        """Undo the transaction and tell every request why."""
        undone = self._undo()
        fault = error
        if isinstance(error, sqlite3.Error | OSError):
            fault = write_fault(error, path=self._path, budget_ms=self._busy_budget_ms)
        if not undone or not _passes(error, fault):
            self._broken = fault
        for request in requests:
            request.answer.refuse(fault)

    def _undo(self) -> bool:
        """Roll back what is not committed; say whether nothing of it can have been kept."""
        try:
            if self._driver.in_transaction:
                self._driver.execute("ROLLBACK")
        except sqlite3.Error:
            return False
        return True


def _passes(error: Exception, fault: Exception) -> bool:
    """Say whether the writer may go on after ``error``, which means ``fault``."""
    if isinstance(error, sqlite3.Error):
        return isinstance(fault, LogWriteError) and fault.obstacle in _PASSING
    return not isinstance(error, OSError | TorghutError)  # a mistake of the caller's
