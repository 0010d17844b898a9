"""Machine code is run only out of folders that nobody else can write, and old builds go."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from torghut.kernel.native import folders
from torghut.kernel.native.compiled import build_digest
from torghut.kernel.native.folders import BUILDS_KEPT, folder_of, prepare_folder, why_refused
from torghut.kernel.native.loading import build_folder, entry


def builds(count: int) -> list[str]:
    """Return names of builds."""
    return [f"{number:032x}" * 2 for number in range(count)]


def used(root: Path, kernel: str, build: str, *, at_s: int) -> Path:
    """Return a prepared folder that was used at a time."""
    folder = prepare_folder(root, kernel, build)
    assert folder is not None
    os.utime(folder / ".writable", (at_s, at_s))
    return folder


def third(values: np.ndarray) -> float:
    """Return a third of the first value."""
    first: float = values[0] / 3.0
    return first


def test_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        folder = prepare_folder(tmp_path / "cache", "k", builds(1)[0])
    finally:
        os.umask(before)

    assert folder == folder_of(tmp_path / "cache", "k", builds(1)[0])
    assert [made.stat().st_mode & 0o777 for made in (folder, folder.parent)] == [0o700, 0o700]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_folder_that_others_can_write_is_refused(tmp_path: Path, mode: int) -> None:
    root = tmp_path / "cache"
    root.mkdir()
    root.chmod(mode)

    assert f"mode {mode:o}" in why_refused(root)
    assert prepare_folder(root, "k", builds(1)[0]) is None
    assert list(root.iterdir()) == []


def test_folder_of_one_build_that_others_can_write_is_refused(tmp_path: Path) -> None:
    root, build = tmp_path / "cache", builds(1)[0]
    used(root, "k", build, at_s=1).chmod(0o777)

    assert prepare_folder(root, "k", build) is None
    assert prepare_folder(root, "k", builds(2)[1]) is not None


def test_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = tmp_path.stat().st_uid
    monkeypatch.setattr(folders, "_ROOT_USER", -1)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)

    assert why_refused(tmp_path) == f"{tmp_path} belongs to user {owner}, this is user {owner + 1}"
    assert prepare_folder(tmp_path, "k", builds(1)[0]) is None


def test_folder_that_is_no_folder_is_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert prepare_folder(tmp_path / "file", "k", builds(1)[0]) is None
    assert prepare_folder(tmp_path / "file" / "below", "k", builds(1)[0]) is None


def test_a_new_build_takes_the_place_of_the_oldest_of_the_same_kernel(tmp_path: Path) -> None:
    older = [used(tmp_path, "k", build, at_s=at) for at, build in enumerate(builds(BUILDS_KEPT))]
    other = used(tmp_path, "other", builds(1)[0], at_s=0)
    (tmp_path / "k-not-a-build").mkdir()
    used(tmp_path, "k", builds(1)[0], at_s=99)  # the first is in use again

    newest = prepare_folder(tmp_path, "k", builds(9)[-1])

    left = {folder for folder in tmp_path.iterdir() if folder.name.startswith("k-")}
    assert left == {older[0], *older[2:], newest, tmp_path / "k-not-a-build"}
    assert other.is_dir()


def test_code_lives_in_memory_where_others_could_have_written_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    assert entry(third, (np.zeros(0),), tmp_path)(np.array([1.5])) == 0.5
    assert list(tmp_path.iterdir()) == []


def test_code_is_kept_in_the_folder_of_its_build(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert entry(third, (np.zeros(0),), tmp_path)(np.array([1.5])) == 0.5
    folder = build_folder(third, tmp_path)
    assert folder.name == f"third-{build_digest(third)[:32]}"
    assert len(list(folder.glob("*.code"))) == 1
