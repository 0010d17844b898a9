"""A sender: idempotent, every record kept by all replicas in step before it counts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from typing_extensions import override

from torghut.access.options import KEPT_ONCE
from torghut.adapters.kafka.connection import Connection
from torghut.adapters.kafka.producing import send_each
from torghut.adapters.kafka.reading import explained
from torghut.carrying.errors import BrokerRefusedError, BrokerUnreachableError
from torghut.carrying.messages import Outgoing
from torghut.carrying.ports import Sender

_LINGER_MS = 5


class KafkaSender(Sender):
    """Sends records; connects when it first has one.

    Args:
        connection: To the broker.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    @override
    async def send(self, topic: str, records: Sequence[Outgoing], /) -> None:
        try:
            async with explained(self._connection, {record.topic or topic for record in records}):
                await self._connection.answered(f"sending to {topic}", self._sent(topic, records))
        except (BrokerUnreachableError, BrokerRefusedError):
            # What it did not send has numbers that the broker waits for.
            if (producer := self._taken()) is not None:
                self._connection.abandon(producer)
            raise

    @override
    async def close(self) -> None:
        if (producer := self._taken()) is not None:
            await self._connection.let_go(producer)

    def _taken(self) -> AIOKafkaProducer | None:
        """Return the client, which is nobody's any more."""
        producer, self._producer = self._producer, None
        return producer

    async def _sent(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Send, and wait until all is kept."""
        await send_each(await self._started(), topic, records)

    async def _started(self) -> AIOKafkaProducer:
        """Return the client, connected; several may ask for it at once."""
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **KEPT_ONCE, linger_ms=_LINGER_MS, **self._connection.arguments
                )
                await self._connection.begin("connecting", producer)
                self._producer = producer
        return self._producer
