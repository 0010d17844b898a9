"""What every voice on a partition does, whatever the broker."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.carrying.carriers import Carrier, heard, says, texts
from torghut.carrying.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    VoiceSilencedError,
)


def test_last_record_is_found_behind_marks_and_records_of_others(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 2)
        broker = carrier.broker()
        voice, other = broker.voice(topic, 1), broker.voice(topic, 0)
        assert await voice.raise_() is None
        await other.raise_()
        await voice.say(says("a", "b"))
        await voice.say(says("c"))
        await other.say(says("z"))
        for _ in range(2):
            last = await voice.raise_()
            assert last is not None
            assert (last.value, last.key) == (b"c", b"c")
            assert dict(last.headers) == {"n": b"c"}
        await voice.fall_silent()
        await other.fall_silent()

    carrier.run(test())


def test_last_record_is_found_far_before_the_end(carrier: Carrier) -> None:
    async def test() -> None:
        topic, aside = await carrier.make("decisions", 1), await carrier.make("quarantine", 1)
        voice = carrier.broker().voice(topic, 0)
        await voice.raise_()
        await voice.say(says(*map(str, range(300))))
        for number in range(3):
            await voice.say(says(f"x{number}", topic=aside))
        last = await voice.raise_()
        assert last is not None
        assert last.value == b"299"
        await voice.fall_silent()

    carrier.run(test())


def test_what_is_said_is_heard_whole_in_order_and_once(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 2)
        broker = carrier.broker()
        voice = broker.voice(topic, 1)
        await voice.raise_()
        said = [str(number) for number in range(2500)]
        for start in range(0, len(said), 1000):
            await voice.say(says(*said[start : start + 1000], key="any"))
        await voice.settle()
        assert texts(await heard(broker, (topic, 1))) == said
        await voice.settle()
        assert texts(await heard(broker, (topic, 0))) == []
        await voice.fall_silent()

    carrier.run(test())


def test_record_longer_than_a_batch_is_heard_as_well(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        voice = broker.voice(topic, 0)
        await voice.raise_()
        long = "x" * 400_000
        await voice.say(says("a", long, "b", key="k"))
        await voice.settle()
        assert texts(await heard(broker, (topic, 0))) == ["a", long, "b"]
        await voice.fall_silent()

    carrier.run(test())


def test_what_goes_elsewhere_is_heard_there_also_if_it_is_all_there_is(carrier: Carrier) -> None:
    async def test() -> None:
        topic, aside = await carrier.make("decisions", 1), await carrier.make("quarantine", 1)
        broker = carrier.broker()
        voice = broker.voice(topic, 0)
        await voice.raise_()
        await voice.say([*says("a"), *says("x", topic=aside), *says("b")])
        await voice.say(says("y", topic=aside))
        await voice.settle()
        assert texts(await heard(broker, (topic, 0))) == ["a", "b"]
        await voice.settle()
        assert texts(await heard(broker, (aside, 0))) == ["x", "y"]
        await voice.fall_silent()

    carrier.run(test())


def test_what_goes_elsewhere_keeps_to_its_partition_and_its_last_record_is_found_there(
    carrier: Carrier,
) -> None:
    async def test() -> None:
        topic, aside = await carrier.make("decisions", 2), await carrier.make("quarantine", 2)
        broker = carrier.broker()
        first, second = broker.voice(topic, 0), broker.voice(topic, 1)
        await first.raise_()
        await second.raise_()
        assert await second.last_beside(aside) is None
        await second.say([*says("x", "y", topic=aside), *says("b")])
        await second.settle()
        await second.say(says("z", topic=aside))
        await first.say(says("w", topic=aside))  # and is not final: nothing of the second waits
        await second.raise_()
        last = await second.last_beside(aside)
        assert last is not None
        assert (last.value, dict(last.headers)) == (b"z", {"n": b"z"})
        assert texts(await heard(broker, (aside, 1))) == ["x", "y", "z"]
        await first.fall_silent()
        await second.fall_silent()
        assert texts(await heard(broker, (aside, 0))) == ["w"]

    carrier.run(test())


def test_voice_raised_later_silences_the_earlier_one(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        first, second = broker.voice(topic, 0), carrier.broker().voice(topic, 0)
        await first.raise_()
        await first.say(says("a"))
        await first.settle()
        last = await second.raise_()
        assert last is not None
        assert last.value == b"a"
        with pytest.raises(VoiceSilencedError):
            await first.say(says("too late"))
        with pytest.raises(VoiceSilencedError):
            await first.say(says("still too late"))
        await second.say(says("b"))
        await second.settle()
        assert texts(await heard(broker, (topic, 0))) == ["a", "b"]
        await first.raise_()
        with pytest.raises(VoiceSilencedError):
            await second.say(says("now it is too late here"))
        await first.say(says("c"))
        await first.settle()
        assert texts(await heard(broker, (topic, 0))) == ["a", "b", "c"]
        await first.fall_silent()
        await second.fall_silent()

    carrier.run(test())


def test_what_was_not_settled_is_never_final_once_another_voice_is_raised(
    carrier: Carrier,
) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        first, second = broker.voice(topic, 0), carrier.broker().voice(topic, 0)
        await first.raise_()
        await first.say(says("a"))
        await first.settle()
        await first.say(says("b"))
        last = await second.raise_()
        assert last is not None
        assert last.value == b"a"
        with pytest.raises(VoiceSilencedError):
            await first.settle()
        await first.fall_silent()
        await second.say(says("b", "c"))
        await second.settle()
        assert texts(await heard(broker, (topic, 0))) == ["a", "b", "c"]
        await second.fall_silent()

    carrier.run(test())


def test_what_is_said_while_something_settles_is_final_after_it(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        voice = broker.voice(topic, 0)
        await voice.raise_()
        await voice.settle()  # of nothing
        for number in range(30):
            await voice.say(says(f"{number}a"))
            _, _ = await asyncio.gather(voice.settle(), voice.say(says(f"{number}b")))
        await voice.settle()
        said = [f"{number}{half}" for number in range(30) for half in "ab"]
        assert texts(await heard(broker, (topic, 0))) == said
        await voice.fall_silent()

    carrier.run(test())


def test_voice_that_falls_silent_leaves_what_it_said_final(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        voice = broker.voice(topic, 0)
        await voice.raise_()
        await voice.say(says("a"))
        await voice.fall_silent()
        assert texts(await heard(broker, (topic, 0))) == ["a"]

    carrier.run(test())


def test_whoever_gives_up_settling_leaves_it_to_go_on(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        voice = broker.voice(topic, 0)
        await voice.raise_()
        await voice.say(says("a"))
        settling = asyncio.ensure_future(voice.settle())
        await asyncio.sleep(0)
        settling.cancel()
        await voice.say(says("b"))
        await voice.fall_silent()
        assert texts(await heard(broker, (topic, 0))) == ["a", "b"]

    carrier.run(test())


def test_voice_that_was_not_raised_says_nothing(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        voice = broker.voice(topic, 0)
        with pytest.raises(VoiceSilencedError):
            await voice.say(says("a"))
        await voice.raise_()
        await voice.fall_silent()
        with pytest.raises(VoiceSilencedError):
            await voice.say(says("a"))
        await voice.settle()
        assert texts(await heard(broker, (topic, 0))) == []

    carrier.run(test())


def test_record_that_is_too_long_is_refused_and_nothing_beside_it_is_heard(
    carrier: Carrier,
) -> None:
    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        broker = carrier.broker()
        voice = broker.voice(topic, 0)
        await voice.raise_()
        await voice.say(says("before"))
        with pytest.raises(BrokerRefusedError, match=r"max\.message\.bytes"):
            await voice.say(says("a", "x" * 2_000_000, "b", key="k"))
        with pytest.raises(VoiceSilencedError):
            await voice.say(says("c"))
        assert await voice.raise_() is None
        await voice.say(says("d"))
        await voice.settle()
        assert texts(await heard(broker, (topic, 0))) == ["d"]
        await voice.fall_silent()

    carrier.run(test())


def test_voice_that_reaches_nobody_says_so_within_the_budget(carrier: Carrier) -> None:
    async def test() -> None:
        voice = carrier.unreachable(500).voice("decisions", 0)
        async with asyncio.timeout(4):
            for _ in range(2):
                with pytest.raises(BrokerUnreachableError):
                    await voice.raise_()
            await voice.fall_silent()

    carrier.run(test())
