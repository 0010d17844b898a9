"""Reads a log: each statement by itself, so that no long read holds the write-ahead log back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.adapters.sqlite.ends import Ends
from torghut.adapters.sqlite.faults import reading_of
from torghut.adapters.sqlite.layout import (
    BLOCK_COLUMNS,
    EVENT_COLUMNS,
    SNAPSHOT_COLUMNS,
    partition_and_number,
    place_of,
    places_of,
    read_block,
    read_envelope,
)
from torghut.eventlog.block import GENESIS, Block, Head, head_of
from torghut.eventlog.envelopes import Envelope, check_feed, check_follows
from torghut.eventlog.errors import LogIntegrityError, ObjectMissingError
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.verification import block_place, check_block
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.kernel.ids import SERVING

_LAST_BLOCK: Final = (
    "SELECT place, digest, cursor FROM blocks WHERE place BETWEEN ? AND ?"
    " ORDER BY place DESC LIMIT 1"
)

_AT_ONCE_BYTES: Final = 1 << 18
"""Of rows; what is larger is read by itself."""


def _select(columns: str, rest: str) -> str:
    """Return the statement that reads these columns of what ``rest`` names."""
    return f"SELECT {columns} FROM {rest}"  # noqa: S608 -- names of our own tables


_NEXT_BLOCK: Final = _select(
    BLOCK_COLUMNS, "blocks WHERE place BETWEEN ? AND ? ORDER BY place LIMIT 1"
)
_EVENTS: Final = _select(EVENT_COLUMNS, "events WHERE stream = ? AND version > ? ORDER BY version")
_NEXT_EVENT: Final = _select(EVENT_COLUMNS, "events WHERE position > ? ORDER BY position LIMIT 1")
_FEED: Final = _select(
    f"{', '.join(f'events.{name.strip()}' for name in EVENT_COLUMNS.split(','))},"
    " before.digest AS previous",
    "events LEFT JOIN events AS before ON before.stream = events.stream"
    " AND before.version = events.version - 1"
    " WHERE events.position > ? ORDER BY events.position LIMIT ?",
)
_STREAMS: Final = (
    "SELECT stream FROM events WHERE version = 1 AND substr(stream, 1, ?) = ? ORDER BY position"
)
_SNAPSHOT: Final = _select(SNAPSHOT_COLUMNS, 'snapshots WHERE partition = ? AND "key" = ?')


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlock:
    """A block as found, with what the log says of it.

    Attributes:
        digest: As stored; ``block.digest`` is what its bytes give.
    """

    block: Block
    digest: str


class Reader:
    """Everything that can be asked of a log without changing it.

    Args:
        path: Of the log, for messages.
        driver: Used by one thread at a time.
    """

    def __init__(self, path: Path, driver: sqlite3.Connection) -> None:
        self._path = path
        self._driver = driver

    def log_id(self) -> str:
        """Return the log's name.

        Raises:
            LogIntegrityError: It has none.
        """
        found = self._rows("SELECT log_id FROM log")
        if len(found) != 1:
            raise LogIntegrityError(
                place=self._path.name, expected="one log id", found=f"{len(found)}"
            )
        return str(found[0]["log_id"])

    def partitions(self) -> Sequence[int]:
        """Return the partitions that have blocks, ascending."""
        found: list[int] = []
        place = 0
        least = "SELECT min(place) AS place FROM blocks WHERE place >= ?"
        while (row := self._first(least, place)) is not None and row["place"] is not None:
            partition, _ = partition_and_number(row["place"])
            found.append(partition)
            place = place_of(partition + 1, 0)
        return found

    def head(self, partition: int) -> Head:
        """Return the head of ``partition``."""
        row = self._first(_LAST_BLOCK, *places_of(partition))
        if row is None:
            return Head(partition=partition)
        _, number = partition_and_number(row["place"])
        return Head(partition=partition, number=number, digest=row["digest"], cursor=row["cursor"])

    def head_at(self, partition: int, number: int) -> Head:
        """Return number and digest of a block, to go on behind it.

        Raises:
            LogIntegrityError: It is missing, though there are blocks after it.
        """
        digest = self.block_digest(partition, number)
        if digest is None and self.head(partition).number > number:
            raise LogIntegrityError(
                place=block_place(partition, number), expected="a block", found="later ones only"
            )
        return Head(partition=partition, number=number, digest=digest or "")

    def ends(self) -> Ends:
        """Return where everything ends."""
        heads = {partition: self.head(partition) for partition in self.partitions()}
        last = self._first("SELECT position, digest FROM events ORDER BY position DESC LIMIT 1")
        commits = [self.block_commit(head.partition, head.number) for head in heads.values()]
        if last is not None:
            commits.append(self.event_commit(last["position"]))
        return Ends(
            heads=heads,
            position=last["position"] if last else 0,
            event_digest=last["digest"] if last else GENESIS,
            commit_number=max(commits, default=0),
        )

    def block_digest(self, partition: int, number: int) -> str | None:
        """Return the stored digest of a block; the genesis digest before the first."""
        if number < 0:
            return GENESIS
        row = self._first("SELECT digest FROM blocks WHERE place = ?", place_of(partition, number))
        return None if row is None else row["digest"]

    def block_commit(self, partition: int, number: int) -> int:
        """Return the number of the commit that added a block, 0 without one."""
        place = place_of(partition, number)
        row = self._first("SELECT commit_number FROM blocks WHERE place = ?", place)
        return 0 if row is None else row["commit_number"]

    def event_digest(self, position: int) -> str | None:
        """Return the stored digest of an event; the genesis digest before the first."""
        if position <= 0:
            return GENESIS
        row = self._first("SELECT digest FROM events WHERE position = ?", position)
        return None if row is None else row["digest"]

    def event_commit(self, position: int) -> int:
        """Return the number of the commit that added an event, 0 without one."""
        row = self._first("SELECT commit_number FROM events WHERE position = ?", position)
        return 0 if row is None else row["commit_number"]

    def next_block(self, partition: int, after: int) -> StoredBlock | None:
        """Return the first block of ``partition`` numbered above ``after``, if any.

        Raises:
            LogIntegrityError: What is stored there cannot be a block.
        """
        row = self._first(_NEXT_BLOCK, *places_of(partition, after=after))
        return None if row is None else StoredBlock(block=read_block(row), digest=row["digest"])

    def next_blocks(self, before: Head, at_once: int) -> Sequence[Block]:
        """Return the blocks after ``before``, verified: so many, or fewer that are large.

        Raises:
            LogIntegrityError: The first of them is missing, altered or does not follow ``before``.
        """
        found: list[Block] = []
        held = 0
        while len(found) < at_once and held < _AT_ONCE_BYTES:
            try:
                block = self._block_after(before)
            except TorghutError:
                if found:  # those before it are as they were written; its own turn will come
                    break
                raise
            if block is None:
                break
            found.append(block)
            before, held = head_of(block), held + len(block.arms[SERVING].rows)
        return found

    def count_blocks(self) -> int:
        """Return how many blocks there are, from the ends of their chains."""
        return sum(self.head(partition).number + 1 for partition in self.partitions())

    def get_object(self, digest: str) -> bytes:
        """Return the object named ``digest``, verified."""
        row = self._first("SELECT body FROM objects WHERE digest = ?", digest)
        if row is None:
            raise ObjectMissingError(digest=digest)
        body = row["body"]
        found = sha256_hex(body)
        if found != digest:
            raise LogIntegrityError(place=f"object {digest}", expected=digest, found=found)
        return bytes(body)

    def has_object(self, digest: str) -> bool:
        """Say whether there is an object named ``digest``."""
        return self._first("SELECT 1 FROM objects WHERE digest = ?", digest) is not None

    def object_digests(self, last: str = "") -> Iterator[str]:
        """Yield the digests of all objects above ``last``, ascending."""
        after = "SELECT digest FROM objects WHERE digest > ? ORDER BY digest LIMIT 1"
        while (row := self._first(after, last)) is not None:
            last = row["digest"]
            yield last

    def load_snapshot(self, partition: int, key: str) -> Snapshot | None:
        """Return the snapshot of ``partition`` under ``key`` if its blocks are in the chain."""
        row = self._first(_SNAPSHOT, partition, key)
        if row is None or self.block_digest(partition, row["block_number"]) != row["block_digest"]:
            return None
        found = sha256_hex(row["body"])
        if found != row["body_digest"]:
            raise LogIntegrityError(
                place=f"snapshot {key} of partition {partition}",
                expected=row["body_digest"],
                found=found,
            )
        return Snapshot(
            partition=partition, block_number=row["block_number"], key=key, body=bytes(row["body"])
        )

    def snapshot_keys(self) -> Sequence[tuple[int, str]]:
        """Return partition and key of every snapshot."""
        rows = self._rows('SELECT partition, "key" FROM snapshots')
        return [(row["partition"], row["key"]) for row in rows]

    def read_events(self, stream: str, after: int) -> Sequence[Envelope]:
        """Return the events of ``stream`` above version ``after``, each verified."""
        rows = self._rows(_EVENTS, stream, after)
        digest = self.stream_digest(stream, after)
        if rows and digest is None:
            raise LogIntegrityError(
                place=f"stream {stream}", expected=f"an event {after}", found="later ones only"
            )
        envelopes = [read_envelope(row) for row in rows]
        for version, envelope in enumerate(envelopes, start=after):
            check_follows(envelope, version=version, digest=digest or GENESIS)
            digest = envelope.digest
        return envelopes

    def streams(self, prefix: str) -> Sequence[str]:
        """Return the streams that begin with ``prefix``, by their first event."""
        rows = self._rows(_STREAMS, len(prefix), prefix)
        return [str(row["stream"]) for row in rows]

    def events_after(self, position: int, limit: int) -> Sequence[Envelope]:
        """Return the first events at positions above ``position``, each verified."""
        rows = self._rows(_FEED, position, limit)
        found = ((read_envelope(row), row["previous"]) for row in rows)
        return check_feed(found, after=position)

    def next_event(self, after: int) -> Envelope | None:
        """Return the first event at a position above ``after``, if any."""
        row = self._first(_NEXT_EVENT, after)
        return None if row is None else read_envelope(row)

    def stream_digest(self, stream: str, version: int) -> str | None:
        """Return the stored digest of a stream's event; the genesis digest for version 0."""
        if version == 0:
            return GENESIS
        wanted = "SELECT digest FROM events WHERE stream = ? AND version = ?"
        row = self._first(wanted, stream, version)
        return None if row is None else row["digest"]

    def page_faults(self) -> Sequence[str]:
        """Return what SQLite's own check of its pages finds, at most ten faults."""
        rows = self._rows("PRAGMA quick_check(10)")
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def _block_after(self, before: Head) -> Block | None:
        """Return the block after ``before``, verified; None if there is none."""
        stored = self.next_block(before.partition, before.number)
        if stored is None:
            return None
        check_block(stored.block, stored_digest=stored.digest, before=before)
        return stored.block

    def _first(self, statement: str, *values: int | str) -> sqlite3.Row | None:
        """Return the first row that ``statement`` finds, if any."""
        with reading_of(self._path), closing(self._driver.execute(statement, values)) as cursor:
            row: sqlite3.Row | None = cursor.fetchone()
        return row

    def _rows(self, statement: str, *values: int | str) -> Sequence[sqlite3.Row]:
        """Return all rows that ``statement`` finds."""
        with reading_of(self._path):
            return self._driver.execute(statement, values).fetchall()
