"""Machine code is kept where nobody else can write it, and old builds go."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from torghut.adapters.filesystem.machine_code.keeping import BUILDS_KEPT, FolderCode

NAME: Final = "a.code"


def builds(count: int, kernel: str = "k") -> list[str]:
    """Return names of builds."""
    return [f"{kernel}-{number:032x}" for number in range(count)]


BUILD: Final = builds(1)[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return where machine code is kept; nothing is there."""
    return tmp_path / "cache"


def kept(root: Path, build: str = BUILD, *, at_s: int = 1) -> Path:
    """Return the folder of a build that was used at a time."""
    FolderCode(root).keep(build, NAME, b"code")
    os.utime(root / build, (at_s, at_s))
    return root / build


def test_folders_and_files_are_made_for_their_owner_alone(root: Path) -> None:
    before = os.umask(0)
    try:
        folder = kept(root)
    finally:
        os.umask(before)

    modes = [made.stat().st_mode & 0o777 for made in (root, folder, folder / NAME)]
    assert modes == [0o700, 0o700, 0o600]
    assert [one.name for one in folder.iterdir()] == [NAME]


@pytest.mark.parametrize("place", [".", BUILD])
def test_nothing_is_read_or_kept_where_others_can_write(root: Path, place: str) -> None:
    folder = kept(root)
    (root / place).chmod(0o777)
    FolderCode(root).keep(BUILD, "b.code", b"code")

    assert FolderCode(root).read(BUILD, NAME) is None
    assert [one.name for one in folder.iterdir()] == [NAME]


def _linked_root(root: Path) -> None:
    root.rename(root.parent / "elsewhere")
    root.symlink_to(root.parent / "elsewhere")


def _linked_build(root: Path) -> None:
    (root / BUILD).rename(root / "elsewhere")
    (root / BUILD).symlink_to(root / "elsewhere")


def _linked_file(root: Path) -> None:
    (root / BUILD / NAME).rename(root / "elsewhere")
    (root / BUILD / NAME).symlink_to(root / "elsewhere")


def _piped_file(root: Path) -> None:
    (root / BUILD / NAME).unlink()
    os.mkfifo(root / BUILD / NAME, 0o600)


@pytest.mark.parametrize("done", [_linked_root, _linked_build, _linked_file, _piped_file])
def test_nothing_is_read_over_a_link_or_from_a_pipe(
    root: Path, done: Callable[[Path], None]
) -> None:
    kept(root)
    done(root)

    assert FolderCode(root).read(BUILD, NAME) is None


@pytest.mark.parametrize("done", [_linked_file, _piped_file])
def test_what_stands_in_the_place_of_a_file_is_replaced(
    root: Path, done: Callable[[Path], None]
) -> None:
    kept(root)
    done(root)
    FolderCode(root).keep(BUILD, NAME, b"again")

    assert FolderCode(root).read(BUILD, NAME) == b"again"
    assert not (root / BUILD / NAME).is_symlink()


def test_folder_that_is_no_folder_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "below"):
        FolderCode(root).keep(BUILD, NAME, b"code")
        assert FolderCode(root).read(BUILD, NAME) is None


def test_file_that_cannot_be_put_in_place_leaves_nothing(root: Path) -> None:
    folder = kept(root)
    (folder / "b.code").mkdir()
    FolderCode(root).keep(BUILD, "b.code", b"code")

    assert sorted(one.name for one in folder.iterdir()) == [NAME, "b.code"]


def test_new_build_takes_the_place_of_the_oldest_of_the_same_kernel(root: Path) -> None:
    older = [kept(root, build, at_s=at) for at, build in enumerate(builds(BUILDS_KEPT))]
    other = kept(root, builds(1, "other")[0], at_s=0)
    (root / "k-not-a-build").mkdir()
    (root / f"k-{'f' * 32}").touch()
    FolderCode(root).read(older[0].name, NAME)  # the first is in use again

    newest = kept(root, builds(9)[-1])

    left = {one for one in root.iterdir() if one.name.startswith("k-") and one.is_dir()}
    assert left == {older[0], *older[2:], newest, root / "k-not-a-build"}
    assert other.is_dir()
    assert (root / f"k-{'f' * 32}").is_file()


def test_two_that_keep_in_one_place_are_equal(root: Path) -> None:
    assert len({FolderCode(root), FolderCode(root), FolderCode(root.parent)}) == 2


def test_folder_that_may_only_be_read_serves(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(root)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)

    assert FolderCode(root).read(BUILD, NAME) == b"code"
