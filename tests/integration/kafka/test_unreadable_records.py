"""A record that the client cannot even read is told of by its offset; the others are all there."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c
from typing_extensions import override

from tests.carriers import KafkaCarrier, Owning
from torghut.carrying.messages import Received

_CRC: Final = slice(17, 21)
_COVERED: Final = slice(21, None)
_GOOD, _BAD = b"good-name", b"\xff\xfe-names!"


class Garbled(BatchBuilder):  # type: ignore[misc]  # it publishes no types
    """A batch in which the name of a header is no UTF-8."""

    @override
    def _build(self) -> bytes:
        batch = bytearray(super()._build())
        place = batch.index(_GOOD)
        batch[place : place + len(_GOOD)] = _BAD
        batch[_CRC] = calc_crc32c(bytes(batch[_COVERED])).to_bytes(4, "big")
        self._buffer = bytes(batch)
        return self._buffer


async def send(bootstrap: str, topic: str) -> None:
    """Send five records in one batch; the fourth cannot be read."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        batch = Garbled(65_536, 0)
        for number in range(5):
            headers = [(_GOOD.decode(), b"x")] if number == 3 else []
            batch.append(timestamp=None, key=b"k", value=b"%d" % number, headers=headers)
        await (await producer.send_batch(batch, topic, partition=0))
        await producer.send_and_wait(topic, b"5", partition=0)
    finally:
        await producer.stop()


def told(records: list[Received]) -> list[tuple[int, bytes | None]]:
    """Return what is known of records."""
    return [(one.offset, one.value) for one in records]


EXPECTED: Final = [(0, b"0"), (1, b"1"), (2, b"2"), (3, b""), (4, b""), (5, b"5")]
"""What its sender put into the same batch behind it cannot be read either, and is told of too."""


@pytest.mark.timeout(60)
def test_member_hands_out_every_record_once_around_one_that_cannot_be_read(broker: str) -> None:
    carrier = KafkaCarrier(broker)

    async def test() -> None:
        topic = await carrier.make("garbled", 1)
        await send(broker, topic)
        records: list[Received] = []
        membership = carrier.broker().membership(topic=topic, group=f"g-{topic}")
        await membership.join(Owning(membership, {0: 0}))
        async with asyncio.timeout(30):
            while len(records) < len(EXPECTED):
                found = await membership.take(most=100, wait_ms=200)
                records += found.get(0, [])
        assert told(records) == EXPECTED
        await membership.leave()

    carrier.run(test())


@pytest.mark.timeout(60)
def test_reader_reads_every_record_once_around_one_that_cannot_be_read(broker: str) -> None:
    carrier = KafkaCarrier(broker)

    async def test() -> None:
        topic = await carrier.make("garbled", 1)
        await send(broker, topic)
        records: list[Received] = []
        reader = carrier.broker().reader()
        then = 0
        async with asyncio.timeout(30):
            while len(records) < len(EXPECTED):
                read = (await reader.read({(topic, 0): then}, wait_ms=200))[(topic, 0)]
                records += read.records
                then = read.then
        assert told(records) == EXPECTED
        await reader.close()

    carrier.run(test())
