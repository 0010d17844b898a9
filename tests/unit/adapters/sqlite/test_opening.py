"""Every opening compares the log with its heads file and serves nothing that they disagree on."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.eventlog import (
    CAUSES,
    Happened,
    fill,
    listed,
    make_block,
    make_chain,
    open_sqlite,
    run,
)
from tests.unit.adapters.sqlite.files import (
    alter,
    beside,
    closed,
    crashed,
    drop_lines,
    execute,
    findings,
    flip,
    insert,
)
from torghut.adapters.sqlite.database import SqliteOptions
from torghut.adapters.sqlite.heads.anchor import LAG_COMMITS_MAX
from torghut.adapters.sqlite.heads.lines import first_line
from torghut.adapters.sqlite.layout import place_of
from torghut.adapters.sqlite.store import read_log
from torghut.eventlog.block import head_of
from torghut.eventlog.errors import (
    HeadsFileMissingError,
    LogIntegrityError,
    LogInUseError,
    LogLayoutError,
    LogMissingError,
    LogNotDurableError,
    LogWriteError,
    Obstacle,
    TruncatedLogError,
)
from torghut.eventlog.verification import FindingKind


def test_a_new_log_is_one_database_and_one_heads_file(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db")
    run(log.close())

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "log.db",
        "log.db.heads",
        "log.db.lock",
    ]
    assert (tmp_path / "log.db.heads").read_bytes() == first_line(log.log_id)


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    path, chain = closed(tmp_path, blocks=3)

    log = open_sqlite(path)

    assert log.repaired_lines == 0
    assert run(log.head(0)) == head_of(chain[-1])
    run(log.append(make_block(head_of(chain[-1]))))
    assert len(run(listed(log.blocks(0)))) == 4
    run(log.close())


def test_nothing_is_lost_when_a_process_ends_without_closing(tmp_path: Path) -> None:
    path, chain = crashed(tmp_path, blocks=5)

    log = open_sqlite(path)

    assert log.repaired_lines == 0
    assert run(listed(log.blocks(0))) == list(chain)
    run(log.close())


@pytest.mark.parametrize("torn", [b"", b"0 4 ab", bytes(20)], ids=["none", "half", "zeros"])
def test_lines_that_a_crash_took_are_written_again(tmp_path: Path, torn: bytes) -> None:
    path, _ = crashed(tmp_path, blocks=5)
    whole = beside(path, ".heads").read_bytes()
    drop_lines(beside(path, ".heads"), 2)
    with beside(path, ".heads").open("ab") as file:
        file.write(torn)

    log = open_sqlite(path)

    assert log.repaired_lines == 2
    assert beside(path, ".heads").read_bytes() == whole
    run(log.close())


def test_more_lines_than_a_crash_can_take_are_found(tmp_path: Path) -> None:
    path, _ = crashed(tmp_path, blocks=LAG_COMMITS_MAX + 3)
    drop_lines(beside(path, ".heads"), LAG_COMMITS_MAX + 2)

    with pytest.raises(LogIntegrityError, match="without a line"):
        open_sqlite(path)
    assert findings(path) == [FindingKind.HEADS_MISSING]


def test_as_many_lines_as_a_power_cut_can_take_are_written_again(tmp_path: Path) -> None:
    path, _ = crashed(tmp_path, blocks=LAG_COMMITS_MAX + 3)
    drop_lines(beside(path, ".heads"), LAG_COMMITS_MAX + 1)

    log = open_sqlite(path)

    assert log.repaired_lines == LAG_COMMITS_MAX + 1
    run(log.close())


def test_lost_last_blocks_are_found(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=5)
    execute(path, "DELETE FROM blocks WHERE place >= 3")

    with pytest.raises(TruncatedLogError) as caught:
        open_sqlite(path)
    with pytest.raises(TruncatedLogError):
        read_log(path)
    assert (caught.value.expected, caught.value.found) == ("number 4", "number 2")
    assert findings(path) == [FindingKind.TRUNCATED]


def test_a_half_written_line_of_a_lost_block_is_found(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=2)
    with beside(path, ".heads").open("ab") as file:
        file.write(b"0 2 ab")

    with pytest.raises(TruncatedLogError):
        open_sqlite(path)


def test_a_lost_write_ahead_log_is_found(tmp_path: Path) -> None:
    path, _ = crashed(tmp_path, blocks=3)
    beside(path, "-wal").unlink()

    with pytest.raises(TruncatedLogError):
        open_sqlite(path)


def test_a_lost_database_is_found(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=3)
    path.unlink()

    with pytest.raises(TruncatedLogError):
        open_sqlite(path)
    with pytest.raises(TruncatedLogError):
        read_log(path)
    assert not path.exists()


@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
def test_a_flipped_bit_in_the_write_ahead_log_is_found(tmp_path: Path, share: float) -> None:
    path, _ = crashed(tmp_path, blocks=20)
    wal = beside(path, "-wal")
    flip(wal, int(wal.stat().st_size * share))

    with closing(sqlite3.connect(path)) as bare:
        served = bare.execute("SELECT count(*) FROM blocks").fetchone()[0]
        assert bare.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert 0 < served < 20
    with pytest.raises(TruncatedLogError):
        open_sqlite(path)


def test_a_flipped_bit_that_takes_even_the_tables_is_found(tmp_path: Path) -> None:
    path, _ = crashed(tmp_path, blocks=3)
    flip(beside(path, "-wal"), 60)

    with pytest.raises(TruncatedLogError, match="empty database"):
        open_sqlite(path)


def test_lost_events_are_found(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    log = open_sqlite(path)
    for version in range(3):
        run(
            log.append_events(
                "tests-1", [Happened(what="a")], expected_version=version, causes=CAUSES
            )
        )
    run(log.close())
    execute(path, "DELETE FROM events WHERE position = 3")

    with pytest.raises(TruncatedLogError, match="chain events"):
        open_sqlite(path)


def test_a_rewritten_and_correctly_chained_tail_is_found(tmp_path: Path) -> None:
    path, chain = closed(tmp_path, blocks=3)
    execute(path, "DELETE FROM blocks WHERE place >= 1")
    head = head_of(chain[0])
    for _ in range(2):
        block = make_block(head, first=700)
        insert(path, block)
        head = head_of(block)

    with pytest.raises(LogIntegrityError, match="chain 0, number 2"):
        open_sqlite(path)
    assert set(findings(path)) == {FindingKind.REWRITTEN}


@pytest.mark.parametrize(
    "column", ["header", "inputs", "records", "cursor", "leaves", "rows", "arms", "previous"]
)
def test_an_altered_last_block_is_found_on_opening(tmp_path: Path, column: str) -> None:
    path, _ = closed(tmp_path, blocks=2)
    alter(path, "blocks", column, where="place = 1")

    with pytest.raises(LogIntegrityError):
        open_sqlite(path)


def test_a_log_without_its_heads_file_is_refused(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=1)
    beside(path, ".heads").unlink()

    with pytest.raises(HeadsFileMissingError):
        open_sqlite(path)
    with pytest.raises(HeadsFileMissingError):
        read_log(path)
    assert findings(path) == [FindingKind.HEADS_MISSING]


def test_an_empty_log_gets_its_heads_file_again(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=0)
    name = beside(path, ".heads").read_bytes()
    beside(path, ".heads").unlink()

    run(open_sqlite(path).close())

    assert beside(path, ".heads").read_bytes() == name


def test_the_heads_file_of_another_log_is_refused(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=1)
    heads = beside(path, ".heads")
    heads.write_bytes(heads.read_bytes().replace(b"heads 1 id-", b"heads 1 other-"))

    with pytest.raises(LogIntegrityError, match="other-"):
        open_sqlite(path)


def test_there_is_one_writer_at_a_time(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db")

    with pytest.raises(LogInUseError, match="this process"):
        open_sqlite(tmp_path / "log.db")
    run(log.close())
    run(open_sqlite(tmp_path / "log.db").close())


def test_a_log_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db")
    chain = run(fill(log, 2))
    reader = read_log(tmp_path / "log.db")
    more = make_block(head_of(chain[1]))
    run(log.append(more))

    assert run(reader.head(0)) == head_of(more)
    assert run(reader.partitions()) == [0]
    assert run(listed(reader.blocks(0))) == [*chain, more]
    assert run(reader.verify(expect=head_of(more))).intact
    with pytest.raises(LogWriteError) as caught:
        run(reader.append(make_block(head_of(more))))
    assert caught.value.obstacle is Obstacle.READ_ONLY
    run(reader.close())
    run(log.close())


def test_a_log_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LogMissingError):
        read_log(tmp_path / "log.db")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_becomes_a_log(tmp_path: Path) -> None:
    (tmp_path / "log.db").touch()

    with pytest.raises(LogMissingError):
        read_log(tmp_path / "log.db")
    run(open_sqlite(tmp_path / "log.db").close())
    run(read_log(tmp_path / "log.db").close())


def test_another_database_is_no_log(tmp_path: Path) -> None:
    execute(tmp_path / "log.db", "CREATE TABLE blocks (place INTEGER)")

    with pytest.raises(LogLayoutError, match="another database"):
        open_sqlite(tmp_path / "log.db")


def test_a_layout_of_the_future_is_refused(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=1)
    execute(path, "PRAGMA user_version = 99")

    with pytest.raises(LogLayoutError, match="layout 99"):
        open_sqlite(path)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" * 9])
def test_another_file_is_no_log(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.db").write_bytes(content)

    with pytest.raises(LogIntegrityError):
        open_sqlite(tmp_path / "log.db")


def test_a_store_that_could_lose_what_it_acknowledged_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogNotDurableError, match="synchronous"):
        open_sqlite(tmp_path / "log.db", SqliteOptions(synchronous="OFF"))


def test_a_file_system_without_a_write_ahead_log_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    # What SQLite answers where it cannot share memory: the mode stays as it was.
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **_: connect(f"file:{path}?vfs=unix-none", uri=True)
    )

    with pytest.raises(LogNotDurableError, match="journal_mode"):
        open_sqlite(tmp_path / "log.db")


def test_extra_durability_may_be_asked_for(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db", SqliteOptions(synchronous="EXTRA", heads_lag_commits=0))
    run(fill(log, 3))
    run(log.close())

    assert findings(tmp_path / "log.db") == []


def test_only_a_lag_that_can_be_repaired_may_be_asked_for() -> None:
    with pytest.raises(ValueError, match="heads_lag_commits"):
        SqliteOptions(heads_lag_commits=LAG_COMMITS_MAX + 1)


def test_partitions_far_apart_keep_their_places() -> None:
    first, last = place_of(0, 2**40 - 1), place_of(1, 0)

    assert last == first + 1


def test_a_copy_in_another_folder_is_the_same_log(tmp_path: Path) -> None:
    path, chain = closed(tmp_path, blocks=2)
    copy = tmp_path / "a folder" / "log # 1?.db"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    shutil.copy(beside(path, ".heads"), beside(copy, ".heads"))

    log = read_log(copy)

    assert run(listed(log.blocks(0))) == list(chain) == list(make_chain(2))
    run(log.close())
