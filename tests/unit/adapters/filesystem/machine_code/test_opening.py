"""A folder of machine code is judged as it was opened, and so is a file in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from torghut.adapters.filesystem.machine_code import opening
from torghut.adapters.filesystem.machine_code.opening import (
    BYTES_MAX,
    opened,
    read_own,
    why_refused,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of this user's own."""
    tmp_path.chmod(0o700)
    return tmp_path


def read(folder: Path, name: str = "a.code") -> bytes | None:
    """Return what a file of ``folder`` holds, if it may be run."""
    with opened(folder) as found:
        return read_own(found, name)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_folder_that_others_can_write_is_refused(folder: Path, mode: int) -> None:
    folder.chmod(mode)

    assert f"mode {mode:o}" in why_refused(folder)
    with pytest.raises(PermissionError), opened(folder):
        pass


def test_folder_of_somebody_else_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = folder.stat().st_uid
    monkeypatch.setattr(opening, "_ROOT_USER", -1)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    assert why_refused(folder) == f"{folder} belongs to user {owner}, this is user {owner + 1}"


def test_folder_of_this_user_is_not_refused(folder: Path) -> None:
    assert why_refused(folder) == ""


def test_link_to_a_folder_and_a_file_are_no_folders(folder: Path) -> None:
    (folder / "own").mkdir(mode=0o700)
    (folder / "link").symlink_to(folder / "own")
    (folder / "file").touch()

    for name in ("link", "file"):
        assert why_refused(folder / name) == f"{folder / name} is a link, or no folder"


def test_folder_is_the_one_that_was_judged_whatever_its_name_leads_to_by_now(folder: Path) -> None:
    judged, other = folder / "judged", folder / "other"
    for one, body in ((judged, b"ours"), (other, b"theirs")):
        one.mkdir(mode=0o700)
        (one / "a.code").write_bytes(body)
        (one / "a.code").chmod(0o600)

    with opened(judged) as found:
        judged.rename(folder / "away")
        judged.symlink_to(other)
        assert read_own(found, "a.code") == b"ours"


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_file_that_others_can_write_is_not_read(folder: Path, mode: int) -> None:
    file = folder / "a.code"
    file.write_bytes(b"code")
    file.chmod(0o600)
    assert read(folder) == b"code"
    file.chmod(mode)

    assert read(folder) is None


def test_file_of_somebody_else_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.code").write_bytes(b"code")
    (folder / "a.code").chmod(0o600)
    owner = folder.stat().st_uid

    with opened(folder) as found:
        monkeypatch.setattr(opening, "_ROOT_USER", -1)
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
        assert read_own(found, "a.code") is None


def test_link_to_a_file_is_not_followed(folder: Path) -> None:
    (folder / "other").write_bytes(b"code")
    (folder / "a.code").symlink_to(folder / "other")

    with pytest.raises(OSError, match="symbolic links"):
        read(folder)


def test_pipe_and_folder_are_no_files_and_nobody_waits(folder: Path) -> None:
    os.mkfifo(folder / "a.code", 0o600)
    (folder / "b.code").mkdir(mode=0o700)

    assert read(folder) is None
    assert read(folder, "b.code") is None


def test_file_that_is_too_large_is_not_read(folder: Path) -> None:
    file = folder / "a.code"
    file.touch(mode=0o600)
    os.truncate(file, BYTES_MAX + 1)

    assert read(folder) is None
