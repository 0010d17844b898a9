"""A log goes from its file into a database with every hash, however often it is cut short."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, Happened, citing, fill, make_block, open_sqlite, run
from tests.support.machine.commands import installation, prices, started, typed
from tests.support.machine.servers import Databases, address_of, open_postgres
from torghut.adapters.postgres.opening import read_log
from torghut.adapters.sqlite.store import SqliteLog
from torghut.eventlog.block import head_of
from torghut.eventlog.errors import LogMissingError
from torghut.eventlog.ports import Snapshot

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with installation(monkeypatch, tmp_path) as folder:
        yield folder


@pytest.fixture
def empty(databases: Databases, database: str) -> Iterator[str]:
    """Return a database with nothing in it."""
    assert database
    url = databases.make(empty=True)
    yield url
    databases.drop(url)


async def fill_everything(log: SqliteLog, blocks: int) -> None:
    """Put some of everything into a log."""
    chain = await fill(log, blocks)
    await fill(log, 3, partition=6)
    digest = await log.put_object(b"declarations")
    await log.put_object(b"never cited")
    await log.append(citing(make_block(head_of(chain[-1])), digest))
    for stream in ("rollout-1", "approval-1"):
        events = [Happened(what=word) for word in "abcde"]
        await log.append_events(stream, events, expected_version=0, causes=CAUSES)
    await log.save_snapshot(Snapshot(partition=0, block_number=1, key="k", body=b"state"))
    await log.seal_heads(CAUSES)
    await log.close()


def written(folder: Path, blocks: int = 40) -> Path:
    """Return the path of a log with some of everything."""
    path = folder / "file.log"
    run(fill_everything(open_sqlite(path), blocks))
    return path


def migrate(path: Path, url: str) -> int:
    """Copy a log, and return how the command ended."""
    return typed("log", "migrate", "--log", str(path), "--to", url).status


def test_copy_verifies_like_the_log_it_is_of(here: Path, empty: str) -> None:
    path = written(here)
    assert migrate(path, empty) == 0

    log, copy = open_sqlite(path), open_postgres(empty)
    assert run(log.verify()) == run(copy.verify())
    assert run(log.events_after(0, 100)) == run(copy.events_after(0, 100))
    assert run(copy.load_snapshot(0, "k")) == run(log.load_snapshot(0, "k"))
    assert copy.log_id == log.log_id
    for partition in (0, 6):
        assert run(log.head(partition)) == run(copy.head(partition))
    run(log.close())
    run(copy.close())


def test_copying_again_copies_nothing_and_then_what_is_new(here: Path, empty: str) -> None:
    path = written(here)
    assert migrate(path, empty) == 0
    again = typed("log", "migrate", "--log", str(path), "--to", empty, "--json")
    assert again.json["copied"] == {"blocks": 0, "events": 0}
    log = open_sqlite(path)
    run(log.append(make_block(run(log.head(0)))))
    run(log.close())
    more = typed("log", "migrate", "--log", str(path), "--to", empty, "--json")

    assert more.status == 0, more.err
    assert more.json["copied"] == {"blocks": 1, "events": 0}


def test_copy_goes_on_where_it_was_killed(here: Path, empty: str) -> None:
    path = written(here, blocks=600)
    copying = started(here, "log", "migrate", "--log", str(path), "--to", empty)
    reached = asyncio.run(blocks_copied(empty, 100))
    copying.send_signal(signal.SIGKILL)
    copying.communicate()
    rest = typed("log", "migrate", "--log", str(path), "--to", empty, "--json")

    assert reached >= 100
    assert rest.status == 0, rest.err
    assert 0 < rest.json["copied"]["blocks"] <= 604 - reached
    assert rest.json["blocks"] == 604


async def blocks_copied(url: str, wanted: int) -> int:
    """Return how many blocks of the first partition are there, once there are so many."""
    while True:
        await asyncio.sleep(0.02)
        try:
            log = await asyncio.to_thread(read_log, address_of(url), clock=HandClock())
        except LogMissingError:  # not laid out yet
            continue
        number = (await log.head(0)).number
        await log.close()
        if number + 1 >= wanted:
            return number + 1


def test_database_of_another_log_is_refused(here: Path, database: str) -> None:
    path = written(here)
    other = here / "other.log"
    source = prices(here / "prices.csv")
    assert typed("run", "--source", source, "--log", str(other)).status == 0
    assert migrate(other, database) == 5
    copy = open_postgres(database)
    run(fill(copy, 2, partition=6))
    run(copy.append_events("x-1", [Happened(what="x")], expected_version=0, causes=CAUSES))
    run(copy.close())

    assert migrate(path, database) == 5


def test_decided_log_replays_from_its_copy(here: Path, empty: str) -> None:
    source = prices(here / "prices.csv", count=400)
    assert typed("run", "--source", source, "--log", "file.log").status == 0
    assert migrate(here / "file.log", empty) == 0

    replayed = typed("replay", "--verify", "--log", empty, "--json")
    assert replayed.status == 0, replayed.err
    assert (
        replayed.json["root"] == typed("log", "stats", "--log", "file.log", "--json").json["root"]
    )
