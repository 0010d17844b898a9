"""A new key is its user's alone from its first byte, and never in the place of another file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from torghut.adapters.filesystem.key_files import KeyFileExistsError, new_key_file
from torghut.adapters.filesystem.writing import FileWriteError
from torghut.artifacts.signatures import fingerprint, parse_private_key, parse_public_key


def test_both_files_hold_the_same_pair(tmp_path: Path) -> None:
    public = new_key_file(tmp_path / "keys" / "mine.pem")

    private = parse_private_key((tmp_path / "keys" / "mine.pem").read_bytes())
    shown = parse_public_key((tmp_path / "keys" / "mine.pem.pub").read_bytes())
    assert fingerprint(private.public_key()) == shown.fingerprint == fingerprint(public)


def test_only_its_user_may_read_the_private_one(tmp_path: Path) -> None:
    new_key_file(tmp_path / "mine.pem")

    assert stat.S_IMODE((tmp_path / "mine.pem").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["mine.pem", "mine.pem.pub"])
def test_nothing_is_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"the only copy")

    with pytest.raises(KeyFileExistsError):
        new_key_file(tmp_path / "mine.pem")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"the only copy"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine.pem").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(KeyFileExistsError):
        new_key_file(tmp_path / "mine.pem")
    assert not (tmp_path / "elsewhere").exists()


def test_each_is_another(tmp_path: Path) -> None:
    assert fingerprint(new_key_file(tmp_path / "a")) != fingerprint(new_key_file(tmp_path / "b"))


def test_a_place_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(FileWriteError):
        new_key_file(tmp_path / "file" / "mine.pem")
