"""Contexts as JSON lines out of a stream of bytes, read no faster than they are decided."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from torghut.adapters.sources.decoding.verdicts import excerpt
from torghut.kernel.units import MS_PER_S
from torghut.market.ports import Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.workflows.live.errors import (
    ClosingError,
    ContextMalformedError,
    NotTakenError,
    QueueFullError,
)
from torghut.workflows.live.offers import LINE_BYTES_MAX, parse_offered
from torghut.workflows.live.ports import Desk

_CHUNK_BYTES: Final = 65_536
_HEAD_BYTES: Final = 1024

Read = Callable[[int], Awaitable[bytes]]
"""Returns some bytes, at most so many; none at the end."""


@dataclass(slots=True, kw_only=True)
class LineSplitter:
    """Cuts bytes into lines; of a line that is too long only its digest and its head are kept.

    Attributes:
        limit: Longest line, without what ends it.
    """

    limit: int
    _rest: bytes = b""
    _skipped: hashlib._Hash | None = None
    _head: bytes = b""

    def lines(self, chunk: bytes) -> Iterator[bytes | Oversized]:
        """Yield the lines that ``chunk`` ends; an empty chunk ends the last one."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for piece in whole:
            yield self._end(piece)
        if len(self._rest) > self.limit + 1:  # it may yet end in a carriage return
            self._skip(self._rest)
            self._rest = b""
        if not chunk and (self._rest or self._skipped is not None):
            last, self._rest = self._rest, b""
            yield self._end(last)

    def _end(self, piece: bytes) -> bytes | Oversized:
        """Return the line that ``piece`` ends."""
        line = piece.removesuffix(b"\r")
        if self._skipped is None and len(line) <= self.limit:
            return line
        skipped = self._skip(piece)
        found = Oversized(digest=skipped.hexdigest(), head=self._head)
        self._skipped, self._head = None, b""
        return found

    def _skip(self, piece: bytes) -> hashlib._Hash:
        """Take in a piece of a line that is too long; return what was taken in of it."""
        if self._skipped is None:
            self._skipped, self._head = hashlib.sha256(), piece[:_HEAD_BYTES]
        self._skipped.update(piece)
        return self._skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversized:
    """What is kept of a line that is too long."""

    digest: str
    head: bytes


@dataclass(slots=True, kw_only=True)
class LineFeed:
    """Hands the lines of streams to a desk; what is no context is quarantined and the feed goes on.

    Attributes:
        desk: Takes the contexts.
        name: Of the feed under which bad lines are kept.
        stop: Set when nothing more is to be read.
    """

    desk: Desk
    name: str
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _records: int = 0

    async def read(self, read: Read) -> None:
        """Hand over everything that ``read`` brings, until its end.

        Raises:
            ClosingError: The service is ending; the line under way was not taken.
        """
        splitter = LineSplitter(limit=LINE_BYTES_MAX)
        while True:
            chunk = await read(_CHUNK_BYTES)
            for line in splitter.lines(chunk):
                await self._take(line)
            if not chunk:
                return

    async def _take(self, line: bytes | Oversized) -> None:
        """Hand one line over once there is room; sooner or later there is."""
        while True:
            await self.desk.room()
            try:
                self._offer(line)
            except QueueFullError as error:
                if self.stop.is_set():
                    raise
                await asyncio.sleep((error.retry_after_ms or 0) / MS_PER_S)
            else:
                self._records += 1
                return

    def _offer(self, line: bytes | Oversized) -> None:
        """Offer a line as a context, or keep it as what it is."""
        if isinstance(line, Oversized):
            self._quarantine(RefusalCode.OVERSIZED_LINE, line.digest, line.head)
            return
        try:
            self.desk.offer([parse_offered(line)])
        except (QueueFullError, ClosingError):
            raise
        except NotTakenError as error:
            self._quarantine(_code_of(error), hashlib.sha256(line).hexdigest(), line)

    def _quarantine(self, code: RefusalCode, digest: str, head: bytes) -> None:
        """Keep a line that is no context."""
        self.desk.quarantine(
            self.name,
            Quarantined(
                part=0, record=self._records, refusal=code, digest=digest, excerpt=excerpt(head)
            ),
        )


def _code_of(error: NotTakenError) -> RefusalCode:
    """Return why a line is kept as it was found."""
    if not isinstance(error, ContextMalformedError):
        return RefusalCode.UNKNOWN_MESSAGE
    if error.place.endswith("symbol"):
        return RefusalCode.INSTRUMENT_UNDECLARED
    if error.place.endswith("receive_ns") and error.found.isdecimal():
        return RefusalCode.TIME_LEAP
    return RefusalCode.UNDECODABLE
