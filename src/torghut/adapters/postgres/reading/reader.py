"""Everything that can be asked of a log without changing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from torghut.adapters.postgres.layout import (
    BLOCK_DIGEST,
    EVENT_COLUMNS,
    HEADS,
    SELECT_HEAD,
    SELECT_SNAPSHOT,
    read_envelope,
    read_head,
)
from torghut.adapters.postgres.reading.asking import Asking
from torghut.adapters.postgres.reading.blocks import StoredBlocks
from torghut.eventlog.block import GENESIS, Block, Head, head_of
from torghut.eventlog.envelopes import Envelope, check_feed, check_follows
from torghut.eventlog.errors import LogIntegrityError, ObjectMissingError
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.verification import block_place, check_block
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError

_LOG_ID: Final = text("SELECT log_id FROM log")
_LAST_NUMBER: Final = text(
    "SELECT greatest((SELECT max(number) FROM blocks WHERE partition = :partition),"
    " (SELECT max(last_number) FROM archives WHERE partition = :partition)) AS number"
)
_NEXT_PARTITION: Final = text(
    "SELECT least((SELECT min(partition) FROM blocks WHERE partition >= :least),"
    " (SELECT min(partition) FROM archives WHERE partition >= :least)) AS partition"
)
_OBJECT: Final = text("SELECT body FROM objects WHERE digest = :digest")
_OBJECT_DIGESTS: Final = text(
    "SELECT digest FROM objects WHERE digest > :after ORDER BY digest LIMIT :limit"
)
_SNAPSHOTS: Final = text('SELECT partition, "key" FROM snapshots ORDER BY partition, "key"')
_EVENTS: Final = text(
    f"SELECT {EVENT_COLUMNS} FROM events WHERE stream = :stream AND version > :after"  # noqa: S608 -- our own columns
    " ORDER BY version"
)
_EVENT_DIGEST: Final = text(
    "SELECT digest FROM events WHERE stream = :stream AND version = :version"
)
_DIGEST_AT: Final = text("SELECT digest FROM events WHERE position = :position")
_FEED_COLUMNS: Final = ", ".join(f"events.{name.strip()}" for name in EVENT_COLUMNS.split(","))
_FEED: Final = text(
    f"SELECT {_FEED_COLUMNS}, before.digest AS previous FROM events"  # noqa: S608 -- our own columns
    " LEFT JOIN events AS before ON before.stream = events.stream"
    " AND before.version = events.version - 1"
    " WHERE events.position > :after ORDER BY events.position LIMIT :limit"
)
_STREAMS: Final = text(
    "SELECT stream FROM events WHERE version = 1 AND stream >= :first ORDER BY position"
)
_STREAMS_BETWEEN: Final = text(
    "SELECT stream FROM events WHERE version = 1 AND stream >= :first AND stream < :beyond"
    " ORDER BY position"
)
_EVENTS_END: Final = text("SELECT position, digest FROM events_end")

_LAST_CHARACTER: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as found.

    Attributes:
        previous: Stored digest of its stream's event before; the genesis digest before the first,
            None if it is missing.
    """

    envelope: Envelope
    previous: str | None


