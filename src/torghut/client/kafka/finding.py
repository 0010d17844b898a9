"""Where in a topic a position stands: records carry theirs, and within a partition they ascend."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from torghut.carrying.messages import LOG_POSITION
from torghut.client.kafka.cluster import Cluster
from torghut.client.wire.dialing import CutError, Lane
from torghut.schemas.live.position import (
    PLACE_MAX,
    Position,
    PositionMalformedError,
    parse_position,
    start_of,
)

_WAIT_MS: Final = 10
_BYTES: Final = 65_536
_LOOK: Final = 2
"""So many offsets before the end the last record is looked for: the last is a mark."""

_READ_MS: Final = 500


class Hint(NamedTuple):
    """A place in a partition that is known.

    Attributes:
        position: Of a record.
        then: The offset behind it.
    """

    position: Position
    then: int


@dataclass(slots=True)
class Finder:
    """Looks places up, one after another.

    Attributes:
        cluster: Whose topics they are in.
        hints: What is known by now, by partition of a topic.
    """

    cluster: Cluster
    hints: dict[TopicPartition, Hint] = field(default_factory=dict)
    _consumer: AIOKafkaConsumer | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def lane(self, at: TopicPartition) -> Lane:
        """Return what is in a partition: its first place and its last.

        Raises:
            CutError: Nobody tells.
        """
        async with self._turn:
            consumer = await self._at(at)
            begin, end = await self._bounds(consumer, at)
            number = at.partition
            if end <= begin:
                gone = begin > 0  # once there was something, and nobody remembers where it ended
                return Lane(number=number) if gone else _empty(number)
            first = await self._next(consumer, at, begin, end) if begin else None
            last = await self._last(consumer, at, begin, end)
            if last is None:
                return _empty(number)
            self.hints[at] = Hint(position_of(last), last.offset + 1)
            kept_from = start_of(number) if first is None else before(position_of(first))
            return Lane(number=number, first=kept_from, end=position_of(last))

    async def offset(self, at: TopicPartition, after: Position | None) -> int:
        """Return the offset of the first record behind a position; None: that of the next one.

        Raises:
            CutError: Nobody tells, or what stands there is no longer kept.
        """
        async with self._turn:
            hint = self.hints.get(at)
            if hint is not None and hint.position == after:
                return hint.then
            consumer = await self._at(at)
            begin, end = await self._bounds(consumer, at)
            if after is None:
                return end
            if after.block < 0:
                return begin
            return await self._found(consumer, at, after, (begin, end))

    async def close(self) -> None:
        """Let go of the broker."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self.cluster.stopped(consumer.stop())

    async def _found(
        self,
        consumer: AIOKafkaConsumer,
        at: TopicPartition,
        after: Position,
        bounds: tuple[int, int],
    ) -> int:
        """Return the offset of the first record behind a position, by halving what is between."""
        low, high = bounds
        hint = self.hints.get(at)
        if hint is not None and hint.position <= after:
            low = max(low, hint.then)
        probe = low
        while low < high:
            record = await self._next(consumer, at, probe, high)
            if record is not None and position_of(record) <= after:
                low = record.offset + 1
            else:
                high = probe
            probe = (low + high) // 2
        await self._check_kept(consumer, at, after, bounds, low)
        return low

    async def _check_kept(
        self,
        consumer: AIOKafkaConsumer,
        at: TopicPartition,
        after: Position,
        bounds: tuple[int, int],
        found: int,
    ) -> None:
        """Refuse to begin with what does not follow at once: what stood between was removed."""
        begin, end = bounds
        if found != begin or begin == 0:
            return
        first = await self._next(consumer, at, begin, end)
        if first is not None and not _follows(position_of(first), after):
            message = (
                f"what follows {after} is no longer kept: {at.topic} begins with "
                f"{position_of(first)}; read the log up to there, and go on after that"
            )
            raise CutError(message)

    async def _at(self, at: TopicPartition) -> AIOKafkaConsumer:
        """Return the client, about to read one partition."""
        if self._consumer is None:
            self._consumer = await self.cluster.consumer(wait_ms=_WAIT_MS, bytes_max=_BYTES)
        self._consumer.assign([at])
        self._consumer.pause(at)
        self._consumer.seek(at, 0)  # or it would ask for a place by itself
        return self._consumer

    async def _bounds(self, consumer: AIOKafkaConsumer, at: TopicPartition) -> tuple[int, int]:
        """Return between which offsets records stand."""
        begin = await self.cluster.within(consumer.beginning_offsets([at]))
        end = await self.cluster.within(consumer.end_offsets([at]))
        return begin[at], end[at]

    async def _next(
        self, consumer: AIOKafkaConsumer, at: TopicPartition, offset: int, end: int
    ) -> ConsumerRecord | None:
        """Return the first record from ``offset`` on and before ``end``."""
        found = await self._read(consumer, at, offset, end, most=1)
        return found[0] if found and found[0].offset < end else None

    async def _last(
        self, consumer: AIOKafkaConsumer, at: TopicPartition, begin: int, end: int
    ) -> ConsumerRecord | None:
        """Return the last record before ``end``."""
        look = _LOOK
        while True:
            start = max(begin, end - look)
            last: ConsumerRecord | None = None
            offset = start
            while found := await self._read(consumer, at, offset, end, most=None):
                last = found[-1]
                offset = last.offset + 1
            if last is not None or start == begin:
                return last
            look *= 8

    async def _read(
        self,
        consumer: AIOKafkaConsumer,
        at: TopicPartition,
        offset: int,
        end: int,
        *,
        most: int | None,
    ) -> Sequence[ConsumerRecord]:
        """Return records from ``offset`` on; none where there is none before ``end``."""
        consumer.seek(at, offset)
        consumer.resume(at)
        until_s = asyncio.get_running_loop().time() + self.cluster.limits.connect_ms / 1_000
        while offset < end:
            found = await self.cluster.within(
                consumer.getmany(at, timeout_ms=_READ_MS, max_records=most)
            )
            if found:
                return list(found[at])
            offset = await self.cluster.within(consumer.position(at))
            if asyncio.get_running_loop().time() > until_s:
                message = f"nothing comes of {at.topic}, partition {at.partition}"
                raise CutError(message)
        return ()


def position_of(record: ConsumerRecord) -> Position:
    """Return where a record stands in the log.

    Raises:
        CutError: It does not say.
    """
    said = dict(record.headers).get(LOG_POSITION, b"")
    try:
        return parse_position(said.decode("ascii", "replace"))
    except PositionMalformedError as error:
        message = f"{record.topic}, offset {record.offset}: {error}"
        raise CutError(message) from error


def before(at: Position) -> Position:
    """Return a position right before another."""
    if at.place:
        return Position(at.partition, at.block, at.place - 1)
    return Position(at.partition, at.block - 1, PLACE_MAX) if at.block else start_of(at.partition)


def _follows(at: Position, after: Position) -> bool:
    """Say whether nothing can stand between two positions."""
    if at.block == after.block:
        return at.place <= after.place + 1
    return at.block == after.block + 1 and at.place == 0


def _empty(number: int) -> Lane:
    """Return a lane in which nothing was ever decided."""
    return Lane(number=number, first=start_of(number), end=start_of(number))
