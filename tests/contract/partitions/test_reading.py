"""A client of brokers reads partitions that are assigned to it: in memory as from a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import ConsumerStoppedError

from tests.fakes.partitions import FakeBrokers, FakeCluster
from tests.support.carrying.brokers import MARKS, named
from torghut.access.broker import BrokerAccess
from torghut.client.kafka.cluster import Cluster
from torghut.client.limits import Limits

EACH: Final = 5
WAIT_MS: Final = 5_000
SHORT_MS: Final = 300

Made = Callable[[str], AbstractAsyncContextManager[Cluster]]
Scenario = Callable[[AIOKafkaConsumer, TopicPartition, TopicPartition], Coroutine[None, None, None]]


@asynccontextmanager
async def in_memory(topic: str) -> AsyncIterator[Cluster]:
    """Yield a cluster in memory that has a topic of two partitions with so many records each."""
    brokers = FakeBrokers()
    brokers.make(topic, 2)
    for at in brokers.partitions:
        for number in range(EACH):
            brokers.tell(at, str(number).encode())
    yield FakeCluster(brokers=brokers)


def in_kafka(bootstrap: str) -> Made:
    """Return what makes the same on a real broker."""

    @asynccontextmanager
    async def made(topic: str) -> AsyncIterator[Cluster]:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
        await admin.start()
        await admin.create_topics([NewTopic(topic, 2, 1)])
        try:
            async with producer:
                for partition in range(2):
                    for number in range(EACH):
                        await producer.send_and_wait(
                            topic, str(number).encode(), partition=partition
                        )
            yield Cluster(access=BrokerAccess(bootstrap=bootstrap), limits=Limits())
        finally:
            await admin.delete_topics([topic])
            await admin.close()

    return made


@pytest.fixture(
    params=[pytest.param(False, id="memory"), pytest.param(True, id="kafka", marks=MARKS)]
)
def made(request: pytest.FixtureRequest) -> Made:
    """Return what makes a cluster with a topic."""
    return in_kafka(request.getfixturevalue("broker")) if request.param else in_memory


def played(made: Made, scenario: Scenario) -> None:
    """Run a scenario with a client to which both partitions are assigned, and paused."""

    async def main() -> None:
        topic = named("reading")
        one, other = TopicPartition(topic, 0), TopicPartition(topic, 1)
        async with made(topic) as cluster:
            consumer = await cluster.consumer(wait_ms=10, bytes_max=65_536)
            consumer.assign([one, other])
            consumer.pause(one, other)
            consumer.seek(one, 0)
            consumer.seek(other, 0)
            try:
                await scenario(consumer, one, other)
            finally:
                await cluster.let_go(consumer)

    asyncio.run(main())


async def read(
    consumer: AIOKafkaConsumer, at: TopicPartition, most: int | None = None
) -> Sequence[int]:
    """Return the next offsets of a partition."""
    found = await consumer.getmany(at, timeout_ms=WAIT_MS, max_records=most)
    return [one.offset for one in found[at]]


def test_bounds_of_many_partitions_are_said_at_once(made: Made) -> None:
    async def scenario(
        consumer: AIOKafkaConsumer, one: TopicPartition, other: TopicPartition
    ) -> None:
        assert await consumer.beginning_offsets([one, other]) == {one: 0, other: 0}
        assert await consumer.end_offsets([one, other]) == {one: EACH, other: EACH}

    played(made, scenario)


def test_partition_is_read_from_its_place_and_no_more_than_is_wanted(made: Made) -> None:
    async def scenario(
        consumer: AIOKafkaConsumer, one: TopicPartition, other: TopicPartition
    ) -> None:
        consumer.seek(one, 2)
        consumer.resume(one, other)
        assert await read(consumer, one, most=1) == [2]
        assert await consumer.position(one) == 3
        assert await read(consumer, one) == [3, 4]
        assert await read(consumer, other) == [0, 1, 2, 3, 4]
        assert await consumer.position(other) == EACH

    played(made, scenario)


def test_what_is_paused_is_not_handed_over_until_it_is_resumed(made: Made) -> None:
    async def scenario(
        consumer: AIOKafkaConsumer, one: TopicPartition, other: TopicPartition
    ) -> None:
        consumer.resume(one)
        assert await read(consumer, one, most=2) == [0, 1]
        consumer.pause(one)  # what was fetched of it by now is kept back too
        assert await consumer.getmany(one, other, timeout_ms=SHORT_MS) == {}
        consumer.resume(one)
        assert await read(consumer, one) == [2, 3, 4]
        assert await consumer.getmany(one, other, timeout_ms=SHORT_MS) == {}

    played(made, scenario)


def test_place_that_is_sought_counts_whatever_was_fetched(made: Made) -> None:
    async def scenario(consumer: AIOKafkaConsumer, one: TopicPartition, _: TopicPartition) -> None:
        consumer.resume(one)
        assert await read(consumer, one, most=1) == [0]
        consumer.seek(one, 3)
        assert await read(consumer, one, most=1) == [3]
        consumer.seek(one, 1)
        assert await read(consumer, one) == [1, 2, 3, 4]

    played(made, scenario)


def test_who_waits_as_it_ends_is_handed_nothing_and_nobody_reads_after(made: Made) -> None:
    async def scenario(consumer: AIOKafkaConsumer, one: TopicPartition, _: TopicPartition) -> None:
        waiting = asyncio.create_task(consumer.getmany(one, timeout_ms=SHORT_MS))
        await asyncio.sleep(0)
        await consumer.stop()
        assert await waiting == {}
        with pytest.raises(ConsumerStoppedError):
            await consumer.getmany(one, timeout_ms=SHORT_MS)

    played(made, scenario)
