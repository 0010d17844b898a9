"""Lines kept for those who listen: the newest in memory, all others read back from the log.

Nobody has a queue: each listener has a place, and asks for what comes after it. So memory is
bounded whatever they do, and one who does not read costs nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from torghut.eventlog.block import Block
from torghut.eventlog.errors import LogReadError, LogWriteError
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.live.position import PLACE_MAX, Position, start_of
from torghut.workflows.live.ports import Told
from torghut.workflows.live.told.lines import Line
from torghut.workflows.lookup.scanning import newest_first

_BYTES_MAX: Final = 262_144
"""About so many bytes are told at once."""

LinesOf = Callable[[Block], Awaitable[Sequence[Line]]]
"""Reads a block back as lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBlock:
    """Lines of one durable block, by ascending place."""

    partition: int
    number: int
    digest: str
    lines: Sequence[Line]

    def position(self, line: Line) -> Position:
        """Return where a line stands."""
        return Position(self.partition, self.number, line.place)

    def after(self, at: Position) -> KeptBlock:
        """Return the block without the lines that do not stand after ``at``."""
        if self.number > at.block:
            return self
        there = self.lines if self.number == at.block else ()
        return replace(self, lines=[line for line in there if line.place > at.place])


@dataclass(slots=True, kw_only=True)
class Telling:
    """All lines of a log, for all who listen.

    Attributes:
        log: Where older ones are read; another object once it was opened again.
        partition: Of the log.
        lines_of: Makes lines of a block that is read back.
        limit: Most lines kept in memory.
        retry_s: How long to wait before reading again what could not be read.
        newest: Position of the last line, or behind it; None before the first.
        kept: Lines in memory.
    """

    log: DecisionLog
    lines_of: LinesOf
    limit: int
    retry_s: float
    partition: int = 0
    newest: Position | None = None
    kept: int = 0
    _blocks: deque[KeptBlock] = field(default_factory=deque)
    _before: Position = field(init=False)
    _by_name: dict[str, bytes] = field(default_factory=dict)
    _next: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._before = start_of(self.partition)

    def publish(self, block: KeptBlock) -> None:
        """Take in a block that is durable, and wake everybody who waits."""
        if not block.lines:
            return
        self.newest = block.position(block.lines[-1])
        self._blocks.append(block)
        self.kept += len(block.lines)
        for line in block.lines:
            if not line.aside:
                self._by_name.setdefault(line.name, line.text)
        self._forget()
        self.wake()

    def wake(self) -> None:
        """Wake everybody who waits."""
        waited, self._next = self._next, asyncio.Event()
        waited.set()

    async def recall(self, most: int, *, blocks: int) -> None:
        """Read the log's last lines into memory before anybody listens.

        Args:
            most: So many at least, where there are as many.
            blocks: But from no more blocks than this.
        """
        found: list[KeptBlock] = []
        count, read = 0, 0
        async for block in newest_first(self.log, self.partition):
            if count >= most or read >= blocks:
                self._before = Position(block.partition, block.number, PLACE_MAX)
                self.newest = self._before
                break
            lines = await self.lines_of(block)
            count, read = count + len(lines), read + 1
            found.append(kept_block(block, lines))
        for kept in reversed(found):
            self.publish(kept)

    def count_after(self, at: Position) -> int:
        """Return how many lines in memory stand in blocks behind that of ``at``."""
        count = 0
        for block in reversed(self._blocks):
            if block.number <= at.block:
                break
            count += len(block.lines)
        return count

    def known(self, name: str) -> bytes | None:
        """Return the first line of that name, if it is in memory."""
        return self._by_name.get(name)

    async def follow(self, after: Position | None) -> AsyncIterator[Told]:
        """Yield what comes after a position, or from now on, and go on for ever.

        Raises:
            LogIntegrityError: A block is not as it was written.
        """
        async for blocks in self.follow_blocks(after):
            told = _told(blocks)
            if told.count:
                yield told

    async def follow_blocks(self, after: Position | None) -> AsyncIterator[Sequence[KeptBlock]]:
        """Yield the same block by block, what stands aside as well.

        Where the log cannot be read for now, what stands in it alone comes once it can.

        Raises:
            LogIntegrityError: A block is not as it was written.
        """
        at = after or self.newest or start_of(self.partition)
        while True:
            waited = self._next  # taken first: what is published meanwhile is not slept over
            if self.newest is None or at >= self.newest:
                await waited.wait()
            elif at >= self._before:
                blocks = self._kept_after(at)
                at = _last(blocks)
                yield blocks
            else:
                try:
                    async for block in self._read_after(at):
                        at = _last([block])
                        yield [block]
                    at = max(at, self._before)
                except (LogReadError, LogWriteError):
                    await asyncio.sleep(self.retry_s)

    def _kept_after(self, at: Position) -> Sequence[KeptBlock]:
        """Return the next lines, all of them in memory; ``at`` stands before the newest."""
        found: list[KeptBlock] = []
        size = 0
        for block in self._from(at.block):
            new = block.after(at)
            if new.lines:
                found.append(new)
                size += sum(len(line.text) for line in new.lines)
            if size >= _BYTES_MAX:
                break
        return found

    def _from(self, number: int) -> list[KeptBlock]:
        """Return the blocks in memory from ``number`` on, oldest first."""
        found: list[KeptBlock] = []
        for block in reversed(self._blocks):
            if block.number < number:
                break
            found.append(block)
        return found[::-1]

    async def _read_after(self, at: Position) -> AsyncIterator[KeptBlock]:
        """Yield what is in the log only, up to where memory begins."""
        async for block in self.log.blocks(self.partition, after=max(-1, at.block - 1)):
            if block.number > self._before.block:
                return
            kept = kept_block(block, await self.lines_of(block)).after(at)
            if kept.lines:
                yield kept
            if block.number >= self._before.block:
                return

    def _forget(self) -> None:
        """Let the oldest go, but for the newest block."""
        while self.kept > self.limit and len(self._blocks) > 1:
            oldest = self._blocks.popleft()
            self.kept -= len(oldest.lines)
            self._before = oldest.position(oldest.lines[-1])
            for line in oldest.lines:
                if self._by_name.get(line.name) is line.text:
                    del self._by_name[line.name]


def kept_block(block: Block, lines: Sequence[Line]) -> KeptBlock:
    """Return lines as they are kept for those who listen."""
    return KeptBlock(
        partition=block.partition, number=block.number, digest=block.digest, lines=lines
    )


def _last(blocks: Sequence[KeptBlock]) -> Position:
    """Return where the last line of blocks stands, all of which have lines."""
    return blocks[-1].position(blocks[-1].lines[-1])


def _told(blocks: Sequence[KeptBlock]) -> Told:
    """Return lines as they are sent."""
    texts = [line.text for block in blocks for line in block.lines if not line.aside]
    return Told(
        lines=b"".join(text + b"\n" for text in texts), last=_last(blocks), count=len(texts)
    )
