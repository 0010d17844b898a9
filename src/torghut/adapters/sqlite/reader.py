"""Reads a log: each statement by itself, so that no long read holds the write-ahead log back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from torghut.adapters.sqlite.faults import reading_of
from torghut.adapters.sqlite.tables import (
    BLOCKS,
    EVENTS,
    IDENTITY,
    OBJECTS,
    SNAPSHOTS,
    partition_and_number,
    place_of,
    places_of,
    read_block,
    read_envelope,
)
from torghut.adapters.sqlite.transaction import Ends
from torghut.eventlog.block import GENESIS, Block, Head
from torghut.eventlog.envelopes import Envelope, check_follows
from torghut.eventlog.errors import LogIntegrityError, ObjectMissingError
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.verification import block_place
from torghut.kernel.digests import sha256_hex


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
        connection: Used by one thread at a time.
    """

    def __init__(self, path: Path, connection: Connection) -> None:
        self._path = path
        self._connection = connection

    def log_id(self) -> str:
        """Return the log's name.

        Raises:
            LogIntegrityError: It has none.
        """
        with reading_of(self._path):
            found = self._connection.execute(select(IDENTITY.c.log_id)).scalars().all()
        if len(found) != 1:
            raise LogIntegrityError(
                place=self._path.name, expected="one log id", found=f"{len(found)}"
            )
        return str(found[0])

    def partitions(self) -> Sequence[int]:
        """Return the partitions that have blocks, ascending."""
        found: list[int] = []
        place = 0
        with reading_of(self._path):
            while (
                row := self._connection.execute(
                    select(func.min(BLOCKS.c.place)).where(BLOCKS.c.place >= place)
                ).scalar()
            ) is not None:
                partition, _ = partition_and_number(row)
                found.append(partition)
                place = place_of(partition + 1, 0)
        return found

    def head(self, partition: int) -> Head:
        """Return the head of ``partition``."""
        with reading_of(self._path):
            row = self._connection.execute(
                select(BLOCKS.c.place, BLOCKS.c.digest, BLOCKS.c.cursor)
                .where(BLOCKS.c.place.between(*places_of(partition)))
                .order_by(BLOCKS.c.place.desc())
                .limit(1)
            ).first()
        if row is None:
            return Head(partition=partition)
        _, number = partition_and_number(row.place)
        return Head(partition=partition, number=number, digest=row.digest, cursor=row.cursor)

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
        with reading_of(self._path):
            last = self._connection.execute(
                select(EVENTS.c.position, EVENTS.c.digest)
                .order_by(EVENTS.c.position.desc())
                .limit(1)
            ).first()
        commits = [self.block_commit(head.partition, head.number) for head in heads.values()]
        if last is not None:
            commits.append(self.event_commit(last.position))
        return Ends(
            heads=heads,
            position=last.position if last else 0,
            event_digest=last.digest if last else GENESIS,
            commit_number=max(commits, default=0),
        )

    def block_digest(self, partition: int, number: int) -> str | None:
        """Return the stored digest of a block; the genesis digest before the first."""
        if number < 0:
            return GENESIS
        with reading_of(self._path):
            return self._connection.execute(
                select(BLOCKS.c.digest).where(BLOCKS.c.place == place_of(partition, number))
            ).scalar()

    def block_commit(self, partition: int, number: int) -> int:
        """Return the number of the commit that added a block, 0 without one."""
        with reading_of(self._path):
            statement = select(BLOCKS.c.commit_number)
            place = place_of(partition, number)
            return self._connection.execute(statement.where(BLOCKS.c.place == place)).scalar() or 0

    def event_digest(self, position: int) -> str | None:
        """Return the stored digest of an event; the genesis digest before the first."""
        if position <= 0:
            return GENESIS
        with reading_of(self._path):
            return self._connection.execute(
                select(EVENTS.c.digest).where(EVENTS.c.position == position)
            ).scalar()

    def event_commit(self, position: int) -> int:
        """Return the number of the commit that added an event, 0 without one."""
        with reading_of(self._path):
            statement = select(EVENTS.c.commit_number)
            wanted = EVENTS.c.position == position
            return self._connection.execute(statement.where(wanted)).scalar() or 0

    def next_block(self, partition: int, after: int) -> StoredBlock | None:
        """Return the first block of ``partition`` numbered above ``after``, if any.

        Raises:
            LogIntegrityError: What is stored there cannot be a block.
        """
        with reading_of(self._path):
            row = self._connection.execute(
                select(BLOCKS)
                .where(BLOCKS.c.place.between(*places_of(partition, after=after)))
                .order_by(BLOCKS.c.place)
                .limit(1)
            ).first()
        return None if row is None else StoredBlock(block=read_block(row), digest=row.digest)

    def count_blocks(self) -> int:
        """Return how many blocks there are, from the ends of their chains."""
        return sum(self.head(partition).number + 1 for partition in self.partitions())

    def get_object(self, digest: str) -> bytes:
        """Return the object named ``digest``, verified."""
        with reading_of(self._path):
            body = self._connection.execute(
                select(OBJECTS.c.body).where(OBJECTS.c.digest == digest)
            ).scalar()
        if body is None:
            raise ObjectMissingError(digest=digest)
        found = sha256_hex(body)
        if found != digest:
            raise LogIntegrityError(place=f"object {digest}", expected=digest, found=found)
        return bytes(body)

    def has_object(self, digest: str) -> bool:
        """Say whether there is an object named ``digest``."""
        with reading_of(self._path):
            wanted = select(OBJECTS.c.digest).where(OBJECTS.c.digest == digest)
            return self._connection.execute(wanted).first() is not None

    def object_digests(self) -> Iterator[str]:
        """Yield the digests of all objects, ascending."""
        last = ""
        while True:
            with reading_of(self._path):
                found = self._connection.execute(
                    select(func.min(OBJECTS.c.digest)).where(OBJECTS.c.digest > last)
                ).scalar()
            if found is None:
                return
            yield found
            last = found

    def load_snapshot(self, partition: int, key: str) -> Snapshot | None:
        """Return the snapshot of ``partition`` under ``key`` if its blocks are in the chain."""
        with reading_of(self._path):
            row = self._connection.execute(
                select(SNAPSHOTS).where(SNAPSHOTS.c.partition == partition, SNAPSHOTS.c.key == key)
            ).first()
        if row is None or self.block_digest(partition, row.block_number) != row.block_digest:
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

    def snapshot_keys(self) -> Sequence[tuple[int, str]]:
        """Return partition and key of every snapshot."""
        with reading_of(self._path):
            rows = self._connection.execute(select(SNAPSHOTS.c.partition, SNAPSHOTS.c.key)).all()
        return [(row.partition, row.key) for row in rows]

    def read_events(self, stream: str, after: int) -> Sequence[Envelope]:
        """Return the events of ``stream`` above version ``after``, each verified."""
        with reading_of(self._path):
            rows = self._connection.execute(
                select(EVENTS)
                .where(EVENTS.c.stream == stream, EVENTS.c.version > after)
                .order_by(EVENTS.c.version)
            ).all()
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

    def next_event(self, after: int) -> Envelope | None:
        """Return the first event at a position above ``after``, if any."""
        with reading_of(self._path):
            row = self._connection.execute(
                select(EVENTS).where(EVENTS.c.position > after).order_by(EVENTS.c.position).limit(1)
            ).first()
        return None if row is None else read_envelope(row)

    def stream_digest(self, stream: str, version: int) -> str | None:
        """Return the stored digest of a stream's event; the genesis digest for version 0."""
        if version == 0:
            return GENESIS
        with reading_of(self._path):
            return self._connection.execute(
                select(EVENTS.c.digest).where(
                    EVENTS.c.stream == stream, EVENTS.c.version == version
                )
            ).scalar()

    def page_faults(self) -> Sequence[str]:
        """Return what SQLite's own check of its pages finds, at most ten faults."""
        with reading_of(self._path):
            rows = self._connection.exec_driver_sql("PRAGMA quick_check(10)").scalars().all()
        return [str(row) for row in rows if row != "ok"]
