"""The transaction in which rows go and the record of their archive comes, with its event."""

from __future__ import annotations

from torghut.adapters.postgres.archives.records import (
    ARCHIVE_AT,
    DELETE_BETWEEN,
    DIGESTS_BETWEEN,
    GENESIS_BLOCK,
    INSERT_ARCHIVE,
    LAST_ARCHIVED,
    Archive,
    read_archive,
)
from torghut.adapters.postgres.writing.events import EventsTransaction
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.errors import ConcurrencyConflictError, LogIntegrityError
from torghut.eventlog.verification import block_place


async def record_archive(
    transaction: EventsTransaction,
    archive: Archive,
    *,
    stream: str,
    recorded_at_ns: int,
    causes: Causes,
) -> None:
    """Delete the rows of ``archive`` and put it on record, unless that was done.

    The end of the events is locked, so whoever else archives waits.

    Raises:
        ConcurrencyConflictError: Somebody else archived some of these blocks.
        LogIntegrityError: The rows are not those that were put into the file.
    """
    if await _is_recorded(transaction, archive):
        return
    between = {"partition": archive.partition, "first": archive.first, "last": archive.last}
    found = (await transaction.connection.execute(DIGESTS_BETWEEN, between)).scalars()
    if b"".join(map(bytes.fromhex, found)) != archive.digests:
        raise LogIntegrityError(
            place=block_place(archive.partition, archive.first),
            expected=f"the rows that were put into {archive.path}",
            found="others",
        )
    await transaction.connection.execute(INSERT_ARCHIVE, archive.values())
    await transaction.connection.execute(DELETE_BETWEEN, between)
    await transaction.say(stream, archive.event(), recorded_at_ns=recorded_at_ns, causes=causes)


async def _is_recorded(transaction: EventsTransaction, archive: Archive) -> bool:
    """Say whether ``archive`` is on record; if not, check that it follows what is."""
    connection, partition = transaction.connection, archive.partition
    place = {"partition": partition, "number": archive.first}
    row = (await connection.execute(ARCHIVE_AT, place)).one_or_none()
    if row is not None and read_archive(row) == archive:
        return True
    last = (await connection.execute(LAST_ARCHIVED, {"partition": partition})).scalar_one()
    end = GENESIS_BLOCK if last is None else int(last)
    if end != archive.first - 1:
        raise ConcurrencyConflictError(
            stream=f"archives of partition {partition}",
            expected=f"block {archive.first - 1} last",
            actual=f"block {end} last",
        )
    return False
