"""What cannot be made durable is said to be so, and what was durable stays."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.eventlog import (
    CAUSES,
    Happened,
    listed,
    make_block,
    make_chain,
    open_sqlite,
    run,
)
from tests.unit.adapters.sqlite.files import beside, crashed, execute
from torghut.adapters.sqlite.database import SqliteOptions
from torghut.adapters.sqlite.heads import anchor
from torghut.adapters.sqlite.store import SqliteLog, read_log
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.errors import LogBusyError, LogIntegrityError, LogWriteError, Obstacle


def test_a_full_disk_is_said_and_leaves_the_log_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path, SqliteOptions(page_limit=24))
    head, refused = run(_until_refused(log))

    assert head.number > 0
    assert refused.obstacle is Obstacle.DISK_FULL
    assert run(log.head(0)) == head
    assert len(run(listed(log.blocks(0)))) == head.number + 1
    assert run(log.verify(expect=head)).intact
    run(log.close())

    log = open_sqlite(path)
    block = make_block(head, decisions=40)
    assert run(log.append(block)) == head_of(block)
    run(log.close())


def test_a_full_disk_takes_nothing_but_what_did_not_fit(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db", SqliteOptions(page_limit=24))
    head, _ = run(_until_refused(log))

    with pytest.raises(LogWriteError):
        run(log.append(make_block(head, decisions=40)))
    version = run(
        log.append_events("tests-1", [Happened(what="a")], expected_version=0, causes=CAUSES)
    )

    assert version == 1
    run(log.close())


async def _until_refused(log: SqliteLog) -> tuple[Head, LogWriteError]:
    """Append until the store refuses; return the last head and the refusal."""
    head = await log.head(0)
    while True:
        try:
            head = await log.append(make_block(head, decisions=40))
        except LogWriteError as error:
            return head, error


def test_a_locked_database_is_waited_for_and_then_said(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path, SqliteOptions(busy_budget_ms=20))
    block = make_block(Head(partition=0))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogBusyError) as caught:
            run(log.append(block))
        other.execute("ROLLBACK")

    assert caught.value.retryable
    assert caught.value.budget_ms == 20
    assert run(log.append(block)) == head_of(block)
    run(log.close())


def test_a_row_written_behind_the_writers_back_stops_it(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path)
    first, second, third = make_chain(3)
    run(log.append(first))
    execute(
        path,
        "INSERT INTO blocks SELECT 1, 9, previous, digest, cursor, cites, arms, header,"
        " records, inputs, leaves, rows FROM blocks",
    )

    with pytest.raises(LogIntegrityError):
        run(log.append(second))
    with pytest.raises(LogIntegrityError):
        run(log.append(third))
    run(log.close())


def test_a_closed_log_takes_nothing(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db")
    run(log.close())
    run(log.close())

    with pytest.raises(LogWriteError) as caught:
        run(log.append(make_block(Head(partition=0))))
    assert caught.value.obstacle is Obstacle.CLOSED


def test_closing_finishes_what_is_under_way(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path)
    chain = make_chain(30)

    async def append_and_close() -> list[Head]:
        appends = [asyncio.ensure_future(log.append(block)) for block in chain]
        await asyncio.sleep(0)
        await log.close()
        return await asyncio.gather(*appends)

    assert run(append_and_close())[-1] == head_of(chain[-1])
    reader = read_log(path)
    assert run(listed(reader.blocks(0))) == chain
    run(reader.close())


def test_an_append_that_nobody_waits_for_any_more_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path, SqliteOptions(busy_budget_ms=1000))
    first, second = make_chain(2)

    async def give_up() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # holds the writer back at the first block
            held = asyncio.ensure_future(log.append(first))
            await asyncio.sleep(0.01)
            given_up = asyncio.ensure_future(log.append(second))
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            other.execute("ROLLBACK")
        await held

    run(give_up())

    assert run(log.head(0)) == head_of(first)
    run(log.close())


def test_a_line_that_cannot_be_written_stops_the_writer_until_the_log_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path)
    first, second = make_chain(2)

    def full(_: int, data: bytes) -> None:
        del data
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(anchor, "write_all", full)
        with pytest.raises(LogWriteError) as caught:
            run(log.append(first))
    assert caught.value.obstacle is Obstacle.DISK_FULL
    with pytest.raises(LogWriteError):
        run(log.append(second))
    run(log.close())

    log = open_sqlite(path)
    assert log.repaired_lines == 1
    assert run(log.append(first)) == head_of(first)
    assert run(log.append(second)) == head_of(second)
    run(log.close())


def test_a_line_that_cannot_be_made_durable_stops_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = open_sqlite(tmp_path / "log.db", SqliteOptions(heads_lag_commits=0))

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", broken)

    with pytest.raises(LogWriteError) as caught:
        run(log.append(make_block(Head(partition=0))))
    assert caught.value.obstacle is Obstacle.INPUT_OUTPUT
    with pytest.raises(LogWriteError):
        run(log.close())


def test_a_mistake_of_the_caller_is_told_to_the_caller_alone(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db")

    with pytest.raises(AttributeError):
        run(log.append("no block"))  # type: ignore[arg-type]
    block = make_block(Head(partition=0))
    assert run(log.append(block)) == head_of(block)
    run(log.close())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LogWriteError) as caught:
        open_sqlite(tmp_path / "nowhere" / "log.db")
    assert caught.value.obstacle is Obstacle.CANNOT_OPEN


def test_a_folder_in_the_place_of_the_log_is_said(tmp_path: Path) -> None:
    (tmp_path / "log.db").mkdir()

    with pytest.raises(LogWriteError) as caught:
        open_sqlite(tmp_path / "log.db")
    assert caught.value.obstacle is Obstacle.CANNOT_OPEN


def test_lines_are_in_the_file_before_anybody_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path, SqliteOptions(heads_delay_ms=10_000))

    async def told() -> list[bool]:
        seen = []
        for block in make_chain(5):
            await log.append(block)
            seen.append(block.digest in beside(path, ".heads").read_text())
        return seen

    assert run(told()) == [True] * 5
    run(log.close())


def test_small_appends_that_wait_share_one_commit(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path)
    chain = make_chain(200)

    async def together() -> None:
        await asyncio.gather(*(log.append(block) for block in chain))

    run(together())
    with closing(sqlite3.connect(path)) as bare:
        (commits,) = bare.execute("SELECT count(DISTINCT commit_number) FROM blocks").fetchone()

    assert commits < 20
    run(log.close())


def test_a_block_of_thousands_comes_back(tmp_path: Path) -> None:
    path, chain = crashed(tmp_path, blocks=1)
    log = open_sqlite(path)
    large: Block = make_block(head_of(chain[0]), decisions=5000)

    run(log.append(large))

    assert run(listed(log.blocks(0, after=0))) == [large]
    run(log.close())
