"""Closed blocks go to files and the log stays the same, wherever the work is cut short."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.dying import Killed
from tests.fakes.eventlog import CAUSES, fill, listed, make_block, run
from tests.integration.postgres.archiver import archive_all, open_archiving
from tests.support.machine.servers import Databases, address_of, open_postgres
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.postgres.opening import upgrade_log
from torghut.adapters.postgres.store import PostgresLog
from torghut.artifacts.errors import ArtifactUnwritableError
from torghut.eventlog.block import Block, head_of
from torghut.eventlog.errors import (
    ArchiveAlteredError,
    ArchiveMissingError,
    ConcurrencyConflictError,
    LogIntegrityError,
    LogWriteError,
)
from torghut.eventlog.events import log_stream
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.verification import FindingKind
from torghut.schemas.block import BlocksArchived

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

ROOT: Final = Path(__file__).resolve().parents[3]
BLOCKS: Final = 12


class DyingArtifacts(FolderArtifacts):
    """Artifacts of a process that is killed at one step.

    Attributes:
        step: At which; another one is done.
    """

    step: str = ""

    @override
    def create(self, path: str, body: bytes, /) -> None:
        if self.step == "before the file":
            raise Killed
        super().create(path, body)
        if self.step == "after the file":
            raise Killed

    @override
    def read(self, path: str, /) -> bytes:
        body = super().read(path)
        if self.step == "after reading back":
            raise Killed
        return body[:-9] + b"somewhere" if self.step == "altered" else body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of artifacts."""
    return tmp_path / "artifacts"


def filled(url: str, folder: Path) -> tuple[PostgresLog, Sequence[Block]]:
    """Return a log with blocks in two partitions and a snapshot of the newest of each."""
    log = open_archiving(url, FolderArtifacts(folder))

    async def write() -> Sequence[Block]:
        chain = await fill(log, BLOCKS)
        await fill(log, 2, partition=5)
        for partition, last in ((0, BLOCKS - 1), (5, 1)):
            await log.save_snapshot(
                Snapshot(partition=partition, block_number=last, key="k", body=b"state")
            )
        await log.seal_heads(CAUSES)
        return chain

    return log, run(write())


def archived_events(log: PostgresLog) -> Sequence[tuple[int, int, int]]:
    """Return partition, first and last of every archive that the log speaks of."""
    events = run(log.read_events(log_stream(log.log_id)))
    said = [
        BlocksArchived.model_validate_json(one.body)
        for one in events
        if one.type == "eventlog.blocks-archived.v1"
    ]
    return [(one.partition, one.first, one.last) for one in said]


async def first_of(log: PostgresLog) -> Block:
    """Return the first block, as whoever asks what a fold began with."""
    async for block in log.blocks(0):
        return block
    raise AssertionError


def rows_left(databases: Databases, url: str) -> Sequence[tuple[object, ...]]:
    """Return partition and number of the blocks that are in rows."""
    return databases.do("SELECT partition, number FROM blocks ORDER BY 1, 2", url=url)


def files(folder: Path) -> Sequence[Path]:
    """Return the files of archived blocks."""
    return sorted((folder / "log-archives").glob("*.parquet"))


def test_archived_log_is_the_same_log(databases: Databases, database: str, folder: Path) -> None:
    log, chain = filled(database, folder)
    before = run(log.verify())
    snapshot = run(log.load_snapshot(0, "k"))

    archived = archive_all(log, keep_blocks=3)

    assert rows_left(databases, database) == [(0, 0), (0, 9), (0, 10), (0, 11), (5, 0), (5, 1)]
    assert run(listed(log.blocks(0))) == list(chain)
    assert run(listed(log.blocks(0, after=4))) == list(chain[5:])
    assert run(listed(log.blocks(0, after=8))) == list(chain[9:])
    assert run(log.head(0)) == head_of(chain[-1])
    assert run(log.load_snapshot(0, "k")) == snapshot
    after = run(log.verify())
    assert after.intact
    assert (after.heads, after.blocks, after.decisions) == (
        before.heads,
        before.blocks,
        before.decisions,
    )
    assert archived_events(log) == [(one.partition, one.first, one.last) for one in archived]
    assert len(files(folder)) == len(archived) > 1
    run(log.close())


def test_log_goes_on_behind_a_chain_that_is_archived_whole(database: str, folder: Path) -> None:
    log, chain = filled(database, folder)
    archive_all(log, keep_blocks=0)
    another = open_archiving(database, FolderArtifacts(folder))

    assert run(another.partitions()) == [0, 5]
    assert run(another.append(chain[4])) == head_of(chain[4])  # the same again changes nothing
    block = make_block(head_of(chain[-1]))
    assert run(another.append(block)) == head_of(block)
    assert run(listed(another.blocks(0, after=10))) == [chain[11], block]
    assert run(another.verify()).intact
    run(another.close())
    run(log.close())


