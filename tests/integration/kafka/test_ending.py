"""A client ends though no broker answers, and leaves no task and no connection behind."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from ops.servers.broker import BrokerCluster
from tests.support.carrying.brokers import named, whole_again
from tests.support.carrying.removing_topics import remove_topics
from torghut.access.broker import BrokerAccess
from torghut.access.ending import Admin, Client, ended
from torghut.access.options import client_options
from torghut.adapters.kafka.opening import open_topics
from torghut.carrying.planning import CreateTopic

REQUEST_MS: Final = 20_000
"""Longer than the test waits for anything: only being ended ends a request."""
BUDGET_MS: Final = 500
NODES: Final = (1, 2, 3)

Options = Mapping[str, Any]


async def stage(bootstrap: str) -> tuple[str, Options]:
    """Make a topic; return its name, and what clients are made with."""
    topic = named("torghut.ended") + ".v1"
    access = BrokerAccess(bootstrap=bootstrap)
    made = CreateTopic(name=topic, partitions=1, copies=1, settings={})
    await open_topics(access, budget_ms=REQUEST_MS).do(made)
    return topic, {**client_options(access), "request_timeout_ms": REQUEST_MS}


async def sending(topic: str, options: Options) -> AIOKafkaProducer:
    """Return a client that has records which no broker has acknowledged."""
    producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **options)
    await producer.start()
    await producer.send_and_wait(topic, b"known")
    for _ in range(100):
        await producer.send(topic, b"sent while nobody answers")
    return producer


async def in_transaction(topic: str, options: Options) -> AIOKafkaProducer:
    """Return a client whose transaction is open."""
    producer = AIOKafkaProducer(transactional_id=named("voice"), **options)
    await producer.start()
    await producer.begin_transaction()
    await producer.send(topic, b"said")
    return producer


async def reading(topic: str, options: Options) -> AIOKafkaConsumer:
    """Return a client that waits for records."""
    consumer = AIOKafkaConsumer(topic, group_id=named("group"), **options)
    await consumer.start()
    await consumer.getmany(timeout_ms=500)
    return consumer


async def placed(topic: str, options: Options) -> AIOKafkaConsumer:
    """Return a client that reads without a group, and is asked for something."""
    consumer = AIOKafkaConsumer(**options)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    await consumer.seek_to_beginning()
    await consumer.getmany(timeout_ms=500)
    return consumer


async def asking(_: str, options: Options) -> Admin:
    """Return a client that asks about topics."""
    admin = Admin(**options)
    await admin.start()
    return admin


@pytest.mark.parametrize("made", [sending, in_transaction, reading, placed, asking])
def test_client_ends_though_every_node_is_halted(
    cluster: BrokerCluster, made: Callable[[str, Options], Awaitable[Client]]
) -> None:
    async def test() -> None:
        client = await made(*await stage(cluster.bootstrap))
        for node in NODES:
            cluster.suspend(node)
        await asyncio.sleep(0.2)  # whatever waits has asked meanwhile
        async with asyncio.timeout(3):
            await ended(client, budget_ms=BUDGET_MS)
        async with asyncio.timeout(2):  # what was cut off comes to its end
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*rest, return_exceptions=True)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with whole_again(cluster):
            asyncio.run(test())
        gc.collect()

    assert not [str(one.message) for one in told if one.category is ResourceWarning]


@pytest.fixture
def alone(broker: str) -> Iterator[str]:
    """Return a broker that others share, on which nothing stays of what a test makes."""
    yield broker
    asyncio.run(remove_topics(broker))


@pytest.mark.parametrize("made", [sending, in_transaction, reading, placed, asking])
def test_ending_that_is_cancelled_time_and_again_goes_on(
    alone: str, made: Callable[[str, Options], Awaitable[Client]]
) -> None:
    async def test() -> None:
        client = await made(*await stage(alone))
        ending = asyncio.ensure_future(ended(client, budget_ms=BUDGET_MS))
        for _ in range(3):
            await asyncio.sleep(0)
            ending.cancel()
        await asyncio.wait([ending])

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(test())
        gc.collect()

    assert not [str(one.message) for one in told if one.category is ResourceWarning]


def test_client_ends_well_where_the_broker_answers(alone: str) -> None:
    async def test() -> None:
        topic, options = await stage(alone)
        for made in (sending, in_transaction, reading, placed, asking):
            client = await made(topic, options)
            assert await ended(client, budget_ms=REQUEST_MS) is None

    asyncio.run(test())
