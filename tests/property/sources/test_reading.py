"""Lines and archives give the bytes that are there, however they are cut into pieces."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from torghut.adapters.sources.errors import SourceArchiveError
from torghut.adapters.sources.reading.archives import open_bytes
from torghut.adapters.sources.reading.files import digest_file
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.adapters.sources.reading.lines import Fill, LineWindow

LINES = st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"n")), max_size=20)
SIZES = st.integers(1, 9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A line as a window gave it."""

    digest: str
    head: bytes
    oversized: bool
    end: int


def window_over(data: bytes, line_bytes: int, chunk_bytes: int) -> LineWindow:
    limits = ReadLimits(line_bytes=line_bytes, chunk_bytes=chunk_bytes)
    return LineWindow(BytesIO(data), limits)


def lines_of(window: LineWindow, line_bytes: int) -> list[Found]:
    """Read a window to its end as a source does."""
    found: list[Found] = []
    while (state := window.fill()) is not Fill.END:
        if state is Fill.OVERSIZED:
            line = window.skip_oversized()
            end = window.offset(window.start)
            found.append(Found(digest=line.digest, head=line.head, oversized=True, end=end))
            continue
        first, last = window.spans(1)[0].tolist()
        text = window.line(first, last)
        window.start = last + 1
        end = window.offset(last + 1)
        found.append(
            Found(
                digest=hashlib.sha256(text).hexdigest(),
                head=text[:120],
                oversized=len(text) > line_bytes,
                end=end,
            )
        )
    return found


def expected(data: bytes, line_bytes: int) -> list[Found]:
    """Split ``data`` the plain way: an LF ends a line, and so does the end of the data."""
    found: list[Found] = []
    at = 0
    for line in split(data):
        at += len(line)
        text = line.removesuffix(b"\n")
        found.append(
            Found(
                digest=hashlib.sha256(text).hexdigest(),
                head=text[:120],
                oversized=len(text) > line_bytes,
                end=at,
            )
        )
    return found


def split(data: bytes) -> list[bytes]:
    """Return the lines of ``data`` with their LF; only LF ends one."""
    pieces = [piece + b"\n" for piece in data.split(b"\n")]
    pieces[-1] = pieces[-1].removesuffix(b"\n")
    return [piece for piece in pieces if piece]


@given(LINES, st.sampled_from([b"", b"\n"]), st.integers(0, 10), SIZES)
def test_window_gives_the_lines_that_are_there(
    lines: list[bytes], ending: bytes, line_bytes: int, chunk_bytes: int
) -> None:
    data = b"\n".join(lines) + ending

    assert lines_of(window_over(data, line_bytes, chunk_bytes), line_bytes) == expected(
        data, line_bytes
    )


@given(LINES, st.integers(0, 25), st.integers(0, 10), SIZES)
def test_skipping_lines_leaves_the_rest(
    lines: list[bytes], count: int, line_bytes: int, chunk_bytes: int
) -> None:
    data = b"\n".join(lines)
    window = window_over(data, line_bytes, chunk_bytes)
    all_lines = expected(data, line_bytes)

    missing = window.skip_lines(count)

    assert missing == max(0, count - len(all_lines))
    assert lines_of(window, line_bytes) == all_lines[count:]


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.binary(max_size=3), SIZES)
def test_gzip_of_several_members_is_their_bytes(
    members: list[bytes], padding: bytes, chunk_bytes: int
) -> None:
    zeros = bytes(len(padding))
    limits = ReadLimits(chunk_bytes=chunk_bytes)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.gz"
        path.write_bytes(b"".join(gzip.compress(member) for member in members) + zeros)
        with open_bytes(digest_file(path), limits) as stream:
            pieces = list(iter(lambda: stream.read(chunk_bytes), b""))

    assert b"".join(pieces) == b"".join(members)
    assert all(len(piece) <= chunk_bytes for piece in pieces)


@given(st.binary(min_size=1, max_size=500), st.data())
def test_cut_gzip_is_never_taken_for_whole(content: bytes, data: st.DataObject) -> None:
    stored = zlib.compress(content, wbits=31)
    cut = data.draw(st.integers(3, len(stored) - 1))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.gz"
        path.write_bytes(stored[:cut])
        failed = False
        with open_bytes(digest_file(path), ReadLimits()) as stream:
            try:
                while stream.read(64):
                    pass
            except SourceArchiveError:
                failed = True

    assert failed
