"""A client as aiokafka has them, in memory: some records it cannot read, some answers fail."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition

from torghut.access.broker import BrokerAccess
from torghut.adapters.kafka.connection import Connection, connection_to


def connection(budget_ms: int = 500) -> Connection:
    """Return how to reach a broker that nobody asks."""
    access = BrokerAccess(bootstrap="127.0.0.1:1")
    return connection_to(access, client_id="tests", budget_ms=budget_ms)


@dataclass(slots=True)
class FakeConsumer:
    """Reads partitions in memory.

    Attributes:
        ends: Behind which offset each of its partitions ends.
        unreadable: Offsets that it cannot read.
        failing: Raised by the next questions for a place, one by one.
        positions: Where it stands.
        held: Of which nothing is handed out.
        listener: Told of changes of its group.
        committed: Positions that the broker was told, oldest first.
        commit_s: How long it takes to answer that.
        commit_fault: What it answers; None where all is well.
    """

    ends: Mapping[TopicPartition, int]
    unreadable: Mapping[TopicPartition, int] = field(default_factory=dict)
    failing: list[Exception] = field(default_factory=list)
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    held: set[TopicPartition] = field(default_factory=set)
    listener: ConsumerRebalanceListener | None = None
    committed: list[Mapping[TopicPartition, int]] = field(default_factory=list)
    commit_s: float = 0.0
    commit_fault: Exception | None = None

    async def start(self) -> None:
        """Nothing is connected."""

    async def stop(self) -> None:
        """Nothing is held."""

    def subscribe(self, _: Sequence[str], listener: ConsumerRebalanceListener) -> None:
        """Take down who is told of changes."""
        self.listener = listener

    def assign(self, places: Iterable[TopicPartition]) -> None:
        """Read exactly these."""
        self.positions = dict.fromkeys(places, 0)

    def assignment(self) -> set[TopicPartition]:
        """Return what it reads."""
        return set(self.positions)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the broker of positions; as the client does, what was asked goes on when cut off."""
        self.committed.append(dict(offsets))
        await asyncio.shield(asyncio.ensure_future(self._commit()))

    async def _commit(self) -> None:
        await asyncio.sleep(self.commit_s)
        if self.commit_fault is not None:
            raise self.commit_fault

    def highwater(self, at: TopicPartition) -> int | None:
        """Return where a partition ends; to ask about one that it does not have is a defect."""
        assert at in self.positions, "Partition is not assigned"
        return self.ends.get(at)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Go on there."""
        self.positions[place] = offset

    def pause(self, place: TopicPartition) -> None:
        """Hand out nothing."""
        self.held.add(place)

    def resume(self, place: TopicPartition) -> None:
        """Hand out again."""
        self.held.discard(place)

    def paused(self) -> set[TopicPartition]:
        """Return what is held."""
        return set(self.held)

    async def position(self, place: TopicPartition) -> int:
        """Return where it goes on; what fails comes first."""
        await asyncio.sleep(0)
        if self.failing:
            raise self.failing.pop(0)
        return self.positions[place]

    async def getmany(
        self, *places: TopicPartition, timeout_ms: int, max_records: int = 500
    ) -> Mapping[TopicPartition, Sequence[ConsumerRecord]]:
        """Return all that there is of some places, or of any where none is named.

        What stood before what it cannot read is lost to the caller.
        """
        await asyncio.sleep(0)
        asked = [place for place in places or self.positions if place not in self.held]
        found = {place: self._some(place) for place in asked}
        if not any(found.values()):
            await asyncio.sleep(timeout_ms / 1000)
        return {place: records[:max_records] for place, records in found.items() if records}

    async def getone(self, place: TopicPartition) -> ConsumerRecord:
        """Return the next record; where there is none, none ever comes."""
        if place in self.held or self.positions[place] >= self.ends[place]:
            await asyncio.Event().wait()
        self._check(place, self.positions[place])
        self.positions[place] += 1
        return record(place, self.positions[place] - 1)

    def _some(self, place: TopicPartition) -> Sequence[ConsumerRecord]:
        """Return what stands from where it is, up to the end."""
        found = []
        for offset in range(self.positions[place], self.ends[place]):
            self._check(place, offset)
            found.append(record(place, offset))
        self.positions[place] = max(self.positions[place], self.ends[place])
        return found

    def _check(self, place: TopicPartition, offset: int) -> None:
        """Raise where there is what cannot be read."""
        if self.unreadable.get(place) == offset:
            b"\xff".decode()


@dataclass(slots=True)
class FakeAdmin:
    """Describes topics.

    Attributes:
        described: What it says of any.
    """

    described: Mapping[str, object]

    async def start(self) -> None:
        """Nothing is connected."""

    async def stop(self) -> None:
        """Nothing is held."""

    async def describe_topics(self, topics: Sequence[str]) -> Sequence[Mapping[str, object]]:
        """Return what it says of each."""
        return [{"topic": topic, **self.described} for topic in topics]


def record(place: TopicPartition, offset: int) -> ConsumerRecord:
    """Return a record that says its offset."""
    value = b"%d" % offset
    return ConsumerRecord(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=value,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=len(value),
        headers=(),
    )
