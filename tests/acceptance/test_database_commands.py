"""The commands that decide, replay and look up do the same on a log in a database as in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine.commands import installation, prices, typed
from tests.support.machine.servers import Databases

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

SECRET = "correct-horse"  # noqa: S105 -- nobody's


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with installation(monkeypatch, tmp_path) as folder:
        yield folder


@pytest.fixture
def source(here: Path) -> str:
    return prices(here / "prices.csv", count=400, crossed=(7, 90))


def decide(source: str, log: str, *more: str) -> str:
    """Decide a source into a log, and return the run's root."""
    ended = typed("run", "--source", source, "--log", log, "--batch", "64", "--json", *more)
    assert ended.status == 0, ended.err
    return str(ended.json["root"])


def test_run_into_a_database_has_the_root_of_a_run_into_a_file(source: str, database: str) -> None:
    assert decide(source, database) == decide(source, "file.log")


def test_run_is_taken_up_where_the_log_in_the_database_ends(source: str, database: str) -> None:
    decide(source, database)
    again = typed("run", "--source", source, "--log", database, "--json")

    assert again.status == 0, again.err
    assert again.json["contexts_before"] == again.json["contexts"] == 400
    assert "--log" in again.json["resume"]


def test_log_in_a_database_is_replayed_verified_and_looked_up(source: str, database: str) -> None:
    root = decide(source, database)

    replayed = typed("replay", "--verify", "--log", database, "--json")
    verified = typed("log", "verify", "--log", database, "--json")
    counted = typed("log", "stats", "--log", database, "--json")
    explained = typed("decision", "why", "--log", database, "--last", "--json")
    listed = typed("decision", "list", "--log", database, "--last", "3", "--json")
    assert [one.status for one in (replayed, verified, counted, explained, listed)] == [0] * 5
    assert verified.json["intact"]
    assert counted.json["root"] == root
    assert len(listed.json["decisions"]) == 3


def test_damage_in_a_database_ends_verification_as_in_a_file(
    databases: Databases, source: str, database: str
) -> None:
    decide(source, database)
    databases.do("UPDATE blocks SET cursor = '{}' WHERE number = 2", url=database)

    assert typed("log", "verify", "--log", database).status == 4


def test_password_among_the_words_is_refused_and_not_repeated(source: str) -> None:
    address = f"postgresql://who:{SECRET}@nowhere.invalid/torghut"

    for words in (("run", "--source", source), ("log", "verify"), ("log", "upgrade")):
        ended = typed(*words, "--log", address)
        assert ended.status == 2
        assert SECRET not in ended.out + ended.err
        assert "TORGHUT_DATABASE_PASSWORD_FILE" in ended.err


def test_log_in_a_database_is_not_set_aside(source: str, database: str) -> None:
    ended = typed("run", "--source", source, "--log", database, "--fresh")

    assert ended.status == 2
    assert "name another" in ended.err


def test_layout_that_needs_no_upgrade_ends_with_no(database: str) -> None:
    ended = typed("log", "upgrade", "--log", database)

    assert ended.status == 1
    assert "nothing was changed" in ended.out


def test_database_that_cannot_be_reached_is_told(here: Path) -> None:
    ended = typed("log", "head", "--log", f"postgresql://who@/torghut?host={here}")

    assert ended.status == 7
    assert "gone" in ended.err
