"""The token file is made once, for its user alone, and followed while it changes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from tests.fakes.clock import Stopwatch
from torghut.adapters.filesystem.tokens import TokenFile, TokenFileUnsafeError, make_tokens
from torghut.adapters.filesystem.writing import FileWriteError
from torghut.workflows.live.access.errors import TokensMalformedError
from torghut.workflows.live.access.tokens import Role

SECOND = 1_000_000_000
TOKEN = "t" * 32


def put(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a token file."""
    path.write_text(text, encoding="ascii")
    path.chmod(mode)


def looked(file: TokenFile, watch: Stopwatch, times: int = 2) -> list[str]:
    """Return the names of the good tokens, after looking again a second later."""
    for _ in range(times):
        watch.time_ns += SECOND
        file.keyring()
    return [caller.name for caller in file.keyring().callers]


def test_a_new_file_has_a_token_for_each_role_and_only_its_user_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tokens"

    assert make_tokens(path)

    assert path.stat().st_mode & 0o777 == 0o600
    callers = TokenFile(path=path, steady=Stopwatch()).keyring().callers
    assert [caller.role for caller in callers] == list(Role)
    assert len({caller.digest for caller in callers}) == 3


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    put(path, f"read watcher {TOKEN}\n")

    assert not make_tokens(path)

    assert path.read_text(encoding="ascii") == f"read watcher {TOKEN}\n"
    assert list(tmp_path.iterdir()) == [path]


def test_two_new_files_share_no_token(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        make_tokens(tmp_path / name)
        texts.append((tmp_path / name).read_text(encoding="ascii"))
    words = [{word for word in text.split() if len(word) >= 32} for text in texts]

    assert [len(found) for found in words] == [3, 3]
    assert words[0].isdisjoint(words[1])


def test_a_file_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")

    with pytest.raises(FileWriteError):
        make_tokens(tmp_path / "file" / "tokens")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    put(tmp_path / "tokens", f"read watcher {TOKEN}\n", mode)

    with pytest.raises(TokenFileUnsafeError, match=f"mode {mode:o}"):
        TokenFile(path=tmp_path / "tokens", steady=Stopwatch()).keyring()


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "tokens", f"read watcher {TOKEN}\n")
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)

    with pytest.raises(TokenFileUnsafeError, match="of user"):
        TokenFile(path=tmp_path / "tokens", steady=Stopwatch()).keyring()


@pytest.mark.parametrize("what", ["nothing", "a folder", "a pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "tokens"
    if what == "a folder":
        path.mkdir()
    elif what == "a pipe":
        os.mkfifo(path)

    with pytest.raises(TokenFileUnsafeError):
        TokenFile(path=path, steady=Stopwatch()).keyring()


def test_a_changed_file_holds_once_it_has_settled(tmp_path: Path) -> None:
    watch, path = Stopwatch(), tmp_path / "tokens"
    put(path, f"read watcher {TOKEN}\n")
    file = TokenFile(path=path, steady=watch)
    assert looked(file, watch, times=0) == ["watcher"]
    put(path, f"read somebody {TOKEN}\n")

    assert looked(file, watch, times=1) == ["watcher"]
    assert looked(file, watch, times=1) == ["somebody"]


def test_a_file_is_looked_at_once_a_second(tmp_path: Path) -> None:
    watch, path = Stopwatch(), tmp_path / "tokens"
    put(path, f"read watcher {TOKEN}\n")
    file = TokenFile(path=path, steady=watch)
    file.keyring()
    path.unlink()
    watch.time_ns += SECOND - 1
    file.keyring()
    watch.time_ns += 1

    with pytest.raises(TokenFileUnsafeError):
        file.keyring()


def test_a_file_that_went_bad_lets_nobody_in_until_it_is_good_again(tmp_path: Path) -> None:
    watch, path = Stopwatch(), tmp_path / "tokens"
    put(path, f"read watcher {TOKEN}\n")
    file = TokenFile(path=path, steady=watch)
    file.keyring()
    put(path, "read watcher\n")
    watch.time_ns += SECOND
    file.keyring()
    watch.time_ns += SECOND
    for _ in range(2):
        with pytest.raises(TokensMalformedError):
            file.keyring()
    put(path, f"report somebody {TOKEN}\n")

    assert looked(file, watch, times=0) == ["somebody"]


@pytest.mark.parametrize(
    "line",
    [
        f"operate desk {TOKEN}",
        f"operate desk {TOKEN} # two people",
        f"operate desk {TOKEN} two people",
        f"operate desk {TOKEN}# two people",
        f"# operate desk {TOKEN} of last year",
    ],
)
def test_every_token_is_hidden_whatever_stands_beside_it(tmp_path: Path, line: str) -> None:
    hidden: list[str] = []
    put(tmp_path / "tokens", f"{line}\n")

    with contextlib.suppress(TokensMalformedError):
        TokenFile(path=tmp_path / "tokens", steady=Stopwatch(), hide=hidden.append).keyring()

    assert TOKEN in hidden
