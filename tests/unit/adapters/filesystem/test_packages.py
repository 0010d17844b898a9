"""A package's folder holds exactly what its manifest lists, or is refused."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.support.decisions.packages import made_package
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.artifacts.errors import (
    ManifestInvalidError,
    PackageAlteredError,
    PackageDigestError,
    PackageMissingError,
    PackageStoreError,
)
from torghut.artifacts.package import PackageReference
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode

PACKAGE: Final = made_package()
FOLDER: Final = str(PACKAGE.reference)


@pytest.fixture
def store(tmp_path: Path) -> FolderPackageStore:
    store = FolderPackageStore(tmp_path)
    store.save(PACKAGE)
    return store


def _link(path: Path) -> None:
    package = next(parent for parent in path.parents if "@" in parent.name)
    path.symlink_to(path.rename(package.with_name("elsewhere")))


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


ALTERATIONS: Final[dict[str, Callable[[Path], object]]] = {
    "file missing": lambda folder: (folder / "model.json").unlink(),
    "file changed": lambda folder: (folder / "model.json").write_bytes(b"{}"),
    "file grown": lambda folder: (folder / "model.json").write_bytes(bytes(10_000_000)),
    "file executable": lambda folder: (folder / "model.json").chmod(0o755),
    "tool not executable": lambda folder: (folder / "tools/refit").chmod(0o644),
    "tool set-user-id": lambda folder: (folder / "tools/refit").chmod(0o4755),
    "manifest executable": lambda folder: (folder / "manifest.json").chmod(0o755),
    "manifest missing": lambda folder: (folder / "manifest.json").unlink(),
    "manifest huge": lambda folder: (folder / "manifest.json").write_bytes(bytes(2_000_000)),
    "file smuggled": lambda folder: (folder / "notes.txt").touch(),
    "folder smuggled": lambda folder: (folder / ".git").mkdir(),
    "empty folder": lambda folder: (folder / "tools/empty").mkdir(),
    "file linked": lambda folder: _link(folder / "model.json"),
    "manifest linked": lambda folder: _link(folder / "manifest.json"),
    "folder linked": lambda folder: _link(folder / "tools"),
    "file a folder": lambda folder: _replace_by_folder(folder / "model.json"),
    "manifest a folder": lambda folder: _replace_by_folder(folder / "manifest.json"),
    "file a pipe": lambda folder: _replace_by_pipe(folder / "model.json"),
    "manifest a pipe": lambda folder: _replace_by_pipe(folder / "manifest.json"),
}


def test_layout_is_manifest_beside_files(store: FolderPackageStore, tmp_path: Path) -> None:
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}

    assert files == {
        FOLDER,
        f"{FOLDER}/manifest.json",
        f"{FOLDER}/model.json",
        f"{FOLDER}/tools",
        f"{FOLDER}/tools/refit",
    }
    assert store.load(PACKAGE.reference) == PACKAGE


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_altered_folder_is_refused(
    store: FolderPackageStore, tmp_path: Path, alteration: str
) -> None:
    ALTERATIONS[alteration](tmp_path / FOLDER)

    with pytest.raises(PackageAlteredError) as refused:
        store.load(PACKAGE.reference)
    assert refused.value.exit_code is ExitCode.INTEGRITY


@pytest.mark.parametrize("name", ["model.json", "manifest.json", "tools"])
def test_link_is_told_as_one(store: FolderPackageStore, tmp_path: Path, name: str) -> None:
    _link(tmp_path / FOLDER / name)

    with pytest.raises(PackageAlteredError) as refused:
        store.load(PACKAGE.reference)
    assert (refused.value.path, refused.value.found) == (name, "a symbolic link")


def test_byte_changed_in_the_manifest_is_another_package(
    store: FolderPackageStore, tmp_path: Path
) -> None:
    manifest = tmp_path / FOLDER / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"hmmlearn", b"hmmlearm"))

    with pytest.raises(PackageDigestError):
        store.load(PACKAGE.reference)


def test_package_under_another_name_is_refused(store: FolderPackageStore, tmp_path: Path) -> None:
    other = made_package(name="other")
    (tmp_path / FOLDER).rename(tmp_path / f"other@{PACKAGE.digest[:12]}")

    with pytest.raises(PackageDigestError):
        store.load(next(iter(store.references())))
    with pytest.raises(PackageMissingError):
        store.load(other.reference)


def test_permissions_of_another_umask_are_the_same_package(
    store: FolderPackageStore, tmp_path: Path
) -> None:
    (tmp_path / FOLDER / "model.json").chmod(0o600)
    (tmp_path / FOLDER / "tools/refit").chmod(0o775)

    assert store.load(PACKAGE.reference) == PACKAGE


def test_linked_folder_is_no_package(store: FolderPackageStore, tmp_path: Path) -> None:
    (tmp_path / FOLDER).rename(tmp_path / "elsewhere")
    (tmp_path / FOLDER).symlink_to("elsewhere")

    with pytest.raises(PackageMissingError):
        store.load(PACKAGE.reference)


@pytest.mark.parametrize("body", [b"{}", b"altered"])
def test_altered_package_is_never_overwritten(
    store: FolderPackageStore, tmp_path: Path, body: bytes
) -> None:
    model = tmp_path / FOLDER / "model.json"
    model.write_bytes(body)

    with pytest.raises(PackageAlteredError):
        store.save(PACKAGE)
    assert model.read_bytes() == body


def test_writer_that_came_second_finds_the_package_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = FolderPackageStore(tmp_path), FolderPackageStore(tmp_path)
    rename = Path.rename

    def overtaken(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        first.save(PACKAGE)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", overtaken)
    second.save(PACKAGE)

    assert [path.name for path in tmp_path.iterdir()] == [FOLDER]
    assert second.load(PACKAGE.reference) == PACKAGE


@pytest.mark.parametrize("fails", ["fsync", "fchmod"])
def test_failed_write_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, fails, full)
    with pytest.raises(PackageStoreError) as refused:
        FolderPackageStore(tmp_path).save(PACKAGE)

    assert refused.value.retryable
    assert list(tmp_path.iterdir()) == []


def test_place_that_is_no_folder_is_unavailable(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()

    for ask in (
        FolderPackageStore(place).references,
        lambda: FolderPackageStore(place).save(PACKAGE),
        lambda: FolderPackageStore(place).load(PACKAGE.reference),
    ):
        with pytest.raises(PackageStoreError):
            ask()


def test_other_folders_are_no_packages(store: FolderPackageStore, tmp_path: Path) -> None:
    for name in (".incoming-x", "README.md", "fx-test@012"):
        (tmp_path / name).mkdir()

    assert list(store.references()) == [PACKAGE.reference]


def test_manifest_with_the_right_digest_must_still_be_canonical(
    store: FolderPackageStore, tmp_path: Path
) -> None:
    manifest = tmp_path / FOLDER / "manifest.json"
    body = manifest.read_bytes() + b"\n"
    manifest.write_bytes(body)
    reference = PackageReference(name="fx-test", digest=sha256_hex(body)[:12])
    (tmp_path / FOLDER).rename(tmp_path / str(reference))

    with pytest.raises(ManifestInvalidError):
        store.load(reference)
