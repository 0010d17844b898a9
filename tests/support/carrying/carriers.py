"""A broker that tests of its contract run on: in memory, in virtual time, or a real one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.structs import TopicPartition
from typing_extensions import override

from tests.fakes.broker import Cluster, Frost, InMemoryBroker
from tests.fakes.virtual_time import run_virtually
from tests.support.carrying.brokers import named
from torghut.access.broker import BrokerAccess
from torghut.access.faust import FaustChoices
from torghut.adapters.faust.opening import open_faust
from torghut.adapters.kafka.broker import KafkaBroker
from torghut.adapters.kafka.connection import connection_to
from torghut.carrying.messages import Outgoing, Received
from torghut.carrying.ports import Broker, Membership, Owner

BUDGET_MS: Final = 5_000
SESSION_MS: Final = 6_000


class Carrier(Protocol):
    """A broker that a test may do with as it likes."""

    def run(self, test: Coroutine[object, object, None]) -> None:
        """Run a test."""
        ...

    def broker(self) -> Broker:
        """Return the broker, as one more process reaches it."""
        ...

    def unreachable(self, budget_ms: int) -> Broker:
        """Return one that nobody reaches."""
        ...

    async def make(self, topic: str, partitions: int) -> str:
        """Make a topic; return its whole name, which no other has."""
        ...

    async def cut(self, place: tuple[str, int], first: int) -> None:
        """Forget a partition's records before an offset."""
        ...


@dataclass(slots=True)
class InMemoryCarrier(Carrier):
    """A broker in memory."""

    cluster: Cluster = field(default_factory=Cluster)

    @override
    def run(self, test: Coroutine[object, object, None]) -> None:
        run_virtually(test)

    @override
    def broker(self) -> Broker:
        return InMemoryBroker(self.cluster, Frost())

    @override
    def unreachable(self, budget_ms: int) -> Broker:
        cluster = Cluster()
        cluster.topics.away = True
        return InMemoryBroker(cluster, Frost())

    @override
    async def make(self, topic: str, partitions: int) -> str:
        self.cluster.topics.make(topic, partitions)
        return topic

    @override
    async def cut(self, place: tuple[str, int], first: int) -> None:
        self.cluster.topics.cut(place, first)


@dataclass(slots=True)
class KafkaCarrier(Carrier):
    """A real broker; its topics are taken away at the end."""

    bootstrap: str
    made: list[str] = field(default_factory=list)

    @override
    def run(self, test: Coroutine[object, object, None]) -> None:
        asyncio.run(self._cleaned(test))

    @override
    def broker(self) -> Broker:
        return self._at(self.bootstrap, BUDGET_MS)

    @override
    def unreachable(self, budget_ms: int) -> Broker:
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            port = nobody.getsockname()[1]
        return self._at(f"127.0.0.1:{port}", budget_ms)

    @override
    async def make(self, topic: str, partitions: int) -> str:
        name = named(topic)
        self.made.append(name)
        await self._administer(lambda admin: _made(admin, name, partitions))
        return name

    @override
    async def cut(self, place: tuple[str, int], first: int) -> None:
        before = {TopicPartition(*place): RecordsToDelete(before_offset=first)}
        await self._administer(lambda admin: admin.delete_records(before))

    def _at(self, bootstrap: str, budget_ms: int) -> Broker:
        access = BrokerAccess(bootstrap=bootstrap)
        connection = connection_to(access, client_id="tests", budget_ms=budget_ms)
        return KafkaBroker(connection=connection, session_ms=SESSION_MS)

    async def _administer(
        self, work: Callable[[AIOKafkaAdminClient], Coroutine[object, object, object]]
    ) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await work(admin)
        finally:
            await admin.close()

    async def _cleaned(self, test: Coroutine[object, object, None]) -> None:
        try:
            await test
        finally:
            if self.made:
                await self._administer(lambda admin: admin.delete_topics(self.made))


@dataclass(slots=True)
class FaustCarrier(KafkaCarrier):
    """A real broker whose groups are Faust's."""

    @override
    def _at(self, bootstrap: str, budget_ms: int) -> Broker:
        access = BrokerAccess(bootstrap=bootstrap)
        return open_faust(access, FaustChoices(), client_id="tests", budget_ms=budget_ms)


async def _made(admin: AIOKafkaAdminClient, name: str, partitions: int) -> None:
    """Make a topic, and wait until all its partitions have a leader."""
    await admin.create_topics([NewTopic(name, partitions, 1)])
    for _ in range(100):
        found = (await admin.describe_topics([name]))[0]
        led = [one for one in found["partitions"] if one["leader"] >= 0]
        if len(led) == partitions:
            return
        await asyncio.sleep(0.05)


def says(*values: str, key: str | None = None, topic: str = "") -> list[Outgoing]:
    """Return records with these values, keyed by them or alike."""
    return [
        Outgoing((key or one).encode(), one.encode(), [("n", one.encode())], topic)
        for one in values
    ]


def texts(records: Sequence[Received]) -> list[str]:
    """Return the values of records."""
    return [(one.value or b"").decode() for one in records]


async def heard(broker: Broker, place: tuple[str, int], *, wait_ms: int = 200) -> list[Received]:
    """Return everything that readers of committed records find in a partition now."""
    reader = broker.reader()
    try:
        end, at, found = (await reader.ends([place]))[place], 0, list[Received]()
        while at < end:
            read = (await reader.read({place: at}, wait_ms=wait_ms))[place]
            found += read.records
            at = read.then
        return found
    finally:
        await reader.close()


class Nobody(Owner):
    """Places nothing by itself."""

    @override
    async def gained(self, partitions: Sequence[int], /) -> None: ...

    @override
    async def lost(self, partitions: Sequence[int], /) -> None: ...


@dataclass(slots=True)
class Owning(Owner):
    """Takes partitions up at given offsets, and takes down what it is handed.

    Attributes:
        begin: Where partitions are placed; where there is nothing they are not.
        owned: What it has.
        taken: Offsets by partition, in the order handed out.
        handed: The records of all partitions, likewise.
        moves: What it was told.
    """

    membership: Membership
    begin: Mapping[int, int]
    owned: set[int] = field(default_factory=set)
    taken: dict[int, list[int]] = field(default_factory=dict)
    handed: list[Received] = field(default_factory=list)
    moves: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)

    @override
    async def gained(self, partitions: Sequence[int], /) -> None:
        self.moves.append(("gained", tuple(partitions)))
        self.owned.update(partitions)
        for one in partitions:
            if one in self.begin:
                last = self.taken.get(one)
                self.membership.place(one, last[-1] + 1 if last else self.begin[one])
                self.membership.go_on(one)

    @override
    async def lost(self, partitions: Sequence[int], /) -> None:
        self.moves.append(("lost", tuple(partitions)))
        self.owned.difference_update(partitions)

    async def take(self, *, wait_ms: int = 300, most: int = 100) -> None:
        """Take what comes next."""
        found = await self.membership.take(most=most, wait_ms=wait_ms)
        for number, records in found.items():
            self.taken.setdefault(number, []).extend(one.offset for one in records)
            self.handed.extend(records)

    def offsets(self, partition: int = 0) -> Sequence[int]:
        """Return where what was handed out of a partition stands."""
        return self.taken.get(partition, [])

    async def until(self, done: Callable[[], bool], *, tries: int = 100, most: int = 100) -> None:
        """Take until something is so."""
        for _ in range(tries):
            if done():
                return
            await self.take(wait_ms=200, most=most)
        assert done()
