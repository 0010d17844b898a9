"""What every reader of whole topics does, whatever the broker."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.carrying.carriers import Carrier, heard, says, texts
from torghut.carrying.errors import BrokerUnreachableError, TopicMissingError


def test_everything_from_the_places_asked_for_is_read_once_and_in_order(carrier: Carrier) -> None:
    async def test() -> None:
        one, two = await carrier.make("one", 1), await carrier.make("two", 1)
        broker = carrier.broker()
        sender, reader = broker.sender(), broker.reader()
        await sender.send(one, says("a", "b", "c"))
        await sender.send(two, says("d"))
        at, found = {(one, 0): 1, (two, 0): 0}, dict[tuple[str, int], list[str]]()
        for _ in range(20):
            for place, read in (await reader.read(at, wait_ms=100)).items():
                found.setdefault(place, []).extend(texts(read.records))
                at[place] = read.then
        assert found == {(one, 0): ["b", "c"], (two, 0): ["d"]}
        assert at == {(one, 0): 3, (two, 0): 1}
        again = await reader.read({(two, 0): 0}, wait_ms=2000)
        assert texts(again[two, 0].records) == ["d"]
        await sender.close()
        await reader.close()

    carrier.run(test())


def test_reading_ends_behind_the_marks_that_stand_last(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        voice, reader = broker.voice(topic, 0), broker.reader()
        await voice.raise_()
        for text in ("a", "b"):
            await voice.say(says(text))
            await voice.settle()
        await voice.fall_silent()
        assert await reader.ends([(topic, 0)]) == {(topic, 0): 4}
        at = 0
        for _ in range(20):
            at = (await reader.read({(topic, 0): at}, wait_ms=100))[topic, 0].then
        assert at == 4
        await reader.close()

    carrier.run(test())


def test_where_the_first_records_are_gone_reading_begins_with_the_first_there_is(
    carrier: Carrier,
) -> None:
    async def test() -> None:
        topic = await carrier.make("commands", 1)
        broker = carrier.broker()
        sender = broker.sender()
        await sender.send(topic, says("a", "b", "c", key="k"))
        await carrier.cut((topic, 0), 2)
        assert texts(await heard(broker, (topic, 0))) == ["c"]
        await sender.close()

    carrier.run(test())


def test_partitions_are_counted_and_a_topic_that_is_missing_is_said_to_be(
    carrier: Carrier,
) -> None:
    async def test() -> None:
        topic = await carrier.make("contexts", 3)
        reader = carrier.broker().reader()
        assert await reader.partitions(topic) == 3
        with pytest.raises(TopicMissingError, match="no-such"):
            await reader.partitions("no-such")
        await reader.close()

    carrier.run(test())


def test_reading_what_nobody_reaches_fails_within_the_budget(carrier: Carrier) -> None:
    async def test() -> None:
        reader = carrier.unreachable(500).reader()
        async with asyncio.timeout(4):
            for asking in (
                lambda: reader.ends([("t", 0)]),
                lambda: reader.partitions("t"),
                lambda: reader.read({("t", 0): 0}, wait_ms=100),
            ):
                with pytest.raises(BrokerUnreachableError):
                    await asking()
            await reader.close()

    carrier.run(test())
