"""A record that the client cannot even read is told of by its offset; the others are all there."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c
from typing_extensions import override

from tests.support.carrying.carriers import FaustCarrier, KafkaCarrier, Owning, says
from torghut.carrying.messages import Received
from torghut.carrying.ports import Membership

_CRC: Final = slice(17, 21)
_COVERED: Final = slice(21, None)
_GOOD, _BAD = b"good-name", b"\xff\xfe-names!"


class Garbled(BatchBuilder):  # type: ignore[misc]  # it publishes no types
    """A batch in which the name of a header is no UTF-8."""

    @override
    def _build(self) -> bytes:
        built: bytes = super()._build()
        if _GOOD in built:  # it is built once more where it is sent again
            batch = bytearray(built.replace(_GOOD, _BAD))
            batch[_CRC] = calc_crc32c(bytes(batch[_COVERED])).to_bytes(4, "big")
            self._buffer = built = bytes(batch)
        return built


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
@pytest.mark.parametrize("made", [KafkaCarrier, FaustCarrier])
def test_member_hands_out_every_record_once_around_one_that_cannot_be_read(
    broker: str, made: type[KafkaCarrier]
) -> None:
    carrier = made(broker)

    async def test() -> None:
        topic = await carrier.make("garbled", 2)
        await send(broker, topic)
        beside = carrier.broker().voice(topic, 1)
        await beside.raise_()
        await beside.say(says("a", "b"))
        await beside.settle()
        records: dict[int, list[Received]] = {0: [], 1: []}
        membership = carrier.broker().membership(topic=topic, group=f"g-{topic}")
        await membership.join(Owning(membership, {0: 0, 1: 0}))
        async with asyncio.timeout(40):
            while len(records[0]) < len(EXPECTED) or len(records[1]) < 2:
                await take(membership, records)
            await send(broker, topic)
            while len(records[0]) < 2 * len(EXPECTED):
                await take(membership, records)
            await beside.say(says("c"))
            await beside.settle()
            while len(records[1]) < 3:
                await take(membership, records)
        again = [(offset + len(EXPECTED), value) for offset, value in EXPECTED]
        assert told(records[0]) == [*EXPECTED, *again]
        assert [value for _, value in told(records[1])] == [b"a", b"b", b"c"]
        await beside.fall_silent()
        await membership.leave()

    carrier.run(test())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("made", [KafkaCarrier, FaustCarrier])
def test_member_that_joins_anew_goes_on_behind_a_record_that_cannot_be_read(
    broker: str, made: type[KafkaCarrier]
) -> None:
    carrier = made(broker)

    async def test() -> None:
        topic = await carrier.make("garbled", 1)
        await send(broker, topic)
        records: dict[int, list[Received]] = {0: []}
        async with asyncio.timeout(50):
            while len(records[0]) < len(EXPECTED):
                membership = carrier.broker().membership(topic=topic, group=f"g-{topic}")
                await membership.join(Owning(membership, {0: len(records[0])}))
                begun = len(records[0])
                while len(records[0]) == begun:
                    await take(membership, records)
                await membership.leave()
                del records[0][begun + 3 :]  # as if it died with the rest
        assert told(records[0]) == EXPECTED

    carrier.run(test())


async def take(membership: Membership, records: dict[int, list[Received]]) -> None:
    """Take what comes next."""
    for number, found in (await membership.take(most=100, wait_ms=200)).items():
        records[number] += found


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