def test_what_no_snapshot_covers_stays(databases: Databases, database: str, folder: Path) -> None:
    log = open_archiving(database, FolderArtifacts(folder))
    run(fill(log, 6))
    assert archive_all(log, keep_blocks=0) == []
    run(log.save_snapshot(Snapshot(partition=0, block_number=2, key="k", body=b"state")))

    archive_all(log, keep_blocks=0)

    assert rows_left(databases, database) == [(0, 0), (0, 3), (0, 4), (0, 5)]
    run(log.close())


def test_fold_is_restored_without_the_archive(database: str, folder: Path) -> None:
    log, chain = filled(database, folder)
    archive_all(log, keep_blocks=0)
    late = make_block(head_of(chain[-1]))
    run(log.append(late))
    run(log.close())
    bare = open_postgres(database)

    snapshot = run(bare.load_snapshot(0, "k"))
    assert snapshot is not None
    assert run(first_of(bare)) == chain[0]
    assert run(listed(bare.blocks(0, after=snapshot.block_number))) == [late]
    run(bare.save_snapshot(Snapshot(partition=0, block_number=7, key="old", body=b"state")))
    assert run(bare.load_snapshot(0, "old")) is not None
    run(bare.close())


def test_missing_folder_is_told_with_what_is_missing(database: str, folder: Path) -> None:
    log, _ = filled(database, folder)
    archive_all(log, keep_blocks=3)
    lost = {f"archive log-archives/{file.name}" for file in files(folder)}
    run(log.close())
    for bare in (open_postgres(database), open_archiving(database, FolderArtifacts(folder / "x"))):
        with pytest.raises(ArchiveMissingError, match="blocks 1 to ") as caught:
            run(listed(bare.blocks(0)))
        assert caught.value.path.startswith("log-archives/")
        report = run(bare.verify())
        assert {one.kind for one in report.findings} == {FindingKind.MISSING}
        assert {one.place for one in report.findings} == lost
        assert len(run(listed(bare.blocks(0, after=8)))) == 3
        run(bare.close())


@pytest.mark.parametrize("place", [4, -40, 0.3, 0.6])
def test_changed_byte_of_an_archive_is_found(database: str, folder: Path, place: float) -> None:
    log, _ = filled(database, folder)
    archived = archive_all(log, keep_blocks=3)
    run(log.close())
    file = files(folder)[1]
    body = bytearray(file.read_bytes())
    body[int(place * len(body)) if 0 < place < 1 else int(place)] ^= 1
    file.write_bytes(body)
    log = open_archiving(database, FolderArtifacts(folder))

    report = run(log.verify())
    assert [one.kind for one in report.findings] == [FindingKind.ALTERED]
    assert file.name in report.findings[0].place
    altered = next(one for one in archived if one.file_digest == file.stem)
    with pytest.raises(ArchiveAlteredError):
        run(listed(log.blocks(altered.partition)))
    run(log.close())


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM archives WHERE partition = 0", FindingKind.MISSING),
        ("UPDATE archives SET file_digest = repeat('a', 64)", FindingKind.REWRITTEN),
        (
            "UPDATE archives SET digests = set_byte(digests, 1, get_byte(digests, 1) # 1)",
            FindingKind.ALTERED,
        ),
        ("DELETE FROM blocks WHERE number = 9", FindingKind.MISSING),
    ],
)
def test_damaged_record_of_an_archive_is_found(
    databases: Databases, database: str, folder: Path, statement: str, kind: FindingKind
) -> None:
    log, _ = filled(database, folder)
    archive_all(log, keep_blocks=3)
    databases.do(statement, url=database)

    assert kind in {one.kind for one in run(log.verify()).findings}
    run(log.close())


@pytest.mark.parametrize("step", ["before the file", "after the file", "after reading back"])
def test_killed_before_the_commit_nothing_is_gone_and_again_ends_the_job(
    databases: Databases, database: str, folder: Path, step: str
) -> None:
    log, chain = filled(database, folder)
    run(log.close())
    artifacts = DyingArtifacts(folder)
    artifacts.step = step
    dying = open_archiving(database, artifacts)
    with pytest.raises(Killed):
        archive_all(dying, keep_blocks=3)
    assert len(rows_left(databases, database)) == BLOCKS + 2
    assert archived_events(dying) == []
    artifacts.step = ""

    archived = archive_all(dying, keep_blocks=3)

    assert run(listed(dying.blocks(0))) == list(chain)
    assert run(dying.verify()).intact
    assert len(files(folder)) == len(archived)  # the file of the killed run is one of them
    run(dying.close())


