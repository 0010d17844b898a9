"""Faust on a real broker: its owner is handed what the topic holds, whatever Faust remembers."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.request
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.support.carrying.brokers import named
from tests.support.carrying.carriers import Owning
from torghut.access.broker import BrokerAccess
from torghut.access.faust import FaustChoices
from torghut.adapters.faust.opening import open_faust
from torghut.carrying.errors import BrokerUnreachableError, OffsetsGoneError
from torghut.carrying.messages import Outgoing
from torghut.carrying.ports import Broker

pytestmark = pytest.mark.timeout(120)

TRIES: Final = 200
GROUP: Final = "group"
PARTITIONS_MAX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A broker with a topic of the test's own."""

    bootstrap: str
    topic: str
    admin: AIOKafkaAdminClient

    def broker(self, choices: FaustChoices | None = None, bootstrap: str = "") -> Broker:
        """Return the broker as a worker on Faust reaches it."""
        access = BrokerAccess(bootstrap=bootstrap or self.bootstrap)
        return open_faust(access, choices or FaustChoices(), client_id="tests", budget_ms=8_000)

    @asynccontextmanager
    async def joined(
        self, begin: int = 0, choices: FaustChoices | None = None
    ) -> AsyncIterator[Owning]:
        """Give a member of the topic's group; it leaves at the end."""
        membership = self.broker(choices).membership(topic=self.topic, group=self.group)
        owner = Owning(membership, dict.fromkeys(range(PARTITIONS_MAX), begin))
        try:
            await membership.join(owner)
            yield owner
        finally:
            await membership.leave()

    @property
    def group(self) -> str:
        """The topic's group."""
        return f"{GROUP}-{self.topic}"

    async def send(self, *values: str) -> None:
        """Send records to the first partition."""
        sender = self.broker().sender()
        try:
            await sender.send(self.topic, [Outgoing(b"k", one.encode(), ()) for one in values])
        finally:
            await sender.close()


