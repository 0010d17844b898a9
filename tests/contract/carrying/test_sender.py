"""What every sender does, whatever the broker."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.topics import murmur2, partition_of
from tests.support.carrying.carriers import Carrier, heard, says, texts
from torghut.carrying.errors import BrokerRefusedError, BrokerUnreachableError
from torghut.carrying.messages import Outgoing


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"abc", 479470107),
    ],
)
def test_hash_is_that_of_the_java_client(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


def test_each_key_goes_to_its_partition_in_the_order_sent(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("contexts", 5)
        broker = carrier.broker()
        sender = broker.sender()
        keys = [f"fxcm:SYM{number}" for number in range(12)]
        for turn in range(3):
            await sender.send(topic, [Outgoing(key.encode(), b"%d" % turn, ()) for key in keys])
        for number in range(5):
            found = [
                ((one.key or b"").decode(), int(one.value or b""))
                for one in await heard(broker, (topic, number))
            ]
            own = [key for key in keys if partition_of(key.encode(), 5) == number]
            assert found == [(key, turn) for turn in range(3) for key in own]
        await sender.close()

    carrier.run(test())


def test_several_may_send_at_once_from_the_first_record_on(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("heartbeats", 1)
        broker = carrier.broker()
        sender = broker.sender()
        await asyncio.gather(*(sender.send(topic, says(str(number))) for number in range(5)))
        assert sorted(texts(await heard(broker, (topic, 0)))) == ["0", "1", "2", "3", "4"]
        await sender.close()

    carrier.run(test())


def test_record_that_names_a_topic_goes_there(carrier: Carrier) -> None:
    async def test() -> None:
        one, two = await carrier.make("one", 1), await carrier.make("two", 1)
        broker = carrier.broker()
        sender = broker.sender()
        await sender.send(one, [*says("a"), *says("b", topic=two)])
        assert texts(await heard(broker, (one, 0))) == ["a"]
        assert texts(await heard(broker, (two, 0))) == ["b"]
        await sender.close()

    carrier.run(test())


def test_record_that_is_too_long_is_refused_and_others_are_sent_after_it(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("contexts", 1)
        broker = carrier.broker()
        sender = broker.sender()
        for _ in range(2):
            with pytest.raises(BrokerRefusedError, match=r"max\.message\.bytes"):
                await sender.send(topic, says("x" * 2_000_000, key="k"))
        await sender.send(topic, says("a"))
        assert texts(await heard(broker, (topic, 0))) == ["a"]
        await sender.close()

    carrier.run(test())


def test_sending_where_nobody_answers_fails_within_the_budget(carrier: Carrier) -> None:
    async def test() -> None:
        sender = carrier.unreachable(500).sender()
        async with asyncio.timeout(4):
            for _ in range(2):
                with pytest.raises(BrokerUnreachableError):
                    await sender.send("t", says("a"))
            await sender.close()

    carrier.run(test())