def test_file_that_reads_back_altered_takes_no_row_away(
    databases: Databases, database: str, folder: Path
) -> None:
    log, _ = filled(database, folder)
    run(log.close())
    artifacts = DyingArtifacts(folder)
    artifacts.step = "altered"
    log = open_archiving(database, artifacts)

    with pytest.raises(ArchiveAlteredError):
        archive_all(log, keep_blocks=3)
    assert len(rows_left(databases, database)) == BLOCKS + 2
    run(log.close())


def test_damaged_row_is_not_archived(databases: Databases, database: str, folder: Path) -> None:
    log, _ = filled(database, folder)
    databases.do("UPDATE blocks SET records = 'x' WHERE number = 1", url=database)

    with pytest.raises(LogIntegrityError):
        archive_all(log, keep_blocks=3)
    assert len(rows_left(databases, database)) == BLOCKS + 2
    run(log.close())


def test_folder_that_cannot_be_written_takes_no_row_away(
    databases: Databases, database: str, folder: Path
) -> None:
    log, _ = filled(database, folder)
    folder.write_text("no folder")

    with pytest.raises(ArtifactUnwritableError):
        archive_all(log, keep_blocks=3)
    assert len(rows_left(databases, database)) == BLOCKS + 2
    run(log.close())


@pytest.mark.parametrize("table", ["INSERT ON archives", "DELETE ON blocks", "INSERT ON events"])
def test_commit_that_fails_at_any_statement_changes_nothing(
    databases: Databases, database: str, folder: Path, table: str
) -> None:
    log, chain = filled(database, folder)
    databases.do(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'refused'; END$$",
        url=database,
    )
    databases.do(f"CREATE TRIGGER refusing BEFORE {table} EXECUTE FUNCTION refuse()", url=database)
    with pytest.raises(LogWriteError):
        archive_all(log, keep_blocks=3)
    assert len(rows_left(databases, database)) == BLOCKS + 2
    assert databases.do("SELECT * FROM archives", url=database) == []
    databases.do("DROP FUNCTION refuse CASCADE", url=database)

    archive_all(log, keep_blocks=3)

    assert run(listed(log.blocks(0))) == list(chain)
    assert run(log.verify()).intact
    run(log.close())


def test_archive_on_record_is_not_recorded_twice(database: str, folder: Path) -> None:
    log, _ = filled(database, folder)
    planned = run(log.closed(0, keep_blocks=3))
    (first, *_) = archive_all(log, keep_blocks=3)

    assert run(log.closed(0, keep_blocks=3)).count == 0
    assert archive_all(log, keep_blocks=3) == []
    with pytest.raises((ConcurrencyConflictError, LogIntegrityError)):
        run(log.archive(planned, CAUSES))
    assert archived_events(log).count((0, first.first, first.last)) == 1
    run(log.close())


def test_killed_at_any_instant_it_loses_nothing_and_doubles_nothing(
    databases: Databases, database: str, folder: Path
) -> None:
    log = open_archiving(database, FolderArtifacts(folder))
    chain = run(fill(log, 300))
    run(log.save_snapshot(Snapshot(partition=0, block_number=299, key="k", body=b"state")))
    kills = 0
    for wanted in (1, 7, 19, 40):
        working = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.postgres.archiver", database, str(folder)],
            cwd=ROOT,
        )
        while working.poll() is None:
            if databases.do("SELECT count(*) FROM archives", url=database)[0][0] >= wanted:  # type: ignore[operator]
                working.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.001)
        working.wait(timeout=60)
        assert run(listed(log.blocks(0))) == list(chain)
        assert run(log.verify()).intact

    archive_all(log, keep_blocks=5)

    assert kills >= 2
    ends = sorted(archived_events(log))
    assert [first for _, first, _ in ends] == [1, *(last + 1 for _, _, last in ends[:-1])]
    assert ends[-1][2] == 294
    assert run(listed(log.blocks(0))) == list(chain)
    run(log.close())


def test_log_of_the_first_layout_is_upgraded_and_archived(
    databases: Databases, database: str, folder: Path
) -> None:
    databases.do("DROP TABLE archives", url=database)
    databases.do("UPDATE torghut_log_layout SET version_num = '1'", url=database)

    assert upgrade_log(address_of(database)) == ("1", "2")
    log, chain = filled(database, folder)
    archive_all(log, keep_blocks=3)
    assert run(listed(log.blocks(0))) == list(chain)
    run(log.close())
