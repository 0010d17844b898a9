"""``make postgres``: a server as long as its command runs, and nothing of it afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest

from ops.servers import __main__ as servers
from ops.servers.database import programs_folder
from tests.support.machine.servers import Databases

ROOT: Final = Path(__file__).resolve().parents[3]


def test_unknown_server_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert servers.main(["oracle"]) == 2
    assert "postgres" in capsys.readouterr().err


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_server_is_gone_with_its_command(number: signal.Signals) -> None:
    if programs_folder() is None:
        pytest.skip("no PostgreSQL: install the system package postgresql")
    command = subprocess.Popen(
        [sys.executable, "-m", "ops.servers", "postgres"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert command.stdout is not None
    named, _, url = command.stdout.readline().strip().partition("=")
    assert named == "TORGHUT_DATABASE_URL"
    folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    assert Databases(url).do("SELECT 1") == [(1,)]
    pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    command.send_signal(number)
    command.communicate()
    gone_within(pid)
    if number is signal.SIGKILL:
        subprocess.run(["rm", "-rf", str(folder)], check=True)  # noqa: S607 -- of the system
    assert not folder.exists()


def gone_within(pid: int) -> None:
    """Wait until a process is gone, for ten seconds at most."""
    waiting = ["timeout", "10", "tail", f"--pid={pid}", "-f", "/dev/null"]
    assert subprocess.run(waiting, check=False).returncode == 0


@contextmanager
def serving(*_: str) -> Iterator[str]:
    """Be a server that fails while it begins, by a fault of its own."""
    int("a fault of its own")
    yield ""


def test_fault_of_a_server_is_not_told_as_a_fault_of_what_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(servers, "SERVERS", {"faulty": (__name__, "fails")})

    with pytest.raises(ValueError, match="a fault of its own"):
        servers.main(["faulty"])
    assert "usage" not in capsys.readouterr().err


@pytest.mark.parametrize("words", [["kafka", "--nodes", "2"], ["postgres", "--nodes"]])
def test_options_that_there_are_not_are_answered_with_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert servers.main(words) == 2
    assert "usage: python -m ops.servers" in capsys.readouterr().err
