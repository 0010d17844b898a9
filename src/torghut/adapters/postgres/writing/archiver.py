"""Takes closed blocks out of the database, a file at a time: written, read back, verified, deleted.

Ended at any instant it loses nothing: the rows go in the commit that records their file, and a
file without a record is made again under the same name, or left over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, TextClause, text

from torghut.adapters.postgres.archives.records import GENESIS_BLOCK, LAST_ARCHIVED, Archive
from torghut.adapters.postgres.archives.shelf import Shelf
from torghut.adapters.postgres.layout import BlockRow, read_block
from torghut.adapters.postgres.reading.asking import Asking
from torghut.adapters.postgres.reading.reader import Reader
from torghut.eventlog.block import Head, head_of
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.verification import block_place, check_block
from torghut.workflows.archiving import Closed

_NEWEST_SNAPSHOT: Final = text(
    "SELECT max(block_number) AS number FROM snapshots WHERE partition = :partition"
)
_SIZES: Final = text(
    "SELECT number, octet_length(header) + octet_length(records) + octet_length(inputs)"
    ' + octet_length(leaves) + octet_length("rows") AS size FROM blocks'
    " WHERE partition = :partition AND number > :after AND number <= :last"
    " ORDER BY number LIMIT :limit"
)
_BLOCKS_MAX: Final = 8_192
"""Most blocks in one file."""
_ROWS_BYTES: Final = 1 << 22
"""Asked for at once."""


class Archiver:
    """The archiving half of a handle; lives in the handle's own loop.

    Args:
        asking: Asks the database.
        reader: Of the log.
        shelf: Where the files go.
    """

    def __init__(self, asking: Asking, reader: Reader, shelf: Shelf) -> None:
        self._asking = asking
        self._reader = reader
        self._shelf = shelf

    async def closed(self, partition: int, keep_blocks: int) -> Closed:
        """Return which blocks of ``partition`` may go."""
        head = await self._reader.head(partition)
        place = {"partition": partition}
        archived, snapshot = [
            await self._number(statement, place) for statement in (LAST_ARCHIVED, _NEWEST_SNAPSHOT)
        ]
        last = min(snapshot, head.number - keep_blocks)
        return Closed(partition=partition, first=max(archived, GENESIS_BLOCK) + 1, last=last)

    async def keep(self, closed: Closed, file_bytes: int) -> Archive:
        """Put the first of ``closed`` into a verified file and return what it has.

        Args:
            closed: Blocks that are in rows.
            file_bytes: What their rows may hold together; a single larger one is a file by itself.

        Raises:
            LogIntegrityError: They are not as they were written, or the file is not.
        """
        before = await self._reader.head_at(closed.partition, closed.first - 1)
        last = await self._last_of_file(closed, file_bytes)
        rows = await self._rows(closed, last, file_bytes)
        return await asyncio.to_thread(self._kept, rows, before)

    def _kept(self, rows: Sequence[BlockRow], before: Head) -> Archive:
        """Write ``rows``, which follow ``before``, and verify what stands in the file."""
        archive = Archive(
            partition=rows[0].partition,
            first=rows[0].number,
            last=rows[-1].number,
            file_digest=self._shelf.keep(rows),
            digests=b"".join(bytes.fromhex(row.digest) for row in rows),
        )
        for row in self._shelf.rows(archive):
            block = read_block(row)
            check_block(block, stored_digest=archive.digest(row.number), before=before)
            before = head_of(block)
        return archive

    async def _last_of_file(self, closed: Closed, file_bytes: int) -> int:
        """Return the number of the last block that goes into the next file."""
        asked = {
            "partition": closed.partition,
            "after": closed.first - 1,
            "last": closed.last,
            "limit": _BLOCKS_MAX,
        }
        last, total = closed.first, 0
        for row in await self._asking.rows(_SIZES, asked):
            total += row.size
            if total > file_bytes and row.number > closed.first:
                break
            last = row.number
        return last

    async def _rows(self, closed: Closed, last: int, file_bytes: int) -> Sequence[BlockRow]:
        """Return the rows from the first of ``closed`` to ``last``, a few at a time."""
        found: list[BlockRow] = []
        after, at_once = closed.first - 1, 1
        while after < last:
            rows = await self._reader.blocks.rows(
                closed.partition, after, min(at_once, last - after)
            )
            if not rows or rows[0].number != after + 1:
                raise LogIntegrityError(
                    place=block_place(closed.partition, after + 1), expected="a block", found="none"
                )
            found += [_block_row(row) for row in rows]
            after = found[-1].number
            size = max(sum(len(row.rows) + len(row.inputs) for row in found) // len(found), 1)
            at_once = max(1, min(2 * at_once, _ROWS_BYTES // size, file_bytes // size))
        return found

    async def _number(self, statement: TextClause, place: dict[str, int]) -> int:
        row = await self._asking.first(statement, place)
        return -1 if row is None or row.number is None else int(row.number)


def _block_row(row: Row[Any]) -> BlockRow:
    return BlockRow(**row._mapping)  # noqa: SLF001 -- public by its documentation
