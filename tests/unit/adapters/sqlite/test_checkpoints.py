"""Small commits write over what is on the disk already; a failed checkpoint unsays nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.fakes.eventlog import fill, listed, make_block, make_chain, open_sqlite, run
from tests.unit.adapters.sqlite.files import beside
from torghut.adapters.sqlite.store import SqliteLog
from torghut.adapters.sqlite.writing.checkpoints import BYTES_MAX, COMMITS_MAX, Checkpoints
from torghut.eventlog.block import head_of
from torghut.eventlog.errors import LogWriteError, Obstacle


def failing(code: int) -> sqlite3.OperationalError:
    """Return what the driver raises for one of SQLite's result codes."""
    error = sqlite3.OperationalError("as told")
    error.sqlite_errorcode = code
    return error


def test_the_write_ahead_log_stops_growing_after_a_few_small_commits(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path)
    run(fill(log, COMMITS_MAX + 1))
    length = beside(path, "-wal").stat().st_size

    run(_go_on(log, COMMITS_MAX - 2))

    assert beside(path, "-wal").stat().st_size == length
    run(log.close())


def test_large_commits_count_by_their_bytes(tmp_path: Path) -> None:
    driver = sqlite3.connect(tmp_path / "some.db", isolation_level=None)
    driver.execute("PRAGMA journal_mode = WAL")
    driver.execute("CREATE TABLE t (body BLOB)")
    checkpoints = Checkpoints(driver)

    def left(size: int) -> int:
        driver.execute("INSERT INTO t VALUES (zeroblob(100))")
        checkpoints.note(size)
        checkpoints.make_due()
        return int((tmp_path / "some.db").stat().st_size)

    before = left(BYTES_MAX - 1)
    after = left(1)
    driver.close()

    assert before < after


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY])
def test_a_checkpoint_that_cannot_be_made_now_stops_nothing(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_sqlite(tmp_path / "log.db")
    first, second = make_chain(2)

    def refuse(_: Checkpoints) -> None:
        raise failing(code)

    monkeypatch.setattr(Checkpoints, "make_due", refuse)

    assert run(log.append(first)) == head_of(first)
    assert run(log.append(second)) == head_of(second)
    assert run(listed(log.blocks(0))) == [first, second]
    run(log.close())


def test_a_disk_that_fails_in_a_checkpoint_stops_the_writer_and_unsays_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path)
    first, second = make_chain(2)

    def break_down(_: Checkpoints) -> None:
        raise failing(sqlite3.SQLITE_IOERR_FSYNC)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "make_due", break_down)
        assert run(log.append(first)) == head_of(first)
        with pytest.raises(LogWriteError) as caught:
            run(log.append(second))
    assert caught.value.obstacle is Obstacle.INPUT_OUTPUT
    run(log.close())

    log = open_sqlite(path)
    assert run(log.append(second)) == head_of(second)
    run(log.close())


async def _go_on(log: SqliteLog, count: int) -> None:
    """Append ``count`` more blocks, one after the other."""
    head = await log.head(0)
    for _ in range(count):
        head = await log.append(make_block(head))
