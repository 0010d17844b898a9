"""A service that brokers carry: every partition of its log is a lane, read from a place of our own.

Nothing of a lane goes through a group: a group would remember where somebody was, and it is the
trading loop's own bookmark that says what it has acted on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from aiokafka import ConsumerRecord, TopicPartition
from typing_extensions import override

from torghut.access.broker import broker_access
from torghut.access.options import client_options
from torghut.carrying.partitioning import partition_of
from torghut.client.kafka.beats import Beats
from torghut.client.kafka.cluster import Cluster
from torghut.client.kafka.connection import KafkaConnection
from torghut.client.kafka.finding import Finder, Hint, position_of
from torghut.client.kafka.reading import Reader
from torghut.client.kafka.sending import KafkaSending
from torghut.client.limits import Limits
from torghut.client.machine import Machine, variable
from torghut.client.wire.address import Address
from torghut.client.wire.dialing import Connection, CutError, Dialer, Lane, Purpose, Use
from torghut.client.wire.messages import Answered, ControlRecorded, read_line
from torghut.kernel.units import MS_PER_S
from torghut.schemas.live.position import Position
from torghut.workflows.carrying.terms import CarriedTopics

_JSON: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    """What all connections share, once the lanes are known.

    Attributes:
        readers: By what a connection is for.
        beats: Heartbeats.
    """

    readers: Mapping[Use, Reader]
    beats: Beats


class KafkaDialer(Dialer):
    """Makes connections to the lanes of one service.

    Args:
        shown: Where it is, as it was written.
        cluster: That carries it.
        topics: Their names.
    """

    def __init__(self, shown: str, cluster: Cluster, topics: CarriedTopics) -> None:
        self._shown = shown
        self._cluster = cluster
        self._topics = topics
        self._finder = Finder(cluster)
        self._sending = KafkaSending(cluster, topics, Machine())
        self._shared: _Shared | None = None
        self._read_to: dict[TopicPartition, int] = {}
        self._turns: dict[tuple[Use, TopicPartition], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._held: set[KafkaConnection] = set()

    @property
    @override
    def shown(self) -> str:
        return self._shown

    @property
    @override
    def limits(self) -> Limits:
        return self._cluster.limits

    @property
    @override
    def known(self) -> Sequence[Lane]:
        return ()

    @override
    def check(self) -> None:
        client_options(self._cluster.access)

    @override
    def lane_of(self, symbol: str, lanes: Sequence[Lane]) -> Sequence[int]:
        if symbol == "*":
            return [one.number for one in lanes]
        return [partition_of(symbol.encode(), len(lanes))]

    @override
    async def lanes(self) -> Sequence[Lane]:
        topics = self._topics
        count, answering, beating = await self._cluster.partitions(
            topics.decisions, topics.control_outcomes, topics.heartbeats
        )
        if answering != count:
            message = f"{topics.control_outcomes} has other partitions than {topics.decisions}"
            raise CutError(message)
        outcomes = [TopicPartition(topics.decisions, one) for one in range(count)]
        controls = [TopicPartition(topics.control_outcomes, one) for one in range(count)]
        beats = [TopicPartition(topics.heartbeats, one) for one in range(beating)]
        found = await self._finder.lanes(outcomes)
        self._shared = _Shared(
            readers={
                # Outcomes are durable before they are published, and told apart by where they
                # stand, so they are read before they are final; so are answers, by their names.
                "outcomes": Reader(self._cluster, outcomes, final=False),
                "controls": Reader(self._cluster, controls),
                "answers": Reader(self._cluster, [*outcomes, *controls], final=False),
            },
            beats=Beats(Reader(self._cluster, beats)),
        )
        return found

    @override
    async def dial(self, lane: int, purpose: Purpose) -> Connection:
        shared = self._shared
        if shared is None:
            message = "the partitions are not known yet"
            raise CutError(message)
        connection = KafkaConnection(self._sending)
        self._held.add(connection)

        def left() -> None:
            shared.beats.leave(lane, connection.beat)
            self._held.discard(connection)

        connection.left = left
        try:
            for at in self._places(lane, purpose.use):
                await self._begin(connection, shared.readers[purpose.use], at, purpose)
            await shared.beats.listen(lane, connection.beat)
        except BaseException:
            connection.drop()
            raise
        return connection

    @override
    async def close(self) -> None:
        for connection in tuple(self._held):
            connection.drop()  # or it would connect anew to read on
        await self._finder.close()
        await self._sending.close()
        if self._shared is not None:
            await self._shared.beats.close()
            for reader in self._shared.readers.values():
                await reader.close()

    def _places(self, lane: int, use: Use) -> Sequence[TopicPartition]:
        """Return what is read for a use."""
        outcomes = TopicPartition(self._topics.decisions, lane)
        controls = TopicPartition(self._topics.control_outcomes, lane)
        return {
            "outcomes": (outcomes,),
            "controls": (controls,),
            "answers": (outcomes, controls),
        }[use]

    async def _offset(self, at: TopicPartition, purpose: Purpose) -> int:
        """Return from which offset a partition is read."""
        if purpose.use == "answers":  # also those that came while there was no connection
            if at not in self._read_to:
                self._read_to[at] = await self._finder.offset(at, None)
            return self._read_to[at]
        return await self._finder.offset(at, _behind(purpose))

    async def _begin(
        self, connection: KafkaConnection, reader: Reader, at: TopicPartition, purpose: Purpose
    ) -> None:
        """Begin to hand on what is read of a partition, once nobody else does for the same use.

        Who is being given up would take what comes, and pause the partition when it ends.
        """
        turn = self._turns[purpose.use, at]
        try:
            async with asyncio.timeout(self.limits.close_ms / MS_PER_S):
                await turn.acquire()
        except TimeoutError as error:
            message = f"{at.topic}, partition {at.partition}: read for another stream already"
            raise CutError(message) from error
        try:
            await reader.place(at, await self._offset(at, purpose))
        except BaseException:
            turn.release()
            raise

        def ended(_: asyncio.Task[None]) -> None:
            reader.rest(at)
            turn.release()

        pump = asyncio.create_task(self._pump(connection, reader, at, purpose))
        pump.add_done_callback(ended)  # one that is cancelled before it begins runs nothing
        connection.run(pump)

    async def _pump(
        self, connection: KafkaConnection, reader: Reader, at: TopicPartition, purpose: Purpose
    ) -> None:
        """Hand on what is read of a partition, until the connection is given up."""
        behind = _behind(purpose)
        while True:
            records = await reader.read(at)
            lines = [_line(one, purpose.use) for one in records if _is_behind(one, behind)]
            if lines:
                await connection.put("\n".join(lines))
            if records:
                self._note(at, purpose.use, records[-1])

    def _note(self, at: TopicPartition, use: Use, last: ConsumerRecord) -> None:
        """Remember how far a partition was handed on."""
        if use == "answers":
            self._read_to[at] = last.offset + 1
        else:
            self._finder.hints[at] = Hint(position_of(last), last.offset + 1)


def kafka_dialer(address: Address, limits: Limits) -> Dialer:
    """Return what makes connections to a service that brokers carry; nothing is asked yet.

    Raises:
        BrokerSettingError: The environment says what cannot be.
        AccessFileError: A certificate, key or password is not where it says.
        AccessIncompleteError: Name or password is wanted and was not given.
    """
    access = broker_access(variable, address.brokers)
    client_options(access)
    cluster = Cluster(access=access, limits=limits)
    return KafkaDialer(address.shown, cluster, CarriedTopics())


def _behind(purpose: Purpose) -> Position | None:
    """Return behind which position records are handed on."""
    after = purpose.after
    if after is None or purpose.use == "outcomes" or after.block < 0:
        return after
    return replace(after, place=after.place - 1)  # several stand at one: those come again


def _is_behind(record: ConsumerRecord, after: Position | None) -> bool:
    """Say whether a record stands behind a position."""
    return after is None or position_of(record) > after


def _line(record: ConsumerRecord, use: Use) -> str:
    """Return a record as the line that a service which listens by itself would send."""
    text: str = record.value.decode("utf-8", "replace")
    if use != "answers" or not text.startswith('{"type":"live.control-recorded.v1"'):
        return text
    message = read_line(text)
    if not isinstance(message, ControlRecorded):
        return text
    answered = Answered(
        control_id=message.control_id,
        status=message.status,
        code=message.code,
        detail="",
        position=message.position,
    )
    return _JSON.encode(answered).decode()
