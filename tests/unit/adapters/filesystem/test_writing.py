"""A file is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from torghut.adapters.filesystem.writing import FileWriteError, write_text


def test_folders_are_made_and_nothing_else_stays(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "page.html", "é")

    assert (tmp_path / "a" / "page.html").read_text(encoding="utf-8") == "é"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["page.html"]


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    write_text(tmp_path / "page", "old")
    write_text(tmp_path / "page", "new")

    assert (tmp_path / "page").read_text(encoding="utf-8") == "new"


def test_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "kept").write_text("", encoding="utf-8")

    with pytest.raises(FileWriteError, match="page: expected a file that can be written"):
        write_text(tmp_path / "page", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["page"]
