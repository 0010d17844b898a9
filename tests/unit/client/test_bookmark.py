"""A bookmark is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from torghut.client import Bookmark, Position
from torghut.client.errors import BookmarkError


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_kept_last_is_found_again(tmp_path: Path, *, durable: bool) -> None:
    bookmark = Bookmark(tmp_path / "new" / "mark", durable=durable)
    assert bookmark.position is None
    bookmark.keep(Position(0, 1, 2))
    bookmark.keep(Position(0, 3, 4))

    assert Bookmark(bookmark.path).position == Position(0, 3, 4)
    assert [path.name for path in bookmark.path.parent.iterdir()] == ["mark"]


@pytest.mark.parametrize("content", [b"", b"0:1", b"\xff", b"start here", b"9" * 1000])
def test_file_that_is_no_bookmark_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mark"
    path.write_bytes(content)

    with pytest.raises(BookmarkError):
        _ = Bookmark(path).position


def test_bookmark_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bookmark = Bookmark(tmp_path / "file" / "mark")

    with pytest.raises(BookmarkError):
        bookmark.keep(Position(0, 1, 2))
