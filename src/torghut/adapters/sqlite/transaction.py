"""One transaction of the writer: what it sees, what it adds, and what holds after it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Select, bindparam, func, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.expression import Insert

from torghut.adapters.sqlite.heads.lines import EVENTS_CHAIN, HeadLine
from torghut.adapters.sqlite.tables import (
    BLOCKS,
    EVENTS,
    OBJECTS,
    SNAPSHOTS,
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


def _sql(statement: Insert | Select[tuple[int]] | Select[tuple[str]]) -> str:
    """Return ``statement`` as text with ``?`` for its values, compiled once for all calls."""
    return str(statement.compile(dialect=sqlite.dialect()))


_INSERT_BLOCK: Final = _sql(insert(BLOCKS))
_INSERT_EVENT: Final = _sql(insert(EVENTS))
_INSERT_OBJECT: Final = _sql(sqlite.insert(OBJECTS).on_conflict_do_nothing())
_INSERT_SNAPSHOT: Final = _sql(insert(SNAPSHOTS).prefix_with("OR REPLACE"))
_BLOCK_DIGEST: Final = _sql(select(BLOCKS.c.digest).where(BLOCKS.c.place == bindparam("place")))
_OBJECT: Final = _sql(select(OBJECTS.c.digest).where(OBJECTS.c.digest == bindparam("digest")))
_SNAPSHOT: Final = _sql(
    select(SNAPSHOTS.c.block_number, SNAPSHOTS.c.block_digest).where(
        SNAPSHOTS.c.partition == bindparam("partition"), SNAPSHOTS.c.key == bindparam("key")
    )
)
_STREAM_VERSION: Final = _sql(
    select(func.max(EVENTS.c.version)).where(EVENTS.c.stream == bindparam("stream"))
)
_EVENT: Final = _sql(
    select(EVENTS.c.type, EVENTS.c.body, EVENTS.c.digest).where(
        EVENTS.c.stream == bindparam("stream"), EVENTS.c.version == bindparam("version")
    )
)


@dataclass(slots=True, kw_only=True)
class Ends:
    """Where everything that only grows ends, as committed.

    Attributes:
        heads: Of each partition that has blocks.
        position: Of the last event, 0 before the first.
        event_digest: Of that event.
        commit_number: Of the last commit that added a block or an event.
    """

    heads: dict[int, Head] = field(default_factory=dict)
    position: int = 0
    event_digest: str = GENESIS
    commit_number: int = 0

    def head(self, partition: int) -> Head:
        """Return the head of ``partition``."""
        return self.heads.get(partition, Head(partition=partition))


class Transaction:
    """What is done between BEGIN and COMMIT; nothing of it holds before ``adopt``.

    Each operation checks everything before it writes anything: one that is refused leaves nothing
    behind and its neighbours in the same transaction unharmed.

    Args:
        driver: In a transaction of its own.
        ends: As of the last commit.
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
        self.lines: list[HeadLine] = []

    def head(self, partition: int) -> Head:
        """Return the head of ``partition``, this transaction's blocks included."""
        return self._after.heads.get(partition) or self._ends.head(partition)

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
        self._driver.execute(
            _INSERT_BLOCK, block_values(block, commit_number=self._after.commit_number)
        )
        head = head_of(block)
        self._after.heads[block.partition] = head
        self.lines.append(
            HeadLine(chain=str(head.partition), number=head.number, digest=head.digest)
        )
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
            self._driver.execute(
                _INSERT_EVENT, event_values(envelope, commit_number=self._after.commit_number)
            )
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
        self._driver.execute(_INSERT_OBJECT, (digest, body))
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
        self._driver.execute(_INSERT_SNAPSHOT, values)

    def lines_to_write(self) -> bytes:
        """Return what the heads file says of this commit."""
        lines = list(self.lines)
        if self._after.position > self._ends.position:
            lines.append(
                HeadLine(
                    chain=EVENTS_CHAIN,
                    number=self._after.position,
                    digest=self._after.event_digest,
                )
            )
        return b"".join(line.to_bytes() for line in lines)

    def adopt(self) -> None:
        """Make what this transaction added the state that the next one begins with."""
        self._ends.heads.update(self._after.heads)
        if self.lines or self._after.position > self._ends.position:
            self._ends.commit_number = self._after.commit_number
        self._ends.position = self._after.position
        self._ends.event_digest = self._after.event_digest

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
