"""Where in a topic a position stands: records carry theirs, and within a partition they ascend."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from torghut.carrying.messages import LOG_POSITION
from torghut.client.kafka.cluster import Cluster
from torghut.client.wire.dialing import CutError, Lane
from torghut.kernel.units import MS_PER_S
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

_READ_MS: Final = 100
_AT_ONCE: Final = 16
"""So many partitions are looked at together: what is found of them is kept."""


class Span(NamedTuple):
    """Part of a partition.

    Attributes:
        begin: The first offset.
        end: The one behind the last.
    """

    begin: int
    end: int


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
    """Looks places up, those of many partitions together.

    Attributes:
        cluster: Whose topics they are in.
        hints: What is known by now, by partition of a topic.
    """

    cluster: Cluster
    hints: dict[TopicPartition, Hint] = field(default_factory=dict)
    _lanes: dict[TopicPartition, tuple[Span, Lane]] = field(default_factory=dict)
    _consumer: AIOKafkaConsumer | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def lanes(self, places: Sequence[TopicPartition]) -> Sequence[Lane]:
        """Return what is in partitions: the first place of each and its last.

        Many are asked at once, or the time would not do for many partitions. What was found by an
        attempt that took too long is not looked for again where nothing has moved since.

        Raises:
            CutError: Nobody tells.
        """
        spans = await self._spans(places)
        async with self._turn:
            moved = [
                at for at in places if at not in self._lanes or self._lanes[at][0] != spans[at]
            ]
            for begun in range(0, len(moved), _AT_ONCE):
                await self._look({at: spans[at] for at in moved[begun : begun + _AT_ONCE]})
        return [self._lanes[at][1] for at in places]

    async def offset(self, at: TopicPartition, after: Position | None) -> int:
        """Return the offset of the first record behind a position; None: that of the next one.

        Raises:
            CutError: Nobody tells, or what stands there is no longer kept.
        """
        hint = self.hints.get(at)
        if hint is not None and hint.position == after:
            return hint.then
        if after is None:
            return (await self._ends([at]))[at]
        span = (await self._spans([at]))[at]
        if after.block < 0:
            return span.begin
        async with self._turn:
            return await self._found(at, after, span)

    async def close(self) -> None:
        """Let go of the broker."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self.cluster.let_go(consumer)

    async def _look(self, spans: Mapping[TopicPartition, Span]) -> None:
        """Find the lanes in partitions."""
        await self._take(spans)
        firsts = await self._read({at: one for at, one in spans.items() if one.begin}, last=False)
        lasts = await self._lasts(spans)
        self.hints |= {at: Hint(position_of(one), one.offset + 1) for at, one in lasts.items()}
        for at, span in spans.items():
            self._lanes[at] = span, _lane(at.partition, span, firsts.get(at), lasts.get(at))

    async def _lasts(
        self, spans: Mapping[TopicPartition, Span]
    ) -> Mapping[TopicPartition, ConsumerRecord]:
        """Return the last record of each partition that has any."""
        lasts: dict[TopicPartition, ConsumerRecord] = {}
        look, left = _LOOK, spans
        while left:
            ends = {at: Span(max(one.begin, one.end - look), one.end) for at, one in left.items()}
            lasts |= await self._read(ends, last=True)
            left = {
                at: one
                for at, one in left.items()
                if at not in lasts and ends[at].begin > one.begin
            }
            look *= 8
        return lasts

    async def _found(self, at: TopicPartition, after: Position, span: Span) -> int:
        """Return the offset of the first record behind a position, by halving what is between."""
        await self._take([at])
        low, high = span
        hint = self.hints.get(at)
        if hint is not None and hint.position <= after:
            low = max(low, hint.then)
        probe = low
        while low < high:
            record = await self._next(at, Span(probe, high))
            if record is not None and position_of(record) <= after:
                low = record.offset + 1
            else:
                high = probe
            probe = (low + high) // 2
        if low == span.begin and low > 0:
            await self._check_kept(at, after, span)
        return low

    async def _check_kept(self, at: TopicPartition, after: Position, span: Span) -> None:
        """Refuse to begin with what does not follow at once: what stood between was removed."""
        first = await self._next(at, span)
        if first is not None and not _follows(position_of(first), after):
            message = (
                f"what follows {after} is no longer kept: {at.topic} begins with "
                f"{position_of(first)}; read the log up to there, and go on after that"
            )
            raise CutError(message)

    async def _next(self, at: TopicPartition, span: Span) -> ConsumerRecord | None:
        """Return the first record in a span."""
        found = (await self._read({at: span}, last=False)).get(at)
        return found if found is not None and found.offset < span.end else None

    async def _read(
        self, spans: Mapping[TopicPartition, Span], *, last: bool
    ) -> Mapping[TopicPartition, ConsumerRecord]:
        """Return the first record of each span, or the last; one that just came may be behind it.

        Raises:
            CutError: Nobody tells.
        """
        consumer = await self._started()
        found: dict[TopicPartition, ConsumerRecord] = {}
        left = {at: one for at, one in spans.items() if one.begin < one.end}
        for at, span in left.items():
            consumer.seek(at, span.begin)
        consumer.resume(*left)
        until_s = asyncio.get_running_loop().time() + self.cluster.limits.connect_ms / MS_PER_S
        while left:
            came = await self.cluster.within(
                consumer.getmany(*left, timeout_ms=_READ_MS, max_records=None if last else 1)
            )
            found |= {at: records[-1] for at, records in came.items()}
            for at, span in tuple(left.items()):
                read_to = await self.cluster.within(consumer.position(at))
                if read_to >= span.end or (at in found and not last):
                    _rest(consumer, at)
                    del left[at]
            if left and asyncio.get_running_loop().time() > until_s:
                at = next(iter(left))
                message = f"nothing comes of {at.topic}, partition {at.partition}"
                raise CutError(message)
        return found

    async def _take(self, places: Collection[TopicPartition]) -> None:
        """Have partitions ready to be read, and no others."""
        consumer = await self._started()
        consumer.assign(list(places))
        _rest(consumer, *places)

    async def _spans(self, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, Span]:
        """Return between which offsets the records of partitions stand."""
        consumer = await self._started()
        begins = await self.cluster.within(consumer.beginning_offsets(places))
        ends = await self._ends(places)
        return {at: Span(begins[at], ends[at]) for at in places}

    async def _ends(self, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the offsets behind the last records of partitions."""
        consumer = await self._started()
        ends: Mapping[TopicPartition, int] = await self.cluster.within(consumer.end_offsets(places))
        return ends

    async def _started(self) -> AIOKafkaConsumer:
        """Return the client, connected; several may ask for it at once."""
        async with self._starting:
            if self._consumer is None:
                self._consumer = await self.cluster.consumer(wait_ms=_WAIT_MS, bytes_max=_BYTES)
        return self._consumer


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


def _rest(consumer: AIOKafkaConsumer, *places: TopicPartition) -> None:
    """Read partitions no more, and forget what of them waits: it would hold the others back."""
    consumer.pause(*places)
    for at in places:
        consumer.seek(at, 0)  # or it would ask for a place by itself


def _lane(
    number: int, span: Span, first: ConsumerRecord | None, last: ConsumerRecord | None
) -> Lane:
    """Return a lane by its last record, and by its first where others were removed before it."""
    if last is None and span.begin > 0 and span.end <= span.begin:
        return Lane(number=number)  # once there was something, and nobody remembers where it ended
    begin = start_of(number) if first is None else before(position_of(first))
    return Lane(number=number, first=begin, end=begin if last is None else position_of(last))
