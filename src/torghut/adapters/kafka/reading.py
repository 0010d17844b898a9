"""A reader of whole partitions, apart from any group."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import ClassVar, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    NoError,
    UnknownTopicOrPartitionError,
    for_code,
)
from typing_extensions import override

from torghut.access.ending import Admin
from torghut.adapters.kafka.connection import Connection
from torghut.adapters.kafka.receiving import CANNOT_READ, one_by_one, received
from torghut.carrying.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    TopicMissingError,
)
from torghut.carrying.messages import Reading
from torghut.carrying.ports import TopicReader

_SOON_MS: Final = 500

Place = tuple[str, int]
"""A topic and one of its partitions."""


class KafkaReader(TopicReader):
    """Reads what it is asked for; made, then used, then closed.

    Args:
        connection: To the broker.
    """

    reset: ClassVar[str] = "earliest"  # of a compacted topic the first may be gone

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None
        self._placed: dict[Place, int] = {}

    @override
    async def read(self, after: Mapping[Place, int], /, *, wait_ms: int) -> Mapping[Place, Reading]:
        consumer = await self._started()
        self._place(consumer, after)
        self._placed = {}  # where this fails, the caller never had what was fetched until then
        with self._connection.asking("reading topics"):
            try:
                fetched = await consumer.getmany(timeout_ms=wait_ms)
                found = {at: received(records) for at, records in fetched.items()}
            except CANNOT_READ:
                placed = {TopicPartition(*place): offset for place, offset in after.items()}
                found = dict(await one_by_one(consumer, placed))
        read: dict[Place, Reading] = {}
        for place in after:
            at = TopicPartition(*place)
            then = await self._connection.answered("asking for a place", consumer.position(at))
            read[place] = Reading(found.get(at, []), then)
        self._placed = {place: reading.then for place, reading in read.items()}
        return read

    @override
    async def ends(self, places: Sequence[Place], /) -> Mapping[Place, int]:
        consumer = await self._started()
        asked = [TopicPartition(*place) for place in places]
        async with explained(self._connection, {topic for topic, _ in places}):
            found = await self._connection.answered(
                "asking where topics end", consumer.end_offsets(asked)
            )
        return {(at.topic, at.partition): end for at, end in found.items()}

    @override
    async def partitions(self, topic: str, /) -> int:
        try:
            return await count_partitions(self._connection, topic)
        except BrokerRefusedError as error:
            if isinstance(error.__cause__, UnknownTopicOrPartitionError):
                raise TopicMissingError(topic=topic) from error
            raise

    @override
    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._connection.let_go(consumer)

    async def _started(self) -> AIOKafkaConsumer:
        """Return the client, connected."""
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                enable_auto_commit=False,
                auto_offset_reset=self.reset,
                isolation_level="read_committed",
                **self._connection.arguments,
            )
            await self._connection.begin("connecting", consumer)
            self._consumer = consumer
        return self._consumer

    def _place(self, consumer: AIOKafkaConsumer, after: Mapping[Place, int]) -> None:
        """Read exactly these partitions, each from its place."""
        if self._placed.keys() != after.keys():
            consumer.assign([TopicPartition(*place) for place in after])
            self._placed = {}
        for place, offset in after.items():
            if self._placed.get(place) != offset:
                consumer.seek(TopicPartition(*place), offset)


@asynccontextmanager
async def explained(connection: Connection, topics: Collection[str]) -> AsyncIterator[None]:
    """Say of what is not answered inside whether that is because of these topics.

    For one that is not there, or that it may not see, a client waits until the time is up. Whoever
    waited that long is told soon: a broker that does not say then why it did not answer is away.

    Raises:
        BrokerRefusedError: It is.
    """
    try:
        yield
    except BrokerUnreachableError as error:
        if isinstance(error.__cause__, TimeoutError | KafkaTimeoutError):
            soon = replace(connection, budget_ms=min(_SOON_MS, connection.budget_ms))
            with suppress(BrokerUnreachableError):
                for topic in sorted(topics):
                    await count_partitions(soon, topic)
        raise


async def count_partitions(connection: Connection, topic: str) -> int:
    """Return how many partitions a topic has.

    Raises:
        BrokerRefusedError: There is no such topic, or who asks may not see it.
        BrokerUnreachableError: No broker answers within the budget.
    """
    admin = Admin(**connection.arguments)
    await connection.begin("connecting", admin)
    try:
        return await connection.answered(f"asking for {topic}", _counted(admin, topic))
    finally:
        await connection.let_go(admin)


async def _counted(admin: Admin, topic: str) -> int:
    """Return the same, or raise what the broker says instead."""
    (found,) = await admin.describe_topics([topic])
    error: type[KafkaError] = for_code(found["error_code"])
    if error is not NoError:
        raise error(topic)
    count = len(found["partitions"])
    if not count:  # where all is well of all partitions, all would be well of none
        raise LeaderNotAvailableError(topic)
    return count