async def in_cluster(
    bootstrap: str, test: Callable[[Cluster], Coroutine[object, object, None]], partitions: int
) -> None:
    """Run a test with a topic of its own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    topic = named("contexts")
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
        await test(Cluster(bootstrap=bootstrap, topic=topic, admin=admin))
    finally:
        await admin.delete_topics([topic])
        await admin.close()


def run(
    bootstrap: str, test: Callable[[Cluster], Coroutine[object, object, None]], partitions: int = 1
) -> None:
    """Run a test on a broker."""
    asyncio.run(in_cluster(bootstrap, test, partitions))


def test_what_faust_has_committed_past_is_read_from_where_the_owner_stands(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.send("a", "b", "c", "d")
        async with cluster.joined() as owner:
            await owner.until(lambda: owner.offsets() == [0, 1, 2, 3])
            await asyncio.sleep(1.5)  # until Faust has committed all of it
        async with cluster.joined(begin=2) as owner:
            await owner.until(lambda: owner.offsets() == [2, 3])
            await cluster.send("e")
            await owner.until(lambda: owner.offsets() == [2, 3, 4])

    run(broker, test)


def test_owner_ahead_of_what_faust_has_committed_is_handed_nothing_twice(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.send("a", "b", "c")
        async with cluster.joined(begin=2) as owner:
            await cluster.send("d")
            await owner.until(lambda: 3 in owner.offsets())
            assert owner.offsets() == [2, 3]

    run(broker, test)


def test_what_was_taken_back_is_handed_out_to_nobody(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=cluster.bootstrap, transactional_id=named("voice")
        )
        await producer.start()
        try:
            for value, kept in ((b"taken back", False), (b"said", True), (b"meant", True)):
                await producer.begin_transaction()
                await producer.send_and_wait(cluster.topic, value, key=b"k", partition=0)
                await (producer.commit_transaction if kept else producer.abort_transaction)()
        finally:
            await producer.stop()
        async with cluster.joined() as owner:
            await owner.until(lambda: len(owner.offsets()) == 2)
            await cluster.send("later")
            await owner.until(lambda: len(owner.offsets()) == 3)
            assert [one.value for one in owner.handed] == [b"said", b"meant", b"later"]

    run(broker, test)


def test_record_without_a_value_is_handed_out_like_any_other(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait(cluster.topic, None, key=b"k")
            headers = [("once", b"1"), ("twice", b"1"), ("twice", b"2")]
            await producer.send_and_wait(
                cluster.topic, b"\xff", key=b"\xfe", headers=headers, timestamp_ms=1_399_032_000_123
            )
        finally:
            await producer.stop()
        async with cluster.joined() as owner:
            await owner.until(lambda: owner.offsets() == [0, 1])
            grave, other = owner.handed
            assert (grave.key, grave.value) == (b"k", None)
            assert (other.key, other.value) == (b"\xfe", b"\xff")
            assert list(other.headers) == headers
            assert other.timestamp_ms == 1_399_032_000_123

    run(broker, test)


def test_what_the_topic_has_lost_is_not_passed_over(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.send("a", "b", "c", "d")
        place = TopicPartition(cluster.topic, 0)
        await cluster.admin.delete_records({place: RecordsToDelete(before_offset=3)})
        async with cluster.joined(begin=1) as owner:
            with pytest.raises(OffsetsGoneError, match="offset 1"):
                await owner.until(lambda: False)

    run(broker, test)


def test_offset_that_the_topic_never_had_is_gone_as_well(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.send("a")
        async with cluster.joined(begin=50) as owner:
            with pytest.raises(OffsetsGoneError):
                await owner.until(lambda: False)

    run(broker, test)


def test_offsets_that_others_commit_for_the_group_move_nothing(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        await cluster.send(*"abcdef")
        place = TopicPartition(cluster.topic, 0)
        other = AIOKafkaConsumer(
            bootstrap_servers=cluster.bootstrap,
            group_id=f"{cluster.group}.faust",
            enable_auto_commit=False,
        )
        await other.start()
        try:
            other.assign([place])
            await other.commit({place: 4})
        finally:
            await other.stop()
        async with cluster.joined() as owner:
            await owner.until(lambda: owner.offsets() == list(range(6)))

    run(broker, test)


def test_two_members_share_and_hand_over(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        async with cluster.joined() as first:
            await first.until(lambda: first.owned == {0, 1, 2, 3})
            async with cluster.joined() as second:
                for _ in range(TRIES):
                    await asyncio.gather(first.take(), second.take())
                    if len(first.owned) == len(second.owned) == 2:
                        break
                assert first.owned | second.owned == {0, 1, 2, 3}
            await first.until(lambda: first.owned == {0, 1, 2, 3})

    run(broker, test, partitions=4)


def test_held_partition_is_handed_out_once_it_is_let_go_on(broker: str) -> None:
    async def test(cluster: Cluster) -> None:
        async with cluster.joined() as owner:
            await owner.until(lambda: owner.owned == {0})
            owner.membership.hold(0)
            await cluster.send("a", "b")
            for _ in range(15):
                await owner.take()
            assert owner.offsets() == []
            assert await owner.membership.behind() == {0: 2}
            owner.membership.go_on(0)
            await owner.until(lambda: owner.offsets() == [0, 1])

    run(broker, test)


def test_page_of_faust_shows_how_partitions_stand(broker: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def shown() -> Any:  # noqa: ANN401 - JSON is what it is
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/torghut/partitions/") as page:
            return json.load(page)

    async def test(cluster: Cluster) -> None:
        await cluster.send("a", "b")
        async with cluster.joined(choices=FaustChoices(web=("127.0.0.1", port))) as owner:
            await owner.until(lambda: owner.offsets() == [0, 1])
            (found,) = (await asyncio.to_thread(shown))["partitions"]
            assert found["partition"] == 0
            assert found["expected_offset"] == 2
            assert not found["held"]

    run(broker, test)


def test_joining_what_nobody_reaches_fails_within_the_budget(broker: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        access = BrokerAccess(bootstrap=f"127.0.0.1:{nobody.getsockname()[1]}")
    assert access.bootstrap != broker

    async def test() -> None:
        away = open_faust(access, FaustChoices(), client_id="tests", budget_ms=500)
        membership = away.membership(topic="contexts", group="g")
        async with asyncio.timeout(3):
            with pytest.raises(BrokerUnreachableError):
                await membership.join(Owning(membership, {}))
            await membership.leave()

    asyncio.run(test())
