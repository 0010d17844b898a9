"""Partitions read through one client, each from its own place and no faster than it is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from torghut.client.kafka.cluster import Cluster, cut

_WAIT_MS: Final = 100
"""A partition that is begun waits for the answer that is under way for others: not for longer."""

_BYTES: Final = 1_048_576
_READ_MS: Final = 1_000
_MOST: Final = 256


@dataclass(slots=True)
class Reader:
    """Reads partitions of topics.

    Attributes:
        cluster: That has them.
        places: All that may be read.
        final: Whether only what is final is read: a moment later, and nothing of it twice.
    """

    cluster: Cluster
    places: Sequence[TopicPartition]
    final: bool = True
    _consumer: AIOKafkaConsumer | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def place(self, at: TopicPartition, offset: int) -> None:
        """Read a partition from ``offset`` on.

        Raises:
            CutError: No broker answers.
        """
        consumer = await self._started()
        consumer.seek(at, offset)
        consumer.resume(at)

    async def end(self) -> None:
        """Read every partition from its end on.

        Raises:
            CutError: No broker answers.
        """
        consumer = await self._started()
        ends = await self.cluster.within(consumer.end_offsets(list(self.places)))
        for at, offset in ends.items():
            await self.place(at, offset)

    async def read(self, *asked: TopicPartition) -> Sequence[ConsumerRecord]:
        """Return the next records of partitions that were placed, in order; perhaps none yet.

        Raises:
            CutError: The broker refuses.
        """
        consumer = await self._started()
        with cut():
            found = await consumer.getmany(*asked, timeout_ms=_READ_MS, max_records=_MOST)
        return [one for records in found.values() for one in records]

    def rest(self, at: TopicPartition) -> None:
        """Read a partition no more, for now."""
        if self._consumer is not None:
            self._consumer.pause(at)

    async def close(self) -> None:
        """Let go of the broker."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self.cluster.let_go(consumer)

    async def _started(self) -> AIOKafkaConsumer:
        """Return the client, connected; several may ask for it at once."""
        async with self._starting:
            if self._consumer is None:
                consumer = await self.cluster.consumer(
                    wait_ms=_WAIT_MS, bytes_max=_BYTES, final=self.final
                )
                consumer.assign(list(self.places))
                consumer.pause(*self.places)
                self._consumer = consumer
        return self._consumer
