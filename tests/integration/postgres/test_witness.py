"""A database that was set back is refused where its writer was told of more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import CAUSES, Happened, fill, make_block, run
from tests.support.machine.servers import Databases, address_of
from torghut.adapters.postgres.opening import open_log, read_log
from torghut.adapters.postgres.store import PostgresLog
from torghut.composition.logs import shared_log
from torghut.eventlog.block import head_of
from torghut.eventlog.errors import LogIntegrityError, TruncatedLogError
from torghut.eventlog.verification import FindingKind
from torghut.settings import ARTIFACT_DIR

pytestmark = pytest.mark.system

SET_BACK = (
    "DELETE FROM blocks WHERE number > 1",
    (
        "UPDATE heads SET (number, digest, cursor) ="
        " (SELECT number, digest, cursor FROM blocks WHERE number = 1)"
    ),
)
"""As a copy of an hour ago would be: nothing in the database tells of what came later."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where what was acknowledged is kept."""
    return tmp_path / "heads"


def opened(url: str, folder: Path) -> PostgresLog:
    """Open a log whose acknowledgements are kept."""
    return open_log(address_of(url), clock=HandClock(), ids=CountingIds(), heads=folder)


async def filled(log: PostgresLog) -> None:
    """Append four blocks and three events, and close."""
    await fill(log, 4)
    events = [Happened(what=word) for word in "abc"]
    await log.append_events("a-1", events, expected_version=0, causes=CAUSES)
    await log.close()


def test_log_that_is_as_it_was_told_opens(database: str, folder: Path) -> None:
    run(filled(opened(database, folder)))

    again = opened(database, folder)
    report = run(again.verify())
    run(again.close())
    assert report.intact
    (file,) = folder.glob("*.heads")
    assert [line.split()[:2] for line in file.read_text().splitlines()[1:]] == [
        ["0", "3"],
        ["events", "3"],
    ]


def test_log_that_was_set_back_is_refused(
    databases: Databases, database: str, folder: Path
) -> None:
    run(filled(opened(database, folder)))
    for statement in SET_BACK:
        databases.do(statement, url=database)

    with pytest.raises(TruncatedLogError, match="number 3"):
        opened(database, folder)
    with pytest.raises(TruncatedLogError):
        read_log(address_of(database), clock=HandClock(), heads=folder)


def test_log_that_was_set_back_can_be_inspected(
    databases: Databases, database: str, folder: Path
) -> None:
    run(filled(opened(database, folder)))
    for statement in SET_BACK:
        databases.do(statement, url=database)

    log = read_log(address_of(database), clock=HandClock(), heads=folder, inspect=True)
    report = run(log.verify())
    run(log.close())
    assert [finding.kind for finding in report.findings] == [FindingKind.TRUNCATED]
    assert report.findings[0].place == "chain 0, number 3"


def test_events_that_were_set_back_are_refused(
    databases: Databases, database: str, folder: Path
) -> None:
    run(filled(opened(database, folder)))
    databases.do("DELETE FROM events WHERE position = 3", url=database)
    databases.do(
        "UPDATE events_end SET (position, digest) ="
        " (SELECT position, digest FROM events WHERE position = 2)",
        url=database,
    )

    with pytest.raises(TruncatedLogError, match="chain events"):
        opened(database, folder)


def test_log_that_went_another_way_is_refused(
    databases: Databases, database: str, folder: Path
) -> None:
    log = opened(database, folder)
    chain = run(fill(log, 2))
    run(log.close())
    databases.do("DELETE FROM blocks WHERE number = 1", url=database)
    databases.do(
        "UPDATE heads SET (number, digest, cursor) ="
        " (SELECT number, digest, cursor FROM blocks WHERE number = 0)",
        url=database,
    )
    other = open_log(address_of(database), clock=HandClock(), ids=CountingIds())
    run(other.append(make_block(head_of(chain[0]), first=900)))
    run(other.close())

    with pytest.raises(LogIntegrityError):
        opened(database, folder)


def test_writers_at_the_same_time_have_files_of_their_own(database: str, folder: Path) -> None:
    one, two = opened(database, folder), opened(database, folder)
    run(one.claim(0, "one"))
    run(two.claim(1, "two"))
    run(fill(one, 2))
    run(fill(two, 2, partition=1))
    run(one.claim(1, "one"))
    run(one.append(make_block(run(one.head(1)))))
    run(one.close())
    run(two.close())

    assert len(list(folder.glob("*.heads"))) == 2
    again = opened(database, folder)
    assert run(again.verify()).intact
    run(again.close())


def test_partition_that_another_machine_went_on_with_is_taken_back(
    database: str, tmp_path: Path
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    here = opened(database, ours)
    run(here.claim(0, "here"))
    run(fill(here, 3))
    there = opened(database, theirs)
    run(there.claim(0, "there"))
    run(there.append(make_block(run(there.head(0)))))
    run(there.close())
    run(here.claim(0, "here"))
    run(here.append(make_block(run(here.head(0)))))
    run(here.close())

    for folder in (ours, theirs):
        log = opened(database, folder)
        assert run(log.head(0)).number == 4
        assert run(log.verify()).intact
        run(log.close())


def test_log_of_several_workers_is_refused_where_it_was_set_back_for_one(
    databases: Databases, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ARTIFACT_DIR, str(tmp_path))
    one, two = shared_log(address_of(database)), shared_log(address_of(database))
    run(one.claim(0, "one"))
    run(fill(one, 4))
    run(one.close())
    run(two.close())
    for statement in SET_BACK:
        databases.do(statement, url=database)

    with pytest.raises(TruncatedLogError, match="number 3"):
        shared_log(address_of(database))


def test_line_that_a_crash_left_half_written_is_dropped(database: str, folder: Path) -> None:
    run(filled(opened(database, folder)))
    (file,) = folder.glob("*.heads")
    with file.open("ab") as end:
        end.write(b"0 4 abc")
    again = opened(database, folder)
    run(again.append(make_block(run(again.head(0)))))
    run(again.close())

    assert file.read_text().splitlines()[-1].startswith("0 4 ")
    run(opened(database, folder).close())


def test_file_of_another_log_is_refused(database: str, folder: Path) -> None:
    run(filled(opened(database, folder)))
    (file,) = folder.glob("*.heads")
    file.write_text("torghut-heads-seen 1 another\n")

    with pytest.raises(LogIntegrityError):
        opened(database, folder)
