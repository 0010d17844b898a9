"""Records go out in order, in few batches, and no failure of one is left unheard."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ProducerFenced

from torghut.adapters.kafka.producing import send_each, send_packed
from torghut.carrying.messages import Outgoing

AT: Final = TopicPartition("decisions", 3)
KEY: Final = b"k"
ROOM: Final = 2


@dataclass(slots=True)
class Batch:
    """A batch with room for a few records."""

    values: list[bytes] = field(default_factory=list)

    def append(
        self, *, timestamp: None, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> object | None:
        """Take a record in, if there is room."""
        assert (timestamp, key, headers) == (None, KEY, [])
        if len(self.values) == ROOM:
            return None
        self.values.append(value)
        return object()


@dataclass(slots=True)
class FakeProducer:
    """Keeps what it is handed; at some batch it learns that it is fenced, as do those before it.

    Attributes:
        fenced_at: Number of that batch, from 1; 0: none.
        handed: Topic, partition and values, in order.
    """

    fenced_at: int = 0
    handed: list[tuple[str, int | None, list[bytes]]] = field(default_factory=list)
    _waiting: list[asyncio.Future[object]] = field(default_factory=list)

    def create_batch(self) -> Batch:
        """Return an empty batch."""
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> object:
        """Take a batch."""
        return self._took(topic, partition, batch.values)

    async def send(
        self, topic: str, value: bytes, *, key: bytes, partition: int | None, headers: object
    ) -> object:
        """Take a record."""
        assert (key, headers) == (KEY, [])
        return self._took(topic, partition, [value])

    def _took(self, topic: str, partition: int | None, values: list[bytes]) -> object:
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.handed.append((topic, partition, values))
        if len(self.handed) == self.fenced_at:
            fenced = ProducerFenced()
            for waiting in self._waiting:
                waiting.set_exception(fenced)
            raise fenced
        if self.fenced_at:
            self._waiting.append(future)
        else:
            future.set_result(None)
        return future


def records(*values: bytes, topic: str = "") -> list[Outgoing]:
    """Return records of some values."""
    return [Outgoing(key=KEY, value=value, headers=(), topic=topic) for value in values]


def test_records_go_out_in_order_in_as_few_batches_as_they_fit_in() -> None:
    producer = FakeProducer()

    asyncio.run(send_packed(producer, AT, records(b"1", b"2", b"3")))

    assert producer.handed == [("decisions", 3, [b"1", b"2"]), ("decisions", 3, [b"3"])]


def test_record_with_a_topic_of_its_own_goes_there_on_the_same_partition() -> None:
    producer = FakeProducer()

    asyncio.run(send_packed(producer, AT, records(b"bad", topic="quarantine") + records(b"1")))

    assert producer.handed == [("quarantine", 3, [b"bad"]), ("decisions", 3, [b"1"])]


def test_records_that_are_sent_one_by_one_go_where_they_name_or_else_are_told() -> None:
    producer = FakeProducer()

    asyncio.run(send_each(producer, "news", records(b"1") + records(b"bad", topic="quarantine")))

    assert producer.handed == [("news", None, [b"1"]), ("quarantine", None, [b"bad"])]


@pytest.mark.usefixtures("little_to_search")
@pytest.mark.parametrize("fenced_at", [1, 2, 3])
@pytest.mark.parametrize(
    "sending",
    [
        lambda producer, sent: send_packed(producer, AT, sent),
        lambda producer, sent: send_each(producer, AT.topic, sent),
    ],
    ids=["packed", "each"],
)
def test_fenced_producer_is_an_error_and_leaves_nothing_unheard(
    sending: Callable[[FakeProducer, Sequence[Outgoing]], Awaitable[None]], fenced_at: int
) -> None:
    unheard: list[object] = []

    async def fail() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, said: unheard.append(said))
        with pytest.raises(ProducerFenced):
            await sending(FakeProducer(fenced_at=fenced_at), records(b"1", b"2", b"3", b"4", b"5"))
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(fail())
    gc.collect()

    assert unheard == []
