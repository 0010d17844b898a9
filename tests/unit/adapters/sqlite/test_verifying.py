"""Whatever is altered, verification finds it, says where, and reads on."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.eventlog import (
    CAUSES,
    Happened,
    citing,
    fill,
    listed,
    make_block,
    open_sqlite,
    run,
)
from tests.unit.adapters.sqlite.files import alter, beside, closed, execute, flip
from torghut.adapters.sqlite.database import PAGE_BYTES
from torghut.adapters.sqlite.store import Access, read_log
from torghut.eventlog.block import head_of
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.verification import Finding, FindingKind, VerifyReport


@pytest.fixture
def rich(tmp_path: Path) -> Path:
    """Return a closed log with something of everything."""
    path = tmp_path / "log.db"
    log = open_sqlite(path)
    chain = run(fill(log, 4))
    digest = run(log.put_object(b"declarations" * 9))
    run(log.append(citing(make_block(head_of(chain[-1])), digest)))
    run(fill(log, 2, partition=3))
    for version in range(3):
        run(
            log.append_events(
                "tests-1", [Happened(what="a")], expected_version=version, causes=CAUSES
            )
        )
    run(log.save_snapshot(Snapshot(partition=0, block_number=4, key="k", body=b"state" * 9)))
    run(log.close())
    return path


def verified(path: Path) -> VerifyReport:
    """Return the report of verifying the log at ``path``."""
    log = read_log(path, access=Access.INSPECT)
    report = run(log.verify())
    run(log.close())
    return report


def found(path: Path) -> Sequence[tuple[FindingKind, str]]:
    """Return kind and place of what verifying finds."""
    return [(finding.kind, finding.place) for finding in verified(path).findings]


def test_a_log_with_everything_is_intact(rich: Path) -> None:
    report = verified(rich)

    assert report.findings == ()
    assert (report.blocks, report.decisions, report.events, report.objects) == (7, 21, 3, 1)


@pytest.mark.parametrize("column", ["header", "inputs", "records", "leaves", "cursor"])
def test_an_altered_block_is_found_and_the_rest_is_read(rich: Path, column: str) -> None:
    alter(rich, "blocks", column, where="place = 2")

    report = verified(rich)

    assert FindingKind.ALTERED in {finding.kind for finding in report.findings}
    assert {finding.place.split(", arm")[0] for finding in report.findings} == {
        "partition 0, block 2"
    }
    assert report.blocks == 7


def test_an_altered_row_is_found_and_named(rich: Path) -> None:
    alter(rich, "blocks", "rows", where="place = 2")

    assert found(rich) == [(FindingKind.ALTERED, "partition 0, block 2, arm serving, row 2")]


@pytest.mark.parametrize("column", ["digest", "previous"])
def test_a_broken_chain_is_found(rich: Path, column: str) -> None:
    execute(rich, f"UPDATE blocks SET {column} = ? WHERE place = 2", "12" * 32)  # noqa: S608

    assert FindingKind.UNCHAINED in {kind for kind, _ in found(rich)}


def test_a_missing_block_is_found(rich: Path) -> None:
    execute(rich, "DELETE FROM blocks WHERE place = 2")

    assert found(rich) == [(FindingKind.MISSING, "partition 0, block 2")]
    log = read_log(rich)
    with pytest.raises(LogIntegrityError, match="block 2"):
        run(listed(log.blocks(0)))
    with pytest.raises(LogIntegrityError, match="block 2"):
        run(listed(log.blocks(0, after=2)))
    run(log.close())


@pytest.mark.parametrize("value", ["not json", "[]", '[["serving",1,1]]', '[["serving",96,9999]]'])
def test_a_row_that_cannot_be_a_block_is_found(rich: Path, value: str) -> None:
    execute(rich, "UPDATE blocks SET arms = ? WHERE place = 2", value)

    assert found(rich) == [(FindingKind.UNREADABLE, "partition 0, block 2")]


def test_text_that_is_no_utf8_is_found(rich: Path) -> None:
    execute(rich, "UPDATE blocks SET cursor = CAST(x'ff' AS TEXT) WHERE place = 2")

    assert FindingKind.UNREADABLE in {kind for kind, _ in found(rich)}


def test_blocks_moved_to_another_partition_are_found(rich: Path) -> None:
    execute(rich, "UPDATE blocks SET place = place + (2 << 40) WHERE place >= (3 << 40)")

    assert (FindingKind.TRUNCATED, "chain 3") in found(rich)


def test_an_altered_object_is_found(rich: Path) -> None:
    alter(rich, "objects", "body", where="1")

    ((kind, place),) = found(rich)

    assert kind is FindingKind.ALTERED
    assert place.startswith("object ")


def test_a_missing_cited_object_is_found(rich: Path) -> None:
    execute(rich, "DELETE FROM objects")

    assert found(rich) == [(FindingKind.MISSING, "partition 0, block 4")]


@pytest.mark.parametrize(
    "column", ["body", "type", "recorded_at_ns", "correlation_id", "causation_id"]
)
def test_an_altered_event_is_found(rich: Path, column: str) -> None:
    alter(rich, "events", column, where="position = 2")

    assert found(rich) == [(FindingKind.ALTERED, "event 2, stream tests-1, version 2")]


def test_a_missing_event_is_found(rich: Path) -> None:
    execute(rich, "DELETE FROM events WHERE position = 2")

    assert found(rich) == [
        (FindingKind.MISSING, "event 2"),
        (FindingKind.UNCHAINED, "event 3, stream tests-1, version 3"),
    ]
    log = read_log(rich)
    with pytest.raises(LogIntegrityError):
        run(log.read_events("tests-1"))
    with pytest.raises(LogIntegrityError):
        run(log.read_events("tests-1", after=2))
    run(log.close())


def test_an_altered_snapshot_is_found_and_not_served(rich: Path) -> None:
    alter(rich, "snapshots", "body", where="1")

    assert found(rich) == [(FindingKind.ALTERED, "snapshot k of partition 0")]
    log = read_log(rich)
    with pytest.raises(LogIntegrityError):
        run(log.load_snapshot(0, "k"))
    run(log.close())


def test_an_altered_object_is_not_served(rich: Path) -> None:
    with closing(sqlite3.connect(rich)) as connection:
        (digest,) = connection.execute("SELECT digest FROM objects").fetchone()
    alter(rich, "objects", "body", where="1")

    log = read_log(rich)
    with pytest.raises(LogIntegrityError, match=digest):
        run(log.get_object(digest))
    run(log.close())


def test_a_head_that_an_event_sealed_is_compared(rich: Path) -> None:
    log = open_sqlite(rich)
    run(log.seal_heads(CAUSES))
    assert run(log.verify()).intact
    run(log.close())
    beside(rich, ".heads").unlink()
    execute(rich, "DELETE FROM blocks WHERE place IN (4, 3 << 40, (3 << 40) + 1)")

    assert found(rich) == [
        (FindingKind.HEADS_MISSING, "log.db.heads"),
        (FindingKind.TRUNCATED, "partition 0, block 4"),
        (FindingKind.TRUNCATED, "partition 3, block 1"),
    ]


def test_an_events_table_with_another_column_is_found(rich: Path) -> None:
    execute(rich, "ALTER TABLE events RENAME COLUMN recorded_at_ns TO told_at_ns")

    assert FindingKind.UNREADABLE in {kind for kind, _ in found(rich)}


def test_a_flipped_digit_in_the_heads_file_is_found(rich: Path) -> None:
    heads = beside(rich, ".heads")
    second = heads.read_bytes().index(b"\n0 1 ") + 10
    digit = heads.read_bytes()[second : second + 1]
    data = bytearray(heads.read_bytes())
    data[second : second + 1] = b"0" if digit != b"0" else b"1"
    heads.write_bytes(data)

    assert found(rich) == [(FindingKind.REWRITTEN, "chain 0, number 1")]


def test_a_heads_file_that_is_none_is_found(rich: Path) -> None:
    beside(rich, ".heads").write_bytes(b"something else\n")

    assert found(rich) == [(FindingKind.UNREADABLE, "log.db.heads")]


def test_every_flipped_byte_of_the_tables_is_found(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=3)
    whole = path.read_bytes()
    used = [at for at in range(len(whole)) if whole[at]][::121]
    missed: list[int] = []
    for at in used:
        path.write_bytes(whole)
        flip(path, at)
        if not any(_wrong(path)):
            missed.append(at)

    # In the first page, beside the text of the tables, are counters that nothing is read by.
    assert [at for at in missed if at >= PAGE_BYTES] == []
    assert len(used) > 30
    assert len(missed) < 5


def test_a_corrupt_page_is_found(tmp_path: Path) -> None:
    path, _ = closed(tmp_path, blocks=60)
    page = path.stat().st_size // PAGE_BYTES - 2
    with path.open("r+b") as file:
        file.seek(page * PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES)

    assert any(finding.kind is FindingKind.UNREADABLE for finding in _wrong(path))


def _wrong(path: Path) -> Sequence[Finding]:
    """Return what is found on opening and verifying the log at ``path``."""
    try:
        return verified(path).findings
    except LogIntegrityError as error:
        return [
            Finding(
                kind=FindingKind.UNREADABLE,
                place=error.place,
                expected=error.expected,
                found=error.found,
            )
        ]
