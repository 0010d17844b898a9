"""Blocks as they are kept: the older ones in files, the others in rows, and no seam to see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text

from torghut.adapters.postgres.archives.records import ARCHIVE_AT, Archive, read_archive
from torghut.adapters.postgres.archives.shelf import Shelf
from torghut.adapters.postgres.layout import BLOCK_COLUMNS, BlockRow, read_block
from torghut.adapters.postgres.reading.asking import Asking
from torghut.eventlog.block import Block
from torghut.eventlog.errors import LogIntegrityError

_NEXT_BLOCKS: Final = text(
    f"SELECT {BLOCK_COLUMNS} FROM blocks WHERE partition = :partition AND number > :after"  # noqa: S608 -- our own columns
    " ORDER BY number LIMIT :limit"
)
_OPENED_MAX: Final = 2
"""Files whose rows are kept at hand: several readers may be in different ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlock:
    """A block as found, with what the log says of it.

    Attributes:
        digest: As stored in the database; ``block.digest`` is what its bytes give.
    """

    block: Block
    digest: str


Found = StoredBlock | LogIntegrityError
"""A block, or why there is none that can be read."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """An archive with the rows in its file."""

    archive: Archive
    rows: Sequence[BlockRow]

    def covers(self, partition: int, number: int) -> bool:
        """Say whether a block is in it."""
        return (
            self.archive.partition == partition
            and self.archive.first <= number <= self.archive.last
        )

    def found(self, first: int, limit: int) -> Sequence[Found]:
        """Return the blocks from number ``first`` on."""
        start = first - self.archive.first
        rows = self.rows[start : start + limit]
        return [_found(row, self.archive.digest(row.number)) for row in rows]


class StoredBlocks:
    """The blocks of a log, wherever they are; asked in the handle's own loop.

    Args:
        asking: Asks the database.
        shelf: Has the files.
    """

    def __init__(self, asking: Asking, shelf: Shelf) -> None:
        self._asking = asking
        self._shelf = shelf
        self._opened: list[_Opened] = []

    async def after(self, partition: int, after: int, limit: int) -> Sequence[Found]:
        """Return the next blocks, so many at most, as found.

        Raises:
            ArchiveMissingError: The first of them went to a file that is not to be had.
            ArchiveAlteredError: That file is not the one that was written.
        """
        opened = self._at_hand(partition, after + 1)
        if opened is not None:
            return opened.found(after + 1, limit)
        rows = await self.rows(partition, after, limit)
        if not rows or rows[0].number != after + 1:
            # Rows go when their archive is there, in one commit: looked for in this order, a block
            # is in one of the two.
            archive = await self.archive_at(partition, after + 1)
            if archive is not None:
                return (await self._open(archive)).found(after + 1, limit)
        return [_found(row, row.digest) for row in rows]

    async def rows(self, partition: int, after: int, limit: int) -> Sequence[Row[Any]]:
        """Return the next rows, so many at most, of blocks that are in no file."""
        asked = {"partition": partition, "after": after, "limit": limit}
        return await self._asking.rows(_NEXT_BLOCKS, asked)

    async def archive_at(self, partition: int, number: int) -> Archive | None:
        """Return the archive that has a block; None if none has."""
        asked = {"partition": partition, "number": number}
        row = await self._asking.first(ARCHIVE_AT, asked)
        return None if row is None else read_archive(row)

    def _at_hand(self, partition: int, number: int) -> _Opened | None:
        """Return the opened archive that has a block, if any."""
        return next((one for one in self._opened if one.covers(partition, number)), None)

    async def _open(self, archive: Archive) -> _Opened:
        """Return ``archive`` with its rows; they stay at hand for whoever reads on."""
        opened = _Opened(archive, await asyncio.to_thread(self._shelf.rows, archive))
        self._opened = [opened, *self._opened][:_OPENED_MAX]
        return opened


def _found(row: Row[Any] | BlockRow, digest: str) -> Found:
    try:
        return StoredBlock(block=read_block(row), digest=digest)
    except LogIntegrityError as error:
        return error
