"""Closing answers everybody who asked, and does not wait for ever for a disk that is gone."""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from typing_extensions import override

from tests.fakes.eventlog import make_chain, open_sqlite, run
from torghut.adapters.sqlite.database import SqliteOptions
from torghut.adapters.sqlite.ends import Ends
from torghut.adapters.sqlite.heads import anchor
from torghut.adapters.sqlite.store import SqliteLog
from torghut.adapters.sqlite.writing import writer
from torghut.adapters.sqlite.writing.transaction import Transaction
from torghut.adapters.sqlite.writing.writer import Answer, Writer
from torghut.eventlog.block import Head, head_of
from torghut.eventlog.errors import CommitTimeoutError, LogInUseError, LogWriteError, Obstacle
from torghut.kernel.errors import ExitCode

SHORT = SqliteOptions(close_budget_ms=20)


class Told(Answer):
    """Keeps how often it was told, and what."""

    def __init__(self) -> None:
        self.results: list[object] = []

    @override
    def wanted(self) -> bool:
        return True

    @override
    def committing(self) -> None:
        return

    @override
    def give(self, result: object) -> None:
        self.results.append(result)

    @override
    def refuse(self, error: Exception) -> None:
        self.results.append(error)


class Disk:
    """A disk that takes no more from ``write_all`` on until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()

    def write_all(self, _descriptor: int, _data: bytes) -> None:
        """Hang."""
        self.reached.set()
        self.released.wait(10)


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk()
    monkeypatch.setattr(anchor, "write_all", disk.write_all)
    yield disk
    disk.released.set()


def test_closing_gives_up_on_a_write_that_does_not_end(tmp_path: Path, stuck: Disk) -> None:
    first, second = make_chain(2)

    async def close_while_stuck() -> tuple[CommitTimeoutError, Head, LogWriteError]:
        log = open_sqlite(tmp_path / "log.db", SHORT)
        begun = asyncio.ensure_future(log.append(first))
        await asyncio.to_thread(stuck.reached.wait)
        waiting = asyncio.ensure_future(log.append(second))
        await asyncio.sleep(0)
        with pytest.raises(CommitTimeoutError) as given_up:
            await log.close()
        with pytest.raises(LogWriteError) as refused:
            await waiting
        stuck.released.set()  # what was begun is not cut off half-way
        return given_up.value, await begun, refused.value

    given_up, kept, refused = run(close_while_stuck())

    assert given_up.budget_ms == 20
    assert given_up.exit_code is ExitCode.UNREACHABLE
    assert kept == head_of(first)
    assert refused.obstacle is Obstacle.CLOSED


def test_a_log_left_behind_stays_locked_as_long_as_its_process(tmp_path: Path, stuck: Disk) -> None:
    async def leave() -> None:
        log = open_sqlite(tmp_path / "log.db", SHORT)
        begun = asyncio.ensure_future(log.append(make_chain(1)[0]))
        await asyncio.to_thread(stuck.reached.wait)
        with pytest.raises(CommitTimeoutError):
            await log.close()
        begun.cancel()

    run(leave())

    with pytest.raises(LogInUseError):
        open_sqlite(tmp_path / "log.db")


def test_closing_gives_up_on_a_heads_file_that_does_not_become_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    log = open_sqlite(tmp_path / "log.db", SHORT)
    monkeypatch.setattr(os, "fdatasync", lambda _: released.wait(10))
    run(log.append(make_chain(1)[0]))

    with pytest.raises(CommitTimeoutError, match="heads file"):
        run(log.close())
    released.set()


def test_a_request_that_comes_while_the_log_closes_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ending = threading.Event(), threading.Event()

    class Held(queue.SimpleQueue[object]):
        """Lets a request in only after the sentinel, if that can be."""

        @override
        def put(self, item: object, block: bool = True, timeout: float | None = None) -> None:
            if item is not None:
                asked.set()
                ending.wait(0.1)
            super().put(item, block, timeout)
            if item is None:
                ending.set()

    held = SimpleNamespace(SimpleQueue=Held, Empty=queue.Empty)
    monkeypatch.setattr(writer, "queue", held)
    log = open_sqlite(tmp_path / "log.db")
    told = Told()
    thread = threading.Thread(target=_writer_of(log).submit, args=(_nothing, told))
    thread.start()
    asked.wait()
    run(log.close())
    thread.join()

    assert len(told.results) == 1


def test_everybody_who_asks_while_the_log_closes_is_answered_once_or_refused(
    tmp_path: Path,
) -> None:
    log = open_sqlite(tmp_path / "log.db")
    answers: list[Told] = []
    begin = threading.Barrier(5)

    def ask() -> None:
        begin.wait()
        with suppress(LogWriteError):
            while True:
                told = Told()
                _writer_of(log).submit(_nothing, told)
                answers.append(told)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    begin.wait()
    run(log.close())
    for thread in threads:
        thread.join()

    assert {len(told.results) for told in answers} <= {1}


def _writer_of(log: SqliteLog) -> Writer:
    """Return the writer of a log."""
    assert log._writing is not None  # noqa: SLF001 -- threads ask it without a loop
    return log._writing.writer  # noqa: SLF001 -- as above


def _nothing(transaction: Transaction) -> Ends:
    """Do nothing in a transaction."""
    del transaction
    return Ends()
