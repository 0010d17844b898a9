"""A folder of artifacts follows no link, and shows a file as it was or as it is."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from torghut.adapters.filesystem import artifact_root
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.artifacts.errors import (
    ArtifactExistsError,
    ArtifactUnreadableError,
    ArtifactUnwritableError,
    ReadFault,
)


@pytest.fixture
def store(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path / "root")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root" / "runs").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return tmp_path / "root"


def fault_of(store: FolderArtifacts, path: str) -> ReadFault:
    """Return why ``path`` cannot be read."""
    with pytest.raises(ArtifactUnreadableError) as caught:
        store.read(path)
    return caught.value.fault


def test_link_to_a_file_is_not_followed(store: FolderArtifacts, root: Path) -> None:
    (root / "evidence").symlink_to(root.parent / "outside" / "secret")

    assert fault_of(store, "evidence") is ReadFault.LINKED


def test_link_to_a_folder_is_not_followed(store: FolderArtifacts, root: Path) -> None:
    (root / "runs" / "run-1").symlink_to(root.parent / "outside")

    assert fault_of(store, "runs/run-1/secret") is ReadFault.LINKED


def test_link_inside_the_root_is_not_followed_either(store: FolderArtifacts, root: Path) -> None:
    (root / "there").write_bytes(b"x")
    (root / "here").symlink_to("there")

    assert fault_of(store, "here") is ReadFault.LINKED


def test_pipe_is_no_file_and_nobody_waits_for_it(store: FolderArtifacts, root: Path) -> None:
    os.mkfifo(root / "pipe")

    assert fault_of(store, "pipe") is ReadFault.NOT_A_FILE


def test_file_beyond_all_measure_is_not_read(
    store: FolderArtifacts, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifact_root, "_BYTES_MAX", 3)
    (root / "large").write_bytes(b"four")

    assert fault_of(store, "large") is ReadFault.TOO_LARGE


def test_nothing_is_below_a_file(store: FolderArtifacts, root: Path) -> None:
    (root / "file").write_bytes(b"x")

    assert fault_of(store, "file/below") is ReadFault.NOT_A_FILE


def test_nothing_is_written_through_a_link(store: FolderArtifacts, root: Path) -> None:
    (root / "runs" / "run-1").symlink_to(root.parent / "outside")

    with pytest.raises(ArtifactUnwritableError):
        store.replace("runs/run-1/secret", b"replaced")
    assert (root.parent / "outside" / "secret").read_bytes() == b"secret"


def test_link_in_the_place_is_replaced_and_not_followed(store: FolderArtifacts, root: Path) -> None:
    (root / "current").symlink_to(root.parent / "outside" / "secret")

    store.replace("current", b"mine")

    assert store.read("current") == b"mine"
    assert (root.parent / "outside" / "secret").read_bytes() == b"secret"


def test_link_in_the_place_of_what_is_written_once_is_refused(
    store: FolderArtifacts, root: Path
) -> None:
    (root / "once").symlink_to(root.parent / "outside" / "secret")

    with pytest.raises(ArtifactExistsError):
        store.create("once", b"secret")


def test_nothing_is_left_beside_what_was_written(store: FolderArtifacts, root: Path) -> None:
    store.replace("a", b"1")
    store.create("b", b"2")
    with pytest.raises(ArtifactExistsError):
        store.create("b", b"3")

    assert sorted(path.name for path in root.iterdir()) == ["a", "b", "runs"]


def test_failed_write_leaves_what_was_there(
    store: FolderArtifacts, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.replace("a", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ArtifactUnwritableError, match="No space left"):
        store.replace("a", b"new")
    assert (root / "a").read_bytes() == b"old"
    assert sorted(path.name for path in root.iterdir()) == ["a", "runs"]


def test_file_is_durable_before_its_name_and_its_name_before_the_return(
    store: FolderArtifacts, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, rename = os.fsync, os.rename

    def synced(descriptor: int) -> None:
        steps.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').resolve().name.split('.')[0]}")
        sync(descriptor)

    def renamed(old: str, new: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        steps.append(f"rename {new}")
        rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)

    store.replace("current", b"new")

    assert steps == ["fsync ", "rename current", f"fsync {root.name}"]


def test_reader_sees_a_file_as_it_was_or_as_it_is(store: FolderArtifacts, root: Path) -> None:
    bodies = {bytes([letter]) * 50_000 for letter in b"abcd"}
    store.replace("current", min(bodies))

    def write() -> None:
        for _ in range(10):
            for body in bodies:
                store.replace("current", body)

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(store.read("current"))
    writer.join()

    assert seen <= bodies
    assert [path.name for path in root.iterdir() if path.name.startswith(".")] == []


def test_of_many_who_write_once_one_wins(store: FolderArtifacts) -> None:
    bodies = [str(number).encode() for number in range(8)]
    refused: list[bytes] = []

    def write(body: bytes) -> None:
        try:
            store.create("runs/run-1/once", body)
        except ArtifactExistsError:
            refused.append(body)

    writers = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [store.read("runs/run-1/once")] == [body for body in bodies if body not in refused]


CALLS = ("open", "mkdir", "fsync", "fchmod", "rename", "link")
"""What an operating system may refuse on the way."""


@pytest.mark.parametrize("method", ["replace", "create"])
@pytest.mark.parametrize("allowed", range(12))
def test_write_broken_off_anywhere_leaves_a_whole_file_and_nothing_else(
    store: FolderArtifacts, root: Path, monkeypatch: pytest.MonkeyPatch, method: str, allowed: int
) -> None:
    if method == "replace":
        store.replace("runs/run-1/file", b"old")
    left = [allowed]

    def counting(call: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **named: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(5, "Input/output error")
            return call(*arguments, **named)

        return counted

    with monkeypatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, counting(getattr(os, name)))
        with contextlib.suppress(ArtifactUnwritableError):
            getattr(store, method)("runs/run-1/file", b"new")

    place = root / "runs" / "run-1" / "file"
    found = place.read_bytes() if place.exists() else None
    assert found in ({b"old", b"new"} if method == "replace" else {None, b"new"})
    assert [path for path in root.rglob(".*") if path.is_file()] == []
