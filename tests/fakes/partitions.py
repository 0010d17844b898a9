"""Partitions of topics in memory, read and written through clients that behave as aiokafka's do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, ProducerClosed
from typing_extensions import override

from torghut.access.broker import BrokerAccess
from torghut.client.kafka.cluster import Cluster
from torghut.client.limits import Limits
from torghut.client.wire.dialing import CutError

_MS: Final = 1_000
_NOWHERE: Final = BrokerAccess(bootstrap="nowhere:1")
_LIMITS: Final = Limits()


@dataclass(slots=True)
class FakePartition:
    """One partition.

    Attributes:
        begin: The first offset that is kept.
        kept: From there on: records, and marks of transactions, which nobody is handed.
    """

    begin: int = 0
    kept: list[ConsumerRecord[bytes, bytes] | None] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The offset of what comes next."""
        return self.begin + len(self.kept)

    def cut(self, count: int) -> None:
        """Keep the oldest no more."""
        self.begin += count
        del self.kept[:count]


@dataclass(slots=True)
class FakeBrokers:
    """What brokers keep.

    Attributes:
        partitions: All there are.
        trip_s: How long an answer takes.
        away: Why nobody answers; empty while somebody does.
        lost: Partitions of which nobody says where they begin or end.
        asked: What was asked of them, as often as it was.
        consumers: All that were made.
        producers: All that were made.
    """

    partitions: dict[TopicPartition, FakePartition] = field(default_factory=dict)
    trip_s: float = 0.0
    away: str = ""
    lost: set[TopicPartition] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    consumers: list[FakeConsumer] = field(default_factory=list)
    producers: list[FakeProducer] = field(default_factory=list)
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def make(self, topic: str, count: int) -> None:
        """Make a topic of so many partitions."""
        self.partitions |= {TopicPartition(topic, one): FakePartition() for one in range(count)}

    def tell(
        self,
        at: TopicPartition,
        value: bytes,
        *,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Put a record at the end of a partition."""
        partition = self.partitions[at]
        record = ConsumerRecord(
            topic=at.topic,
            partition=at.partition,
            offset=partition.end,
            timestamp=0,
            timestamp_type=0,
            key=key,
            value=value,
            checksum=None,
            serialized_key_size=len(key or b""),
            serialized_value_size=len(value),
            headers=headers,
        )
        self._append(partition, record)

    def mark(self, at: TopicPartition) -> None:
        """Put the mark of a transaction there."""
        self._append(self.partitions[at], None)

    async def answer(self, asked: str, of: Iterable[TopicPartition] = ()) -> None:
        """Let the time of an answer pass.

        Raises:
            CutError: There is none.
        """
        self.asked.append(asked)
        if self.away or self.lost.intersection(of):
            raise CutError(self.away or "no leader")
        if self.trip_s:
            await asyncio.sleep(self.trip_s)

    def _append(self, partition: FakePartition, one: ConsumerRecord[bytes, bytes] | None) -> None:
        partition.kept.append(one)
        told, self.told = self.told, asyncio.Event()
        told.set()


@dataclass(slots=True)
class FakeConsumer:
    """Reads partitions that are assigned to it, each from its own place unless it is paused."""

    brokers: FakeBrokers
    paused: set[TopicPartition] = field(default_factory=set)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    stopped: bool = False
    _fetched: dict[TopicPartition, list[ConsumerRecord[bytes, bytes] | None]] = field(
        default_factory=dict
    )
    _fetching: asyncio.Task[None] | None = None

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Take partitions in the place of those that were taken."""
        self.positions = dict.fromkeys(partitions, 0)
        self.paused.clear()
        self._fetched.clear()
        self._refetch()

    def pause(self, *partitions: TopicPartition) -> None:
        """Read these no more."""
        self.paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Read these again."""
        self.paused.difference_update(partitions)
        self._refetch()

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Go on elsewhere; what was fetched is of no use."""
        self.positions[at] = offset
        self._fetched.pop(at, None)
        self._refetch()

    async def position(self, at: TopicPartition) -> int:
        """Return where it goes on."""
        return self.positions[at]

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return where partitions begin."""
        await self.brokers.answer("begin", partitions)
        return {at: self.brokers.partitions[at].begin for at in partitions}

    async def end_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return where partitions end."""
        await self.brokers.answer("end", partitions)
        return {at: self.brokers.partitions[at].end for at in partitions}

    async def getmany(
        self, *asked: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]:
        """Return what was fetched, or is within the time."""
        if self.stopped:
            raise ConsumerStoppedError
        until_s = asyncio.get_running_loop().time() + timeout_ms / _MS
        while not (taken := self._take(asked, max_records)) and not self.stopped:
            left_s = until_s - asyncio.get_running_loop().time()
            if left_s <= 0:
                break
            if self._fetching is None:
                self._fetching = asyncio.create_task(self._fetch())
            await asyncio.wait([self._fetching], timeout=left_s)
            if self._fetching is not None and self._fetching.done():
                ended, self._fetching = self._fetching, None
                if not ended.cancelled():
                    ended.result()
        return taken

    async def stop(self) -> None:
        """Let go."""
        self.stopped = True
        self._refetch()

    async def _fetch(self) -> None:
        """Fetch what is there of all that may be read; wait where there is nothing."""
        while True:
            told = self.brokers.told
            await self.brokers.answer("fetch")
            for at in self.positions.keys() - self.paused - self._fetched.keys():
                partition = self.brokers.partitions[at]
                self.positions[at] = max(self.positions[at], partition.begin)
                if found := partition.kept[self.positions[at] - partition.begin :]:
                    self._fetched[at] = found
            if self._fetched:
                return
            await told.wait()

    def _refetch(self) -> None:
        """Ask for something else than what is asked for."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _take(
        self, asked: Sequence[TopicPartition], most: int | None
    ) -> dict[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]]:
        """Take what was fetched, so much of it at most; of what is paused it is dropped."""
        taken: dict[TopicPartition, Sequence[ConsumerRecord[bytes, bytes]]] = {}
        for at in [one for one in self._fetched if one in asked]:
            if at in self.paused:
                del self._fetched[at]
                continue
            records: list[ConsumerRecord[bytes, bytes]] = []
            while (waiting := self._fetched.get(at)) and (most is None or len(records) < most):
                self.positions[at] += 1
                if (one := waiting.pop(0)) is not None:
                    records.append(one)
            if not self._fetched.get(at):
                del self._fetched[at]
            if records:
                taken[at] = records
                most = None if most is None else most - len(records)
            if most == 0:
                break
        return taken


@dataclass(slots=True)
class FakeProducer:
    """Keeps what it is sent.

    Attributes:
        sent: Every record: topic, key, value, headers.
        broken: Raised from now on, whatever it is sent.
        lost: Why nothing that it is sent arrives.
        stopped: Whether it was let go of.
    """

    sent: list[tuple[str, bytes, bytes, Sequence[tuple[str, bytes]]]] = field(default_factory=list)
    broken: Exception | None = None
    lost: Exception | None = None
    stopped: bool = False

    async def send(
        self, topic: str, value: bytes, *, key: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[None]:
        """Keep it."""
        if self.stopped:
            raise ProducerClosed
        if self.broken is not None:
            raise self.broken
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.lost is not None:
            kept.set_exception(self.lost)
        else:
            self.sent.append((topic, key, value, headers))
            kept.set_result(None)
        return kept

    async def stop(self) -> None:
        """Let go."""
        self.stopped = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeCluster(Cluster):
    """Hands out clients of brokers in memory.

    Attributes:
        brokers: Those.
    """

    brokers: FakeBrokers
    access: BrokerAccess = _NOWHERE
    limits: Limits = _LIMITS

    @override
    async def consumer(self, *, wait_ms: int, bytes_max: int, final: bool = True) -> FakeConsumer:
        await self.brokers.answer("connect")
        made = FakeConsumer(self.brokers)
        self.brokers.consumers.append(made)
        return made

    @override
    async def producer(self) -> FakeProducer:
        await self.brokers.answer("connect")
        made = FakeProducer()
        self.brokers.producers.append(made)
        return made

    @override
    async def partitions(self, *topics: str) -> Sequence[int]:
        await self.brokers.answer("topics")
        return [sum(one.topic == name for one in self.brokers.partitions) for name in topics]
