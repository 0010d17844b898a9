"""A reader hands out what its caller has not yet, also where it failed half-way before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    InvalidTopicError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    NoError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from tests.fakes.kafka_client import FakeAdmin, FakeConsumer, connection
from tests.fakes.virtual_time import run_virtually
from torghut.adapters.kafka import reading as module
from torghut.adapters.kafka.reading import KafkaReader
from torghut.carrying.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    TopicMissingError,
)
from torghut.kernel.errors import TorghutError

FIRST, SECOND = TopicPartition("t", 0), TopicPartition("u", 0)
AFTER: Final = {("t", 0): 100, ("u", 0): 0}

Test = Callable[[KafkaReader, FakeConsumer], Awaitable[None]]


def with_reader(monkeypatch: pytest.MonkeyPatch, test: Test) -> None:
    """Run a test with a reader of two partitions; the second is empty."""

    async def main() -> None:
        consumer = FakeConsumer({FIRST: 103, SECOND: 0})
        monkeypatch.setattr(module, "AIOKafkaConsumer", lambda **_: consumer)
        reader = KafkaReader(connection())
        await test(reader, consumer)
        await reader.close()

    run_virtually(main())


async def read(reader: KafkaReader) -> list[int]:
    """Return the offsets that are read of the first partition."""
    found = await reader.read(AFTER, wait_ms=100)
    return [one.offset for one in found["t", 0].records]


def test_what_was_fetched_before_a_place_could_not_be_asked_for_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(reader: KafkaReader, consumer: FakeConsumer) -> None:
        consumer.failing = [NodeNotReadyError()]
        with pytest.raises(BrokerUnreachableError):
            await read(reader)
        assert await read(reader) == [100, 101, 102]

    with_reader(monkeypatch, test)


def test_what_was_fetched_before_another_partition_failed_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(reader: KafkaReader, consumer: FakeConsumer) -> None:
        consumer.ends = {FIRST: 103, SECOND: 1}
        consumer.unreadable = {SECOND: 0}
        consumer.failing = [NodeNotReadyError()]
        with pytest.raises(BrokerUnreachableError):
            await read(reader)
        consumer.unreadable = {}
        assert await read(reader) == [100, 101, 102]

    with_reader(monkeypatch, test)


def test_what_was_fetched_before_reading_was_given_up_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(reader: KafkaReader, consumer: FakeConsumer) -> None:
        reading = asyncio.ensure_future(read(reader))
        for _ in range(20):
            if consumer.positions.get(FIRST) == 103:
                reading.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert await read(reader) == [100, 101, 102]

    with_reader(monkeypatch, test)


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (TopicAuthorizationFailedError, BrokerRefusedError, "kafka-acls"),
        (InvalidTopicError, BrokerRefusedError, "topics apply"),
        (UnknownTopicOrPartitionError, TopicMissingError, "topics apply"),
        (LeaderNotAvailableError, BrokerUnreachableError, "LeaderNotAvailable"),
        (NoError, BrokerUnreachableError, "LeaderNotAvailable"),
    ],
)
def test_topic_is_said_to_have_no_number_of_partitions_that_the_broker_does_not_tell(
    monkeypatch: pytest.MonkeyPatch,
    answer: type[NoError],
    expected: type[TorghutError],
    words: str,
) -> None:
    admin = FakeAdmin({"error_code": answer.errno, "partitions": []})
    monkeypatch.setattr(module, "Admin", lambda **_: admin)
    with pytest.raises(expected, match=words):
        run_virtually(_partitions())


async def _partitions() -> None:
    await KafkaReader(connection()).partitions("t")
