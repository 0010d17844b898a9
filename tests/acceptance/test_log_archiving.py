"""A log whose older blocks are in files is read, replayed and taken up as if they were in rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine.commands import Ended, installation, prices, typed
from tests.support.machine.servers import Databases

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with installation(monkeypatch, tmp_path) as folder:
        yield folder


def decided(here: Path, database: str, count: int, *words: str) -> Ended:
    """Decide ``count`` records into a database, or go on with them."""
    source = prices(here / "prices.csv", count=count)
    command = ("run", "--source", source, "--log", database, "--batch", "100", "--json")
    return typed(*command, *words)


def answers(database: str) -> list[str]:
    """Return what the commands that read a log say."""
    ended = [
        typed("log", "stats", "--log", database, "--json"),
        typed("log", "export", "--what", "decisions", "--log", database),
        typed("decision", "list", "--log", database, "--json"),
        typed("replay", "--verify", "--log", database, "--json"),
    ]
    assert [one.status for one in ended] == [0, 0, 0, 0], [one.err for one in ended]
    return [*(one.out for one in ended[:3]), ended[3].json["root"]]


def archive(database: str, *words: str) -> Ended:
    """Archive all that may go."""
    return typed("log", "archive", "--log", database, "--keep-blocks", "1", "--json", *words)


def test_commands_say_the_same_of_an_archived_log(
    here: Path, databases: Databases, database: str
) -> None:
    assert decided(here, database, 600).status == 0
    before = answers(database)

    plan = archive(database, "--dry-run")
    assert databases.do("SELECT count(*) FROM blocks", url=database) == [(6,)]
    done = archive(database)

    assert done.status == 0, done.err
    assert done.json["closed"] == plan.json["closed"] != []
    assert [one["last"] for one in done.json["archived"]] == [
        one["last"] for one in plan.json["closed"]
    ]
    assert databases.do("SELECT number FROM blocks ORDER BY 1", url=database) == [(0,), (5,)]
    assert answers(database) == before
    verified = typed("log", "verify", "--log", database)
    assert verified.status == 0, verified.out
    assert archive(database).json == {"archived": [], "closed": []}


def test_run_is_taken_up_from_its_snapshot_without_the_files(here: Path, database: str) -> None:
    assert decided(here, database, 300).status == 0
    assert archive(database).json["archived"] != []
    shutil.rmtree(here / "var" / "log-archives")

    missing = typed("replay", "--verify", "--log", database, "--json")
    assert missing.status == 4
    assert "eventlog.archive-missing" in missing.out + missing.err
    verified = typed("log", "verify", "--log", database)
    assert verified.status == 4
    assert "log-archives/" in verified.out + verified.err
    gone_on = decided(here, database, 300, "--no-report")
    assert gone_on.status == 0, gone_on.err


def test_log_in_a_file_is_not_archived(here: Path) -> None:
    ended = typed("log", "archive", "--log", str(here / "file.log"))

    assert ended.status == 2
    assert "name a database" in ended.err
