"""What every store of machine code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.machine_code import MemoryCode
from torghut.adapters.filesystem.machine_code.keeping import FolderCode
from torghut.kernel.native.ports import CodeStore

BUILD = f"k-{'0' * 32}"
OTHER = f"k-{'1' * 32}"


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CodeStore:
    """Return each kind of store, empty."""
    return MemoryCode() if request.param == "memory" else FolderCode(tmp_path / "cache")


def test_nothing_is_there_before_it_is_kept(store: CodeStore) -> None:
    assert store.read(BUILD, "a.code") is None


@pytest.mark.parametrize("body", [b"", b"code", b"x" * 100_000])
def test_what_is_kept_is_read(store: CodeStore, body: bytes) -> None:
    store.keep(BUILD, "a.code", body)

    assert store.read(BUILD, "a.code") == body
    assert store.read(BUILD, "b.code") is None
    assert store.read(OTHER, "a.code") is None


def test_what_is_kept_again_takes_the_place_of_what_was(store: CodeStore) -> None:
    store.keep(BUILD, "a.code", b"before")
    store.keep(BUILD, "b.code", b"beside")
    store.keep(BUILD, "a.code", b"after")

    assert store.read(BUILD, "a.code") == b"after"
    assert store.read(BUILD, "b.code") == b"beside"
