"""What three nodes acknowledge outlives one of them, and what one alone has is not acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from ops.servers.broker import BrokerCluster
from tests.support.carrying.brokers import named
from tests.support.carrying.removing_topics import remove_topics
from torghut.access.broker import BrokerAccess
from torghut.access.ending import ended
from torghut.adapters.kafka.opening import open_topics
from torghut.carrying.planning import CreateTopic

BUDGET_MS: Final = 20_000
REFUSED_S: Final = 3.0
"""How long a record is offered that no node may acknowledge, in seconds."""


@pytest.fixture
def topic(cluster: BrokerCluster) -> Iterator[str]:
    """Return a topic that three nodes keep, two of which must have a record."""
    name = named("torghut.kept") + ".v1"
    made = CreateTopic(name=name, partitions=1, copies=3, settings={"min.insync.replicas": "2"})
    admin = open_topics(BrokerAccess(bootstrap=cluster.bootstrap), budget_ms=BUDGET_MS)
    asyncio.run(admin.do(made))
    yield name
    asyncio.run(remove_topics(cluster.bootstrap, name))


async def sent(bootstrap: str, topic: str, values: Sequence[bytes]) -> None:
    """Send records one after the other, each acknowledged before the next."""
    async with asyncio.timeout(BUDGET_MS / 1000):
        async with AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", enable_idempotence=True
        ) as producer:
            for value in values:
                await producer.send_and_wait(topic, value)


async def refused(bootstrap: str, topic: str, value: bytes) -> bool:
    """Return whether a record was not acknowledged in time."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", request_timeout_ms=int(REFUSED_S * 1000)
    )
    try:
        async with asyncio.timeout(REFUSED_S):
            await producer.start()
            await producer.send_and_wait(topic, value)
    except (KafkaError, TimeoutError):
        return True
    finally:
        await ended(producer, budget_ms=int(REFUSED_S * 1000))
    return False


async def read(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    """Return so many records of a topic's only partition, from its beginning."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    async with asyncio.timeout(BUDGET_MS / 1000):
        async with consumer:
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            await consumer.seek_to_beginning(partition)
            return [(await consumer.getone()).value for _ in range(count)]


def test_what_was_acknowledged_outlives_one_node_and_then_another(
    cluster: BrokerCluster, topic: str
) -> None:
    values = [b"%d" % number for number in range(20)]
    for number in (1, 2):
        cluster.kill(number)
        try:
            asyncio.run(sent(cluster.bootstrap, topic, values[10 * number - 10 : 10 * number]))
        finally:
            cluster.restart(number)

    assert asyncio.run(read(cluster.bootstrap, topic, 20)) == values


def test_what_one_node_alone_has_is_not_acknowledged(cluster: BrokerCluster, topic: str) -> None:
    cluster.suspend(2)
    cluster.suspend(3)
    try:
        alone = asyncio.run(refused(cluster.bootstrap, topic, b"alone"))
    finally:
        cluster.resume(2)
        cluster.resume(3)
        cluster.await_ready()

    assert alone
