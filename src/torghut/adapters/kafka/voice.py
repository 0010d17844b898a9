"""The one voice on a partition: two transactional producers, whose ids fence all that had them.

Whoever begins last under a transactional id aborts what its predecessor had begun, and that one can
never commit again: a process that was halted, and wakes after its partition went to another, cannot
say a word. What is said stands in the topic at once, in a transaction that is still open; settling
commits it. A producer that has just committed cannot begin for some 20 ms, so two take turns: one
speaks while the other settles, and neither commits before what stood ahead of it is committed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from typing_extensions import override

from torghut.access.options import KEPT_ONCE
from torghut.adapters.kafka.connection import Connection
from torghut.adapters.kafka.producing import send_packed
from torghut.adapters.kafka.reading import explained
from torghut.adapters.kafka.receiving import received
from torghut.carrying.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    VoiceSilencedError,
)
from torghut.carrying.messages import Outgoing, Received
from torghut.carrying.ports import Voice

SENT_BYTES_MAX: Final = 262_144
"""Most that goes to the broker at once; who measures beside this sends as much."""

_FIRST_LOOK: Final = 64
_TRANSACTION_MS: Final = 60_000


class KafkaVoice(Voice):
    """Speaks on one partition of a topic.

    Args:
        connection: To the broker.
        topic: Of the partition.
        partition: Its number.
    """

    def __init__(self, connection: Connection, *, topic: str, partition: int) -> None:
        self._connection = connection
        self._at = TopicPartition(topic, partition)
        self._place = f"{topic}, partition {partition}"
        self._producers: deque[AIOKafkaProducer] = deque()
        self._open = False  # whether the first producer has said something that is not settled
        self._doubts = 0  # of what was said or settled, how much was not answered
        self._commit: asyncio.Task[None] | None = None  # the last one
        self._saying = asyncio.Lock()
        self._settling = asyncio.Lock()

    @override
    async def raise_(self) -> Received | None:
        await self.fall_silent()
        name = f"torghut:{self._at.topic}:{self._at.partition}"
        for transactional_id in (name, f"{name}:2"):
            producer = AIOKafkaProducer(
                transactional_id=transactional_id,
                transaction_timeout_ms=_TRANSACTION_MS,
                max_batch_size=SENT_BYTES_MAX,
                **KEPT_ONCE,
                **self._connection.arguments,
            )
            try:
                await self._connection.begin(f"raising the voice on {self._place}", producer)
            except BaseException:
                self._abandon()
                raise
            self._producers.append(producer)
        self._doubts, self._commit = 0, None
        return await self.last_beside(self._at.topic)

    @override
    async def last_beside(self, topic: str, /) -> Received | None:
        at = TopicPartition(topic, self._at.partition)
        async with explained(self._connection, [topic]):
            return await self._connection.answered(
                f"looking for the last record of {topic}, partition {at.partition}", self._last(at)
            )

    @override
    async def say(self, records: Sequence[Outgoing], /) -> None:
        async with self._saying:
            if not self._producers:
                raise VoiceSilencedError(place=self._place)
            said = self._said(self._producers[0], records)
            await self._sure(said, {one.topic or self._at.topic for one in records})

    @override
    async def settle(self) -> None:
        async with self._settling:
            await self._committed()
            async with self._saying:
                if not self._open:
                    return
                producer = self._producers[0]
                self._producers.rotate()
                self._open = False
            # Whoever is cancelled meanwhile leaves it to go on: half a commit helps nobody.
            sure = self._sure(producer.commit_transaction(), [self._at.topic])
            self._commit = asyncio.ensure_future(sure)
            await self._committed()

    @override
    async def fall_silent(self) -> None:
        with suppress(BrokerUnreachableError, BrokerRefusedError, VoiceSilencedError):
            await self._committed()
            if not self._doubts:
                await self.settle()
        for producer in self._taken():
            await self._connection.let_go(producer)

    async def _committed(self) -> None:
        """Wait for the commit that is under way."""
        if self._commit is not None:
            await asyncio.shield(self._commit)

    async def _sure(self, asked: Awaitable[None], topics: Collection[str]) -> None:
        """Wait for an answer; without one nothing more is said, and nothing of it becomes final.

        Raises:
            VoiceSilencedError: Another voice was raised since.
            BrokerRefusedError: The broker answers that it will not.
            BrokerUnreachableError: No broker answers within the budget.
        """
        self._doubts += 1
        try:
            async with explained(self._connection, topics):
                await self._connection.answered(f"publishing to {self._place}", asked)
        except (BrokerUnreachableError, BrokerRefusedError) as error:
            self._abandon()
            if isinstance(error.__cause__, ProducerFenced | InvalidProducerEpoch):
                raise VoiceSilencedError(place=self._place) from error
            raise
        self._doubts -= 1

    def _abandon(self) -> None:
        """Give the producers up: what was not settled is aborted when a voice is raised next."""
        for producer in self._taken():
            self._connection.abandon(producer)

    def _taken(self) -> Collection[AIOKafkaProducer]:
        """Return the producers, which are nobody's any more; who speaks meanwhile is silenced."""
        producers, self._producers = self._producers, deque()
        self._open = False
        return producers

    async def _said(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        """Say all of it in the open transaction."""
        if not self._open:
            await producer.begin_transaction()
            self._open = True
        await send_packed(producer, self._at, records)

    async def _last(self, at: TopicPartition) -> Received | None:
        """Return a partition's last record; its end may be the mark of a transaction."""
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            **self._connection.arguments,
        )
        await self._connection.begin(f"connecting to {self._place}", consumer)
        try:
            consumer.assign([at])
            end = (await consumer.end_offsets([at]))[at]
            begin = (await consumer.beginning_offsets([at]))[at]
            look = _FIRST_LOOK
            while end > begin:
                start = max(begin, end - look)
                consumer.seek(at, start)
                last = await self._last_before(consumer, at, end)
                if last is not None or start == begin:
                    return last
                look *= 8
            return None
        finally:
            await self._connection.let_go(consumer)

    async def _last_before(
        self, consumer: AIOKafkaConsumer, at: TopicPartition, end: int
    ) -> Received | None:
        """Return the last record before an offset, from where the client stands."""
        last: Received | None = None
        while await consumer.position(at) < end:
            found = await consumer.getmany(at, timeout_ms=200)
            for records in found.values():
                last = received(records[-1:])[0]
        return last
