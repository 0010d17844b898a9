"""A file of archived blocks proves them by itself, and is refused where it is another one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.eventlog import make_chain
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.postgres.archives.blockfile import pack, unpack
from torghut.adapters.postgres.archives.records import Archive
from torghut.adapters.postgres.archives.shelf import (
    ArchiveExtraMissingError,
    Shelf,
    ShelfMissingError,
)
from torghut.adapters.postgres.layout import BlockRow, block_values, read_block
from torghut.eventlog.errors import ArchiveAlteredError, ArchiveMissingError
from torghut.settings import ARTIFACT_DIR

CHAIN = make_chain(4, partition=2)


def rows() -> list[BlockRow]:
    """Return the rows of four blocks."""
    return [BlockRow(**block_values(block)) for block in CHAIN]  # type: ignore[arg-type]


def kept(shelf: Shelf) -> Archive:
    """Put the rows into a file."""
    digests = b"".join(bytes.fromhex(block.digest) for block in CHAIN)
    return Archive(partition=2, first=0, last=3, file_digest=shelf.keep(rows()), digests=digests)


def test_blocks_come_out_of_the_file_alone() -> None:
    found = unpack(pack(rows()))

    assert found == rows()
    assert [read_block(row).digest for row in found] == [block.digest for block in CHAIN]


def test_same_blocks_make_the_same_file(tmp_path: Path) -> None:
    shelf = Shelf(FolderArtifacts(tmp_path))

    assert kept(shelf) == kept(shelf)
    assert len(list((tmp_path / "log-archives").iterdir())) == 1


def test_file_of_other_blocks_is_refused(tmp_path: Path) -> None:
    shelf = Shelf(FolderArtifacts(tmp_path))
    archive = replace(kept(shelf), last=2)

    with pytest.raises(ArchiveAlteredError, match="4 other blocks"):
        shelf.rows(archive)


def test_file_that_is_no_file_of_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="Parquet"):
        unpack(b"PAR1 and something else")


def test_without_a_folder_nothing_is_kept_or_found(tmp_path: Path) -> None:
    archive = kept(Shelf(FolderArtifacts(tmp_path)))

    with pytest.raises(ArchiveMissingError, match="no folder of artifacts"):
        Shelf(None).rows(archive)
    with pytest.raises(ShelfMissingError, match=ARTIFACT_DIR):
        Shelf(None).keep(rows())


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "torghut.adapters.postgres.archives.blockfile")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ArchiveExtraMissingError, match=r"torghut\[parquet\]"):
        Shelf(FolderArtifacts(tmp_path)).keep(rows())
