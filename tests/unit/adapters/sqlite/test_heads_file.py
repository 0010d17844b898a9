"""The heads file: what a line is, and what a crash may leave of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from torghut.adapters.sqlite.heads.lines import (
    HeadLine,
    RememberedHeads,
    create_heads,
    first_line,
    heads_path,
    read_heads,
    repair_heads,
)
from torghut.eventlog.errors import LogIntegrityError

DIGEST = "ab" * 32


def line(chain: str, number: int, *, accepted: bool = False) -> HeadLine:
    return HeadLine(chain=chain, number=number, digest=DIGEST, accepted=accepted)


def written(folder: Path, *lines: bytes) -> Path:
    """Return a heads file of these lines after the first."""
    path = heads_path(folder / "log.db")
    path.write_bytes(first_line("log-1") + b"".join(lines))
    return path


def test_the_file_is_text_that_people_can_read(tmp_path: Path) -> None:
    path = tmp_path / "log.db.heads"
    create_heads(path, "log-1")
    repair_heads(path, whole_bytes=path.stat().st_size, lines=[line("0", 0), line("events", 3)])

    assert path.read_text() == (f"torghut-heads 1 log-1\n0 0 {DIGEST}\nevents 3 {DIGEST}\n")


def test_the_last_line_of_each_chain_counts(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line("0", 0).to_bytes(),
        line("7", 0).to_bytes(),
        line("0", 1).to_bytes(),
        line("events", 2).to_bytes(),
        line("events", 9).to_bytes(),
    )

    heads = read_heads(path)

    assert heads is not None
    assert heads.log_id == "log-1"
    assert heads.ends == {"0": line("0", 1), "7": line("7", 0), "events": line("events", 9)}
    assert heads.whole_bytes == path.stat().st_size
    assert not heads.torn


def test_no_file_says_nothing(tmp_path: Path) -> None:
    assert read_heads(tmp_path / "log.db.heads") is None


@pytest.mark.parametrize(
    "torn",
    [b"0", b"0 1 abab", line("0", 1).to_bytes()[:-1], bytes(3), bytes(90)],
    ids=["one byte", "half", "all but the end", "zeros", "many zeros"],
)
def test_a_torn_last_line_is_set_apart(tmp_path: Path, torn: bytes) -> None:
    path = written(tmp_path, line("0", 0).to_bytes(), torn)

    heads = read_heads(path)

    assert heads is not None
    assert heads.torn
    assert heads.ends == {"0": line("0", 0)}
    assert heads.whole_bytes == path.stat().st_size - len(torn)


@pytest.mark.parametrize(
    "lines",
    [
        [b"0 0 abab\n"],
        [line("0", 0).to_bytes().upper()],
        [b"\n"],
        [bytes(89) + b"\n", line("0", 0).to_bytes()],
        [bytes(400)],
        [line("0", 1).to_bytes()],
        [line("0", 0).to_bytes(), line("0", 2).to_bytes()],
        [line("0", 0).to_bytes(), line("0", 0).to_bytes()],
        [line("events", 2).to_bytes(), line("events", 2).to_bytes()],
        [b"00 0 " + DIGEST.encode() + b"\n"],
        [b"torghut-heads 1 log-1\n"],
    ],
    ids=str,
)
def test_lines_that_nobody_wrote_are_found(tmp_path: Path, lines: list[bytes]) -> None:
    with pytest.raises(LogIntegrityError):
        read_heads(written(tmp_path, *lines))


@pytest.mark.parametrize("first", [b"", b"torghut-heads 2 log-1\n", b"torghut-heads 1", b"x\n"])
def test_another_file_is_no_heads_file(tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "log.db.heads"
    path.write_bytes(first)

    with pytest.raises(LogIntegrityError):
        read_heads(path)


def test_an_accepted_end_goes_back(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        line("0", 0).to_bytes(),
        line("0", 1).to_bytes(),
        line("0", 0, accepted=True).to_bytes(),
        line("0", 1).to_bytes(),
        line("9", -1, accepted=True).to_bytes(),
    )

    heads = read_heads(path)

    assert heads is not None
    assert heads.ends["0"] == line("0", 1)
    assert heads.ends["9"].number == -1


def test_repairing_cuts_the_torn_line(tmp_path: Path) -> None:
    path = written(tmp_path, line("0", 0).to_bytes(), b"0 1 ab")
    heads = read_heads(path)
    assert heads is not None

    repair_heads(path, whole_bytes=heads.whole_bytes, lines=[line("0", 1)])

    assert path.read_bytes().endswith(line("0", 0).to_bytes() + line("0", 1).to_bytes())


def test_what_is_added_is_read_as_if_all_were_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, line("0", 0).to_bytes(), line("events", 3).to_bytes())
    remembered = RememberedHeads()
    additions = [
        b"",
        line("0", 1).to_bytes() + line("7", 0).to_bytes(),
        line("0", 2).to_bytes()[:40],
        line("0", 2).to_bytes()[40:],
        line("7", -1, accepted=True).to_bytes() + line("7", 0).to_bytes(),
    ]

    for added in additions:
        path.write_bytes(path.read_bytes() + added)

        assert remembered.read(path) == read_heads(path)


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, *(line("0", number).to_bytes() for number in range(1000)))
    remembered = RememberedHeads()
    first = remembered.read(path)
    with path.open("r+b") as file:
        file.seek(len(first_line("log-1")))
        file.write(b"?")

    assert remembered.read(path) == first
    with pytest.raises(LogIntegrityError):
        read_heads(path)


@pytest.mark.parametrize("how", ["another file", "cut", "cut and gone on", "gone"])
def test_another_file_or_one_that_was_cut_is_read_from_its_beginning(
    tmp_path: Path, how: str
) -> None:
    lines = [line("0", number).to_bytes() for number in range(5)]
    path = written(tmp_path, *lines)
    remembered = RememberedHeads()
    remembered.read(path)
    other = HeadLine(chain="0", number=2, digest="cd" * 32).to_bytes()
    match how:
        case "another file":
            (tmp_path / "other").write_bytes(path.read_bytes())
            (tmp_path / "other").replace(path)
        case "cut":
            path.write_bytes(first_line("log-1") + b"".join(lines[:2]))
        case "cut and gone on":
            rest = [HeadLine(chain="0", number=n, digest="cd" * 32).to_bytes() for n in (3, 4, 5)]
            path.write_bytes(first_line("log-1") + b"".join([*lines[:2], other, *rest]))
        case _:
            path.unlink()

    assert remembered.read(path) == read_heads(path)


def test_lines_that_do_not_follow_what_was_read_are_found(tmp_path: Path) -> None:
    path = written(tmp_path, line("0", 0).to_bytes())
    remembered = RememberedHeads()
    remembered.read(path)
    path.write_bytes(path.read_bytes() + line("0", 2).to_bytes())

    with pytest.raises(LogIntegrityError):
        remembered.read(path)
