"""Records handed to a producer: one by one, or in order in as few batches as they fit in.

What is handed over is heeded whatever becomes of what follows: a failure that nobody looked at
would be reported as a defect, when its sending had failed as a whole long before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition

from torghut.carrying.messages import Outgoing


async def send_each(producer: AIOKafkaProducer, topic: str, records: Sequence[Outgoing]) -> None:
    """Send records by their keys, and wait until the broker has them.

    Args:
        producer: Started.
        topic: Of those that name none of their own.
        records: In their order.

    Raises:
        KafkaError: The producer or the broker will not.
    """
    await asyncio.gather(*[await _handed(producer, topic, record) for record in records])


async def send_packed(
    producer: AIOKafkaProducer, at: TopicPartition, records: Sequence[Outgoing]
) -> None:
    """Send records to one partition, in the transaction that is open, and wait likewise.

    Args:
        producer: With an open transaction.
        at: Where those go that name no topic of their own; others keep to its partition.
        records: In their order.

    Raises:
        KafkaError: The producer or the broker will not; the transaction is lost.
    """
    under_way = []
    batch = producer.create_batch()
    for record in records:
        if record.topic:
            under_way.append(await _handed(producer, record.topic, record, at.partition))
        elif not _fits(batch, record):
            under_way.append(await _batched(producer, at, batch))
            batch = producer.create_batch()
            _fits(batch, record)
    under_way.append(await _batched(producer, at, batch))
    await asyncio.gather(*under_way)


def _fits(batch: object, record: Outgoing) -> bool:
    """Put a record into a batch, if there is room."""
    added = batch.append(  # type: ignore[attr-defined]
        timestamp=None, key=record.key, value=record.value, headers=list(record.headers)
    )
    return added is not None


async def _handed(
    producer: AIOKafkaProducer, topic: str, record: Outgoing, partition: int | None = None
) -> asyncio.Future[object]:
    """Hand a record over; without a partition its key tells where."""
    future: asyncio.Future[object] = await producer.send(
        record.topic or topic,
        record.value,
        key=record.key,
        partition=partition,
        headers=list(record.headers),
    )
    future.add_done_callback(_heed)
    return future


async def _batched(
    producer: AIOKafkaProducer, at: TopicPartition, batch: object
) -> asyncio.Future[object]:
    """Hand a batch over."""
    future: asyncio.Future[object] = await producer.send_batch(
        batch, at.topic, partition=at.partition
    )
    future.add_done_callback(_heed)
    return future


def _heed(future: asyncio.Future[object]) -> None:
    """Let a failure count as seen."""
    if not future.cancelled():
        future.exception()
