"""A window over a stream of bytes that holds whole lines, in memory bounded by the longest allowed.

A line ends with LF, or with the stream. Its bytes are everything before, a CR included. An empty
line is a line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from torghut.adapters.sources.reading.archives import ByteStream, open_bytes
from torghut.adapters.sources.reading.files import InputFile
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.schemas.rows import Bytes, Integers

_LF: Final = b"\n"
_EXCERPT_BYTES: Final = 120
_FIRST_LINES: Final = 100


class Fill(Enum):
    """What a window holds at its front."""

    LINES = "lines"
    OVERSIZED = "oversized"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class OversizedLine:
    """A line that was passed over without being held.

    Attributes:
        digest: sha256 of its bytes, 64 hex digits.
        head: Its first bytes.
    """

    digest: str
    head: bytes


class LineWindow:
    """The part of a stream that is being read.

    Attributes:
        data: The window's bytes, shape (capacity,); only ``start`` to ``stop`` are lines.
        start: Where the next line begins.
        stop: Just behind the LF of the last whole line.
    """

    def __init__(self, stream: ByteStream, limits: ReadLimits) -> None:
        self._stream = stream
        self._limits = limits
        self._buffer = bytearray(limits.line_bytes + limits.chunk_bytes + 2)
        self.data: Bytes = np.frombuffer(self._buffer, np.uint8)
        self.start = 0
        self.stop = 0
        self._end = 0  # of the bytes read
        self._base = 0  # offset of the buffer's first byte in the stream
        self._total = 0  # bytes read from the stream
        self._finished = False

    def offset(self, position: int) -> int:
        """Return where a place in the window is in the stream, in bytes."""
        return min(self._base + position, self._total)  # the last LF may be one we lent

    def offsets(self, positions: Integers) -> Integers:
        """Return ``offset`` of each place, shape (n,)."""
        return np.minimum(self._base + positions, self._total)

    def spans(self, most: int) -> Integers:
        """Return first byte and LF of at most ``most`` whole lines at the front, shape (n, 2)."""
        ends = self.start + np.flatnonzero(self.data[self.start : self.stop] == _LF[0])[:most]
        return np.column_stack((np.concatenate(([self.start], ends[:-1] + 1)), ends))

    def line(self, first: int, last: int) -> bytes:
        """Return the bytes from ``first`` to before ``last``."""
        return bytes(self._buffer[first:last])

    def fill(self) -> Fill:
        """Make the front of the window a whole line, if there is one, and say what it is.

        Raises:
            SourceError: The stream broke; what was whole before has been handed out.
        """
        while self.start == self.stop:
            if self._end - self.start > self._limits.line_bytes:
                return Fill.OVERSIZED
            if self._finished:
                if self.start == self._end:
                    return Fill.END
                self._buffer[self._end] = _LF[0]
                self._end += 1
                self.stop = self._end
                break
            self._read()
        return Fill.LINES

    def skip_oversized(self) -> OversizedLine:
        """Pass over the oversized line at the front and return what is kept of it."""
        state = hashlib.sha256()
        head = bytearray()
        while True:
            ended = self.start < self.stop
            end = self._buffer.index(_LF, self.start) if ended else self._end
            piece = memoryview(self._buffer)[self.start : end]
            state.update(piece)
            head += piece[: _EXCERPT_BYTES - len(head)]
            if ended:
                self.start = end + 1
            else:
                self.start = self.stop = self._end
            if ended or self._finished:
                return OversizedLine(digest=state.hexdigest(), head=bytes(head))
            self._read()

    def skip_lines(self, count: int) -> int:
        """Pass over ``count`` lines of any length and return how many of them were missing."""
        begun = False
        while count > 0:
            if self.start < self.stop:
                here = self._buffer.count(_LF, self.start, self.stop)
                self.start = self.stop if here <= count else self._after(count)
                count -= min(here, count)
                begun = False
                continue
            begun = begun or self.start < self._end
            self.start = self.stop = self._end
            if self._finished:
                return count - int(begun)
            self._read()
        return 0

    def _after(self, count: int) -> int:
        """Return the place behind the next ``count`` whole lines."""
        ends = np.flatnonzero(self.data[self.start : self.stop] == _LF[0])
        return self.start + int(ends[count - 1]) + 1

    def _read(self) -> None:
        """Move what is unread to the front and read one more piece behind it."""
        kept = self._end - self.start
        view = memoryview(self._buffer)
        view[:kept] = view[self.start : self._end]
        self._base += self.start
        self.start, self.stop, self._end = 0, 0, kept
        piece = self._stream.read(self._limits.chunk_bytes)
        self._finished = not piece
        self._total += len(piece)
        self._end = kept + len(piece)
        self._buffer[kept : self._end] = piece
        self.stop = self._buffer.rfind(_LF, kept, self._end) + 1


def first_lines(file: InputFile, limits: ReadLimits) -> Iterator[bytes]:
    """Yield a file's lines from the front, an empty one in place of each that is oversized.

    Raises:
        SourceError: The file cannot be read.
    """
    with open_bytes(file, limits) as stream:
        window = LineWindow(stream, limits)
        while (found := window.fill()) is not Fill.END:
            if found is Fill.OVERSIZED:
                window.skip_oversized()
                yield b""
                continue
            spans = window.spans(_FIRST_LINES)
            for first, last in spans.tolist():
                yield window.line(first, last) if last - first <= limits.line_bytes else b""
            window.start = int(spans[-1, 1]) + 1
