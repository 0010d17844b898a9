"""The one voice on a partition: a transactional producer, whose id fences all that had it before.

Whoever begins last under a transactional id aborts what its predecessor had begun, and that one can
never commit again: a process that was halted, and wakes after its partition went to another, cannot
say a word. Each call is one transaction, so it is heard whole or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, ProducerFenced
from typing_extensions import override

from torghut.adapters.kafka.connection import Connection
from torghut.adapters.kafka.reading import explained
from torghut.adapters.kafka.receiving import received
from torghut.carrying.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    VoiceSilencedError,
)
from torghut.carrying.messages import Outgoing, Received
from torghut.carrying.ports import Voice

_FIRST_LOOK: Final = 64
_BATCH_BYTES: Final = 262_144
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
        self._producer: AIOKafkaProducer | None = None

    @override
    async def raise_(self) -> Received | None:
        await self.fall_silent()
        producer = AIOKafkaProducer(
            transactional_id=f"torghut:{self._at.topic}:{self._at.partition}",
            transaction_timeout_ms=_TRANSACTION_MS,
            max_batch_size=_BATCH_BYTES,
            acks="all",
            **self._connection.arguments,
        )
        await self._connection.begin(f"raising the voice on {self._place}", producer)
        self._producer = producer
        async with explained(self._connection, [self._at.topic]):
            return await self._connection.answered(
                f"looking for the last record of {self._place}", self._last()
            )

    @override
    async def say(self, records: Sequence[Outgoing], /) -> None:
        producer = self._producer
        if producer is None:
            raise VoiceSilencedError(place=self._place)
        try:
            async with explained(
                self._connection, {one.topic or self._at.topic for one in records}
            ):
                await self._connection.answered(
                    f"publishing to {self._place}", self._said(producer, records)
                )
        except (BrokerUnreachableError, BrokerRefusedError) as error:
            await self.fall_silent()
            if isinstance(error.__cause__, ProducerFenced | InvalidProducerEpoch):
                raise VoiceSilencedError(place=self._place) from error
            raise

    @override
    async def fall_silent(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._connection.let_go(producer)

    async def _said(self, producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        """Say all of it in one transaction."""
        await producer.begin_transaction()
        heard = []
        batch = producer.create_batch()
        for record in records:
            if record.topic:
                heard.append(await _apart(producer, record))
                continue
            if self._fits(batch, record):
                continue
            heard.append(await self._sent(producer, batch))
            batch = producer.create_batch()
            self._fits(batch, record)
        heard.append(await self._sent(producer, batch))
        await asyncio.gather(*heard)
        await producer.commit_transaction()

    def _fits(self, batch: object, record: Outgoing) -> bool:
        """Put a record into a batch, if there is room."""
        added = batch.append(  # type: ignore[attr-defined]
            timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
        )
        return added is not None

    async def _sent(self, producer: AIOKafkaProducer, batch: object) -> asyncio.Future[object]:
        future: asyncio.Future[object] = await producer.send_batch(
            batch, self._at.topic, partition=self._at.partition
        )
        return future

    async def _last(self) -> Received | None:
        """Return the partition's last record; its end may be the mark of a transaction."""
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            **self._connection.arguments,
        )
        await self._connection.begin(f"connecting to {self._place}", consumer)
        try:
            consumer.assign([self._at])
            end = (await consumer.end_offsets([self._at]))[self._at]
            begin = (await consumer.beginning_offsets([self._at]))[self._at]
            look = _FIRST_LOOK
            while end > begin:
                start = max(begin, end - look)
                consumer.seek(self._at, start)
                last = await self._last_before(consumer, end)
                if last is not None or start == begin:
                    return last
                look *= 8
            return None
        finally:
            await self._connection.let_go(consumer)

    async def _last_before(self, consumer: AIOKafkaConsumer, end: int) -> Received | None:
        """Return the last record before an offset, from where the client stands."""
        last: Received | None = None
        while await consumer.position(self._at) < end:
            found = await consumer.getmany(self._at, timeout_ms=200)
            for records in found.values():
                last = received(records[-1:])[0]
        return last


async def _apart(producer: AIOKafkaProducer, record: Outgoing) -> asyncio.Future[object]:
    """Send a record that goes to another topic, in the same transaction."""
    future: asyncio.Future[object] = await producer.send(
        record.topic, record.value, key=record.key, headers=list(record.headers)
    )
    return future
