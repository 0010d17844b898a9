"""A transaction on the events: it locks where they end, so positions follow the commits.

The row that says where the events end stays locked until the commit. So an event is visible only
after every event before it, and none ever appears at a position that a reader has passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from torghut.adapters.postgres.layout import (
    HEADS,
    INSERT_EVENTS,
    LOCK_EVENTS,
    RECORDED,
    STREAM_ENDS,
    event_values,
    read_head,
)
from torghut.eventlog.block import GENESIS
from torghut.eventlog.envelopes import (
    Causes,
    Envelope,
    Place,
    check_follows,
    encode_event,
    seal_events,
    version_conflict,
)
from torghut.eventlog.errors import ConcurrencyConflictError
from torghut.eventlog.events import heads_sealed
from torghut.schemas.types import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Events that somebody wants to append to a stream."""

    stream: str
    events: Sequence[Message]
    expected_version: int
    recorded_at_ns: int
    causes: Causes


@dataclass(slots=True, kw_only=True)
class EventsTransaction:
    """What is done to the events between begin and commit.

    Attributes:
        position: Of the last event, this transaction's included.
        ends: Version and digest of the last event of the streams that it is about.
        added: Events that are written at its end.
    """

    connection: AsyncConnection
    position: int
    ends: dict[str, tuple[int, str]]
    added: list[Envelope] = field(default_factory=list)

    async def append(self, addition: Addition) -> int:
        """Add events to a stream, unless they are there already; return its version after them."""
        stream, expected = addition.stream, addition.expected_version
        version, digest = self._end(stream)
        if version != expected:
            encoded = [encode_event(event) for event in addition.events]
            if encoded and await self._recorded(stream, expected, len(encoded)) == encoded:
                return expected + len(encoded)
            raise version_conflict(stream, expected=expected, actual=version)
        sealed = seal_events(
            stream,
            addition.events,
            after=Place(version=version, digest=digest, position=self.position),
            recorded_at_ns=addition.recorded_at_ns,
            causes=addition.causes,
        )
        self._add(sealed)
        return version + len(sealed)

    async def seal_heads(self, stream: str, *, recorded_at_ns: int, causes: Causes) -> None:
        """Put the heads of all partitions on record in the log's own stream."""
        rows = await self.connection.execute(HEADS)
        heads = [read_head(row.partition, row) for row in rows]
        await self.say(stream, heads_sealed(heads), recorded_at_ns=recorded_at_ns, causes=causes)

    async def say(
        self, stream: str, event: Message, *, recorded_at_ns: int, causes: Causes
    ) -> None:
        """Add ``event`` to ``stream``, whatever is there."""
        addition = Addition(
            stream=stream,
            events=[event],
            expected_version=self._end(stream)[0],
            recorded_at_ns=recorded_at_ns,
            causes=causes,
        )
        await self.append(addition)

    async def take_over(self, envelopes: Sequence[Envelope]) -> int:
        """Add events of another log as they are, behind its events that are here already.

        Raises:
            ConcurrencyConflictError: They do not follow what is here.
            LogIntegrityError: One is not as it was written.
        """
        for envelope in envelopes:
            if envelope.position <= self.position:
                continue
            if envelope.position != self.position + 1:
                raise ConcurrencyConflictError(
                    stream="the log",
                    expected=f"event {self.position + 1}",
                    actual=f"event {envelope.position}",
                )
            version, digest = self._end(envelope.stream)
            check_follows(envelope, version=version, digest=digest)
            self._add([envelope])
        return self.position

    async def finish(self) -> None:
        """Write what was added."""
        if self.added:
            await self.connection.execute(INSERT_EVENTS, event_values(self.added))

    def _end(self, stream: str) -> tuple[int, str]:
        """Return version and digest of the last event of ``stream``."""
        return self.ends.get(stream, (0, GENESIS))

    def _add(self, sealed: Sequence[Envelope]) -> None:
        self.added.extend(sealed)
        for envelope in sealed:
            self.position = envelope.position
            self.ends[envelope.stream] = (envelope.version, envelope.digest)

    async def _recorded(self, stream: str, after: int, count: int) -> Sequence[tuple[str, bytes]]:
        """Return type and body of the events of ``stream`` in those places, as far as there are."""
        place = {"stream": stream, "after": after, "upto": after + count}
        rows = await self.connection.execute(RECORDED, place)
        found = [(str(row.type), bytes(row.body)) for row in rows]
        own = (one for one in self.added if one.stream == stream)
        found += [(one.type, one.body) for one in own if after < one.version <= after + count]
        return found


async def begin_events(connection: AsyncConnection, streams: Iterable[str]) -> EventsTransaction:
    """Return a transaction that has the end of the events locked.

    Args:
        connection: Of the transaction.
        streams: That it is about.
    """
    end = (await connection.execute(LOCK_EVENTS)).one()
    wanted = {"streams": sorted(set(streams))}
    ends = await connection.execute(STREAM_ENDS, wanted) if wanted["streams"] else ()
    return EventsTransaction(
        connection=connection,
        position=end.position,
        ends={row.stream: (row.version, row.digest) for row in ends},
    )
