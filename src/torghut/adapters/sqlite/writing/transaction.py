"""One transaction of the writer: what it sees, what it adds, and what holds after it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from torghut.adapters.sqlite.ends import Ends
from torghut.adapters.sqlite.heads.lines import EVENTS_CHAIN, line_bytes
from torghut.adapters.sqlite.layout import (
    INSERT_BLOCK,
    INSERT_EVENT,
    INSERT_OBJECT,
    INSERT_SNAPSHOT,
    block_values,
    event_values,
    place_of,
)
from torghut.eventlog.block import GENESIS, Block, Head, check_next, head_of
from torghut.eventlog.envelopes import Causes, Place, encode_event, seal_events, version_conflict
from torghut.eventlog.errors import ObjectMissingError
from torghut.eventlog.ports import Snapshot, check_snapshot
from torghut.kernel.digests import sha256_hex
from torghut.schemas.types import Message

_BLOCK_DIGEST: Final = "SELECT digest FROM blocks WHERE place = ?"
_OBJECT: Final = "SELECT 1 FROM objects WHERE digest = ?"
_SNAPSHOT: Final = (
    'SELECT block_number, block_digest FROM snapshots WHERE partition = ? AND "key" = ?'
)
_STREAM_VERSION: Final = "SELECT max(version) FROM events WHERE stream = ?"
_EVENT: Final = "SELECT type, body, digest FROM events WHERE stream = ? AND version = ?"


class Transaction:
    """What is done between BEGIN and COMMIT; nothing of it holds before ``adopt``.

    Each operation checks everything before it writes anything: one that is refused leaves nothing
    behind and its neighbours in the same transaction unharmed.

    Args:
        driver: In a transaction of its own.
        ends: As of the last commit.

    Attributes:
        lines: What the heads file is to say of the blocks added, one line each.
        size: Bytes added.
    """

    def __init__(self, driver: sqlite3.Connection, ends: Ends) -> None:
        self._driver = driver
        self._ends = ends
        self._after = Ends(
            heads={},
            position=ends.position,
            event_digest=ends.event_digest,
            commit_number=ends.commit_number + 1,
        )
        self.lines: list[bytes] = []
        self.size = 0

    def head(self, partition: int) -> Head:
        """Return the head of ``partition``, this transaction's blocks included."""
        return self._after.heads.get(partition) or self._ends.head(partition)

    def heads(self) -> Iterable[Head]:
        """Return the heads of all partitions, this transaction's blocks included."""
        return map(self.head, sorted(self._ends.heads.keys() | self._after.heads.keys()))

    def append(self, block: Block) -> Head:
        """Add ``block``, unless it is there already."""
        head = self.head(block.partition)
        if (
            block.number <= head.number
            and self._digest_at(block.partition, block.number) == block.digest
        ):
            return head_of(block)
        check_next(block, head)
        for digest in block.cites:
            if self._driver.execute(_OBJECT, (digest,)).fetchone() is None:
                raise ObjectMissingError(digest=digest)
        self._add(INSERT_BLOCK, block_values(block, commit_number=self._after.commit_number))
        head = head_of(block)
        self._after.heads[block.partition] = head
        self.lines.append(line_bytes(head.partition, head.number, head.digest))
        return head

    def append_events(
        self,
        stream: str,
        events: Sequence[Message],
        *,
        expected_version: int,
        recorded_at_ns: int,
        causes: Causes,
    ) -> int:
        """Add ``events`` to ``stream``, unless they are there already."""
        version = self.stream_version(stream)
        if version != expected_version:
            encoded = [encode_event(event) for event in events]
            if self._recorded(stream, expected_version, len(events)) == encoded:
                return expected_version + len(events)
            raise version_conflict(stream, expected=expected_version, actual=version)
        sealed = seal_events(
            stream,
            events,
            after=Place(
                version=version,
                digest=self._event_digest(stream, version),
                position=self._after.position,
            ),
            recorded_at_ns=recorded_at_ns,
            causes=causes,
        )
        for envelope in sealed:
            self._add(INSERT_EVENT, event_values(envelope, commit_number=self._after.commit_number))
            self._after.position = envelope.position
            self._after.event_digest = envelope.digest
        return version + len(sealed)

    def stream_version(self, stream: str) -> int:
        """Return the version of ``stream``, 0 before its first event."""
        (version,) = self._driver.execute(_STREAM_VERSION, (stream,)).fetchone()
        return int(version or 0)

    def put_object(self, body: bytes) -> str:
        """Keep ``body`` under its digest."""
        digest = sha256_hex(body)
        self._add(INSERT_OBJECT, (digest, body))
        return digest

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep ``snapshot`` together with the digest of the block it is of.

        An older one takes the place only of one whose blocks are no longer in the chain.
        """
        partition = snapshot.partition
        check_snapshot(snapshot, self.head(partition))
        kept = self._driver.execute(_SNAPSHOT, (partition, snapshot.key)).fetchone()
        if kept is not None and kept[0] > snapshot.block_number:
            number, digest = kept
            if self._digest_at(partition, number) == digest:
                return
        values = (
            partition,
            snapshot.key,
            snapshot.block_number,
            self._digest_at(partition, snapshot.block_number),
            sha256_hex(snapshot.body),
            snapshot.body,
        )
        self._add(INSERT_SNAPSHOT, values)

    def lines_to_write(self) -> bytes:
        """Return what the heads file says of this commit."""
        after = self._after
        if after.position > self._ends.position:
            last = line_bytes(EVENTS_CHAIN, after.position, after.event_digest)
            return b"".join([*self.lines, last])
        return b"".join(self.lines)

    def adopt(self) -> None:
        """Make what this transaction added the state that the next one begins with."""
        self._ends.heads.update(self._after.heads)
        if self.lines or self._after.position > self._ends.position:
            self._ends.commit_number = self._after.commit_number
        self._ends.position = self._after.position
        self._ends.event_digest = self._after.event_digest

    def _add(self, statement: str, values: Sequence[int | str | bytes | None]) -> None:
        """Write one row."""
        self._driver.execute(statement, values)
        self.size += sum([len(value) for value in values if isinstance(value, bytes)])

    def _digest_at(self, partition: int, number: int) -> str | None:
        """Return the digest of a block, the genesis digest before the first; None without one."""
        if number < 0:
            return GENESIS
        place = (place_of(partition, number),)
        found = self._driver.execute(_BLOCK_DIGEST, place).fetchone()
        return None if found is None else str(found[0])

    def _event_digest(self, stream: str, version: int) -> str:
        """Return the digest of an event; the genesis digest for version 0."""
        if version == 0:
            return GENESIS
        return str(self._driver.execute(_EVENT, (stream, version)).fetchone()[2])

    def _recorded(self, stream: str, after: int, count: int) -> list[tuple[str, bytes]] | None:
        """Return type and body of the ``count`` events above version ``after``; None if fewer."""
        found = [
            self._driver.execute(_EVENT, (stream, after + index)).fetchone()
            for index in range(1, count + 1)
        ]
        return [(row[0], row[1]) for row in found] if found and all(found) else None
