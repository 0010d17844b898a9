"""What every artifact root does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.artifacts.errors import (
    ArtifactExistsError,
    ArtifactUnreadableError,
    ArtifactUnwritableError,
    ReadFault,
)
from torghut.artifacts.ports import ArtifactStore

PLACE = "runs/run-1/rollout/phase-manifest.json"
OUTSIDE = ["../x", "a/../../x", "/etc/hostname", "", ".", "a//b", "a/./b", "a\\b", "a\0b", "a\nb"]


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    if request.param == "memory":
        return InMemoryArtifacts()
    return FolderArtifacts(tmp_path / "artifacts")


def test_what_was_written_is_read(store: ArtifactStore) -> None:
    store.replace(PLACE, b"old")
    store.replace(PLACE, b"new")

    assert store.read(PLACE) == b"new"


def test_what_is_written_once_is_read(store: ArtifactStore) -> None:
    store.create(PLACE, b"once")

    assert store.read(PLACE) == b"once"


def test_the_same_once_more_changes_nothing(store: ArtifactStore) -> None:
    store.create(PLACE, b"once")
    store.create(PLACE, b"once")

    assert store.read(PLACE) == b"once"


def test_what_is_written_once_is_never_overwritten(store: ArtifactStore) -> None:
    store.create(PLACE, b"once")

    with pytest.raises(ArtifactExistsError):
        store.create(PLACE, b"another")
    assert store.read(PLACE) == b"once"


def test_files_do_not_disturb_each_other(store: ArtifactStore) -> None:
    store.create("a/b", b"1")
    store.replace("a/c", b"2")
    store.replace("d", b"3")

    assert [store.read(path) for path in ("a/b", "a/c", "d")] == [b"1", b"2", b"3"]


def test_empty_file_is_a_file(store: ArtifactStore) -> None:
    store.create(PLACE, b"")

    assert store.read(PLACE) == b""


@pytest.mark.parametrize("path", ["absent", "runs/absent/x"])
def test_absent_file_is_missing(store: ArtifactStore, path: str) -> None:
    with pytest.raises(ArtifactUnreadableError) as caught:
        store.read(path)

    assert caught.value.fault is ReadFault.MISSING


def test_folder_is_no_file(store: ArtifactStore) -> None:
    store.create(PLACE, b"x")

    with pytest.raises(ArtifactUnreadableError) as caught:
        store.read("runs/run-1")

    assert caught.value.fault is ReadFault.NOT_A_FILE


@pytest.mark.parametrize("path", OUTSIDE, ids=repr)
def test_nothing_outside_is_read(store: ArtifactStore, path: str) -> None:
    with pytest.raises(ArtifactUnreadableError) as caught:
        store.read(path)

    assert caught.value.fault is ReadFault.OUTSIDE


@pytest.mark.parametrize("path", OUTSIDE, ids=repr)
def test_nothing_outside_is_written(store: ArtifactStore, path: str) -> None:
    with pytest.raises(ArtifactUnwritableError):
        store.replace(path, b"x")
    with pytest.raises(ArtifactUnwritableError):
        store.create(path, b"x")


def test_names_are_those_of_the_plain_files_in_a_folder(store: ArtifactStore) -> None:
    for path in ("notes/b.md", "notes/a.md", "notes/deeper/c.md", "notes/.hidden", "other"):
        store.create(path, b"")

    assert store.names("notes") == ["a.md", "b.md"]
    assert store.names("absent") == []


@pytest.mark.parametrize("path", OUTSIDE)
def test_names_outside_are_nobodys_business(store: ArtifactStore, path: str) -> None:
    with pytest.raises(ArtifactUnreadableError) as caught:
        store.names(path)

    assert caught.value.fault is ReadFault.OUTSIDE


def test_names_in_a_file_are_not_to_be_had(store: ArtifactStore) -> None:
    store.create("notes", b"")

    with pytest.raises(ArtifactUnreadableError) as caught:
        store.names("notes")
    assert caught.value.fault is ReadFault.NOT_A_FILE