class Reader:
    """The reading half of a handle; lives in the handle's own loop.

    Attributes:
        blocks: As they are stored.
    """

    def __init__(self, asking: Asking, blocks: StoredBlocks) -> None:
        self._asking = asking
        self.blocks = blocks

    @property
    def place(self) -> str:
        """Return what the log is called in messages."""
        return self._asking.address.name

    async def log_id(self) -> str:
        """Return the log's name.

        Raises:
            LogIntegrityError: It has none.
        """
        row = await self._asking.first(_LOG_ID)
        if row is None:
            raise LogIntegrityError(place=self.place, expected="a log id", found="none")
        return str(row.log_id)

    async def head(self, partition: int) -> Head:
        """Return the head of ``partition``."""
        row = await self._asking.first(SELECT_HEAD, {"partition": partition})
        return read_head(partition, row)

    async def heads(self) -> Sequence[Head]:
        """Return the heads of all partitions that have blocks, ascending."""
        return [read_head(row.partition, row) for row in await self._asking.rows(HEADS)]

    async def partitions_stored(self) -> Sequence[int]:
        """Return the partitions of which there are blocks, whatever the heads say."""
        found: list[int] = []
        least = 0
        while True:
            row = await self._asking.first(_NEXT_PARTITION, {"least": least})
            if row is None or row.partition is None:
                return found
            found.append(row.partition)
            least = row.partition + 1

    async def last_number(self, partition: int) -> int:
        """Return the number of the last block that is stored; -1 without one."""
        row = await self._asking.first(_LAST_NUMBER, {"partition": partition})
        return -1 if row is None or row.number is None else int(row.number)

    async def head_at(self, partition: int, number: int) -> Head:
        """Return number and digest of a block, to go on behind it.

        Raises:
            LogIntegrityError: It is missing, though there are blocks after it.
        """
        digest = await self.block_digest(partition, number)
        if digest is None and await self.last_number(partition) > number:
            raise LogIntegrityError(
                place=block_place(partition, number), expected="a block", found="later ones only"
            )
        return Head(partition=partition, number=number, digest=digest or "")

    async def block_digest(self, partition: int, number: int) -> str | None:
        """Return the stored digest of a block; the genesis digest before the first."""
        if number < 0:
            return GENESIS
        place = {"partition": partition, "number": number}
        row = await self._asking.first(BLOCK_DIGEST, place)
        return None if row is None else str(row.digest)

    async def next_blocks(self, before: Head, at_once: int) -> Sequence[Block]:
        """Return the blocks after ``before``, verified: so many at most.

        Raises:
            LogIntegrityError: The first of them is missing, altered or does not follow ``before``.
            ArchiveMissingError: It went to a file that is not to be had.
        """
        found: list[Block] = []
        for stored in await self.blocks.after(before.partition, before.number, at_once):
            try:
                if isinstance(stored, LogIntegrityError):
                    raise stored
                check_block(stored.block, stored_digest=stored.digest, before=before)
            except TorghutError:
                if found:  # those before it are as they were written; its own turn will come
                    break
                raise
            found.append(stored.block)
            before = head_of(stored.block)
        return found

    async def get_object(self, digest: str) -> bytes:
        """Return the object named ``digest``, verified."""
        row = await self._asking.first(_OBJECT, {"digest": digest})
        if row is None:
            raise ObjectMissingError(digest=digest)
        found = sha256_hex(row.body)
        if found != digest:
            raise LogIntegrityError(place=f"object {digest}", expected=digest, found=found)
        return bytes(row.body)

    async def object_digests(self, after: str, limit: int) -> Sequence[str]:
        """Return the digests of the first objects above ``after``, ascending."""
        rows = await self._asking.rows(_OBJECT_DIGESTS, {"after": after, "limit": limit})
        return [str(row.digest) for row in rows]

    async def load_snapshot(self, partition: int, key: str) -> Snapshot | None:
        """Return the snapshot of ``partition`` under ``key`` if its blocks are in the chain."""
        row = await self._asking.first(SELECT_SNAPSHOT, {"partition": partition, "key": key})
        if row is None:
            return None
        if await self.block_digest(partition, row.block_number) != row.block_digest:
            return None
        found = sha256_hex(row.body)
        if found != row.body_digest:
            raise LogIntegrityError(
                place=f"snapshot {key} of partition {partition}",
                expected=row.body_digest,
                found=found,
            )
        return Snapshot(
            partition=partition, block_number=row.block_number, key=key, body=bytes(row.body)
        )

    async def snapshot_keys(self) -> Sequence[tuple[int, str]]:
        """Return partition and key of every snapshot."""
        return [(row.partition, row.key) for row in await self._asking.rows(_SNAPSHOTS)]

    async def read_events(self, stream: str, after: int) -> Sequence[Envelope]:
        """Return the events of ``stream`` above version ``after``, each verified."""
        rows = await self._asking.rows(_EVENTS, {"stream": stream, "after": after})
        digest: str | None = GENESIS
        if rows and after:
            before = await self._asking.first(_EVENT_DIGEST, {"stream": stream, "version": after})
            digest = None if before is None else before.digest
        if digest is None:
            raise LogIntegrityError(
                place=f"stream {stream}", expected=f"an event {after}", found="later ones only"
            )
        envelopes = [read_envelope(row) for row in rows]
        for version, envelope in enumerate(envelopes, start=after):
            check_follows(envelope, version=version, digest=digest)
            digest = envelope.digest
        return envelopes

    async def stored_events(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return the first events at positions above ``after``, as found."""
        rows = await self._asking.rows(_FEED, {"after": after, "limit": limit})
        return [
            StoredEvent(
                envelope=read_envelope(row), previous=row.previous if row.version > 1 else GENESIS
            )
            for row in rows
        ]

    async def events_after(self, position: int, limit: int) -> Sequence[Envelope]:
        """Return the first events at positions above ``position``, each verified."""
        stored = await self.stored_events(position, limit)
        return check_feed(((one.envelope, one.previous) for one in stored), after=position)

    async def event_digest(self, position: int) -> str | None:
        """Return the stored digest of an event; the genesis digest before the first."""
        if position <= 0:
            return GENESIS
        row = await self._asking.first(_DIGEST_AT, {"position": position})
        return None if row is None else str(row.digest)

    async def events_end(self) -> tuple[int, str]:
        """Return position and digest of the last event, as the log says.

        Raises:
            LogIntegrityError: It does not say.
        """
        row = await self._asking.first(_EVENTS_END)
        if row is None:
            raise LogIntegrityError(place=self.place, expected="an end of events", found="none")
        return int(row.position), str(row.digest)

    async def streams(self, prefix: str) -> Sequence[str]:
        """Return the streams that begin with ``prefix``, by their first event."""
        beyond = beyond_prefix(prefix)
        if beyond is None:
            rows = await self._asking.rows(_STREAMS, {"first": prefix})
        else:
            rows = await self._asking.rows(_STREAMS_BETWEEN, {"first": prefix, "beyond": beyond})
        return [str(row.stream) for row in rows]


def beyond_prefix(prefix: str) -> str | None:
    """Return the first text, in the order of its bytes, after all that begin with ``prefix``.

    None if there is none, so that every text from ``prefix`` on begins with it.

    >>> beyond_prefix("approval-")
    'approval.'
    """
    while prefix:
        after = ord(prefix[-1]) + 1
        if after <= _LAST_CHARACTER:
            return prefix[:-1] + chr(after if after not in _SURROGATES else _SURROGATES.stop)
        prefix = prefix[:-1]
    return None
