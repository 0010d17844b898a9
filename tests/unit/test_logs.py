"""A log is opened where it is; what speaks to a database is loaded only for one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from torghut.adapters.postgres.address import PasswordUnreadableError
from torghut.composition import logs
from torghut.composition.logs import (
    DatabaseExtraMissingError,
    PasswordExposedError,
    database_address,
    readable_log,
)

PLAIN = "postgresql://who@db.example/torghut"
SECRET = "correct-horse"  # noqa: S105 -- nobody's
URL = "TORGHUT_DATABASE_URL"
FILE = "TORGHUT_DATABASE_PASSWORD_FILE"


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (URL, FILE):
        monkeypatch.delenv(name, raising=False)


def test_nothing_of_a_database_is_loaded_before_one_is_asked_for() -> None:
    script = (
        "import sys, torghut.composition.deciding;"
        "print(*{'sqlalchemy', 'asyncpg', 'alembic', 'aiokafka'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert ended.stdout.split() == []


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_OPENING", "no_such_package.opening")

    with pytest.raises(DatabaseExtraMissingError, match=r"no_such_package.*torghut\[postgres\]"):
        readable_log(database_address(PLAIN))


def test_password_among_the_words_is_refused_and_not_repeated() -> None:
    with pytest.raises(PasswordExposedError) as caught:
        database_address(f"postgresql://who:{SECRET}@db.example/torghut")
    assert SECRET not in str(caught.value)


def test_password_comes_from_the_file_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(f"{SECRET}\n", encoding="utf-8")
    monkeypatch.setenv(FILE, str(tmp_path / "password"))

    assert database_address(PLAIN).password == SECRET


def test_file_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FILE, str(tmp_path / "none"))

    with pytest.raises(PasswordUnreadableError, match="none"):
        database_address(PLAIN)


def test_password_of_the_environments_address_is_for_that_address_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(URL, f"postgresql://who:{SECRET}@db.example/torghut")

    assert database_address(PLAIN).password == SECRET
    assert database_address("postgresql://who@elsewhere.example/torghut").password is None
    assert database_address("postgresql://who@db.example/another").password is None
