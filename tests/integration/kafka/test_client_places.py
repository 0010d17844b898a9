"""Where a client goes on in a real topic: found by the log's positions, past marks and gaps."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete

from tests.support.carrying.brokers import named
from torghut.access.broker import BrokerAccess
from torghut.carrying.messages import LOG_POSITION
from torghut.client.kafka.cluster import Cluster
from torghut.client.kafka.finding import Finder, position_of
from torghut.client.kafka.reading import Reader
from torghut.client.limits import Limits
from torghut.client.wire.dialing import CutError, Lane
from torghut.schemas.live.position import Position, start_of

BLOCKS: Final = 20
EACH: Final = 3

Scenario = Callable[[Finder, TopicPartition], Coroutine[object, object, None]]


async def published(broker: str, at: TopicPartition, blocks: Sequence[int]) -> None:
    """Publish blocks, each in one transaction; every fourth one is said by halves and given up."""
    producer = AIOKafkaProducer(
        bootstrap_servers=broker, transactional_id=f"tests:{at.topic}", acks="all"
    )
    await producer.start()
    try:
        for block in blocks:
            await producer.begin_transaction()
            for place in range(EACH):
                headers = [(LOG_POSITION, f"{at.partition}:{block}:{place}".encode())]
                await producer.send(at.topic, b"x", partition=at.partition, headers=headers)
            if block % 4 == 3:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
    finally:
        await producer.stop()


def on_topic(broker: str, scenario: Scenario, *, blocks: int = BLOCKS, cut: int = 0) -> None:
    """Run a scenario on a topic that holds so many blocks, without those before an offset."""

    async def main() -> None:
        name = named("places")
        at = TopicPartition(name, 1)
        admin = AIOKafkaAdminClient(bootstrap_servers=broker)
        await admin.start()
        access = BrokerAccess(bootstrap=broker)
        finder = Finder(Cluster(access=access, limits=Limits()))
        try:
            await admin.create_topics([NewTopic(name, 2, 1)])
            await published(broker, at, range(blocks))
            if cut:
                await admin.delete_records({at: RecordsToDelete(before_offset=cut)})
            await scenario(finder, at)
        finally:
            await finder.close()
            await admin.delete_topics([name])
            await admin.close()

    asyncio.run(main())


async def read_from(finder: Finder, at: TopicPartition, offset: int) -> str:
    """Return the position of the first record that is read from an offset on."""
    reader = Reader(finder.cluster, [at])
    try:
        await reader.place(at, offset)
        while not (records := await reader.read(at)):
            pass
        return str(position_of(records[0]))
    finally:
        await reader.close()


def test_every_position_is_found_whatever_was_given_up_between(broker: str) -> None:
    kept = [block for block in range(BLOCKS) if block % 4 != 3]
    told = [Position(1, block, place) for block in kept for place in range(EACH)]

    async def scenario(finder: Finder, at: TopicPartition) -> None:
        assert await finder.lanes([TopicPartition(at.topic, 0), at]) == [
            Lane(number=0, first=start_of(0), end=start_of(0)),
            Lane(number=1, first=start_of(1), end=told[-1]),
        ]
        for after, expected in list(itertools.pairwise(told))[::7]:
            finder.hints.clear()
            assert await read_from(finder, at, await finder.offset(at, after)) == str(expected)
        beginning = await finder.offset(at, start_of(1))
        assert await read_from(finder, at, beginning) == str(told[0])
        assert await finder.offset(at, told[-1]) <= await finder.offset(at, None)

    on_topic(broker, scenario)


def test_topic_in_which_nothing_was_said_begins_at_its_start(broker: str) -> None:
    async def scenario(finder: Finder, at: TopicPartition) -> None:
        (lane,) = await finder.lanes([at])
        assert (lane.first, lane.end, lane.used) == (start_of(1), start_of(1), False)
        assert await finder.offset(at, start_of(1)) == 0

    on_topic(broker, scenario, blocks=0)


def test_place_that_the_topic_no_longer_keeps_is_said_and_not_skipped(broker: str) -> None:
    async def scenario(finder: Finder, at: TopicPartition) -> None:
        (lane,) = await finder.lanes([at])
        assert lane.first == Position(1, 1, 9_999_999)
        with pytest.raises(CutError, match=r"no longer kept: .* begins with 1:2:0"):
            await finder.offset(at, Position(1, 0, 0))
        following = await finder.offset(at, Position(1, 1, 2))
        assert await read_from(finder, at, following) == "1:2:0"

    on_topic(broker, scenario, cut=2 * (EACH + 1))
