"""How Faust reads topics, but for three things that there is no setting for.

Faust 0.15.3 reads committed records only where it is told ``exactly_once``, which loses records. So
its consumer is told between being made and being started: reading what was taken back would decide
contexts that nobody sent. And it waits for ever until an offset is committed, so that with the
broker away no process of its ends; here an offset that is not committed soon is none. At a record
that aiokafka cannot read it ends, and does so again wherever it is started; here it goes on behind
everything, and what it passes by is read again, as ever, for the owner of the partition.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import ClassVar, Final

import aiokafka
from aiokafka.errors import KafkaError
from faust.transport.consumer import RecordMap
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP
from faust.types.transports import ConsumerT
from typing_extensions import override

from torghut.adapters.kafka.receiving import CANNOT_READ

_LOG: Final = logging.getLogger(__name__)
_COMMIT_S: Final = 2.0


class _CommittedThread(AIOKafkaConsumerThread):
    """The thread that fetches records."""

    @override
    def _create_worker_consumer(self, transport: Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - see above
        return consumer

    @override
    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            async with asyncio.timeout(_COMMIT_S):
                return await super()._commit(offsets)
        except TimeoutError:
            return False

    @override
    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> RecordMap:
        try:
            return await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        except CANNOT_READ as error:
            _LOG.warning("Faust passes by what it cannot read, to be read again: %s", error)
            _pass_by(consumer, active_partitions)
            return {}

    @override
    async def on_thread_stop(self) -> None:
        with suppress(KafkaError, asyncio.CancelledError):  # it ends either way
            await super().on_thread_stop()


def _pass_by(consumer: aiokafka.AIOKafkaConsumer, places: AbstractSet[TP]) -> None:
    """Go on behind everything; of which partition a record could not be read nobody says."""
    for place in places & consumer.assignment():
        end = consumer.highwater(place)
        if end is not None:
            consumer.seek(place, end)


class _CommittedConsumer(Consumer):
    """A consumer that fetches in such a thread."""

    @override
    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


class CommittedTransport(Transport):
    """Brings Faust committed records only."""

    Consumer: ClassVar[type[ConsumerT]] = _CommittedConsumer
