"""A bookmark is whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from torghut.client import Bookmark, Position
from torghut.client.errors import BookmarkError
from torghut.schemas.live.position import start_of


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_kept_last_is_found_again(tmp_path: Path, *, durable: bool) -> None:
    bookmark = Bookmark(tmp_path / "new" / "mark", durable=durable)
    assert bookmark.position is None
    bookmark.keep(Position(0, 1, 2))
    bookmark.keep(Position(0, 3, 4))

    assert Bookmark(bookmark.path).position == Position(0, 3, 4)
    assert [path.name for path in bookmark.path.parent.iterdir()] == ["mark"]


@pytest.mark.parametrize(
    "content",
    [b"", b"0:1", b"\xff", b"start here", b"9" * 1000, b"0:1:2\n" * 10_923],
    ids=["empty", "short", "no text", "words", "no number", "longer than is read"],
)
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


def test_each_partition_has_a_line_and_the_one_kept_last_stands_first(tmp_path: Path) -> None:
    bookmark = Bookmark(tmp_path / "mark")
    bookmark.begin([start_of(0), Position(1, 5, 0), start_of(2)])
    assert not bookmark.path.exists()
    bookmark.keep(Position(2, 7, 1))
    bookmark.keep(Position(1, 6, 0))

    assert bookmark.path.read_text(encoding="ascii") == "1:6:0\n2:7:1\n0:start\n"
    assert Bookmark(bookmark.path).position == Position(1, 6, 0)
    assert Bookmark(bookmark.path).positions == [Position(1, 6, 0), Position(2, 7, 1), start_of(0)]


def test_what_another_process_kept_of_other_partitions_stays(tmp_path: Path) -> None:
    Bookmark(tmp_path / "mark").keep(Position(0, 1, 2))
    Bookmark(tmp_path / "mark").keep(Position(1, 1, 1))

    assert Bookmark(tmp_path / "mark").positions == [Position(1, 1, 1), Position(0, 1, 2)]
