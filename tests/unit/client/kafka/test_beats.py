"""Heartbeats of all lanes, read once and handed to whoever listens to one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

import pytest
from aiokafka import TopicPartition

from tests.fakes.partitions import FakeBrokers, FakeCluster
from tests.fakes.virtual_time import run_virtually
from torghut.client.kafka.beats import Beats
from torghut.client.kafka.reading import Reader
from torghut.client.wire.dialing import CutError

T = TypeVar("T")

PLACES: Final = [TopicPartition("beats", one) for one in range(2)]

Scenario = Callable[[FakeBrokers, Beats], Coroutine[object, object, T]]


def played(scenario: Scenario[T]) -> T:
    """Return what a scenario returns."""

    async def bounded() -> T:
        brokers = FakeBrokers()
        brokers.make("beats", len(PLACES))
        beats = Beats(Reader(FakeCluster(brokers=brokers), PLACES))
        try:
            return await scenario(brokers, beats)
        finally:
            await beats.close()

    return run_virtually(bounded())


async def beat(brokers: FakeBrokers, key: bytes | None, line: bytes, place: int = 0) -> None:
    """Publish a heartbeat, and let it be heard."""
    brokers.tell(PLACES[place], line, key=key)
    await asyncio.sleep(1)


def test_each_listener_hears_its_own_lane_wherever_it_stands() -> None:
    async def scenario(brokers: FakeBrokers, beats: Beats) -> tuple[list[str], ...]:
        heard: tuple[list[str], ...] = ([], [], [])
        for lane, of in zip((3, 3, 14), heard, strict=True):
            await beats.listen(lane, of.append)
        await beat(brokers, b"w1.p3", b"three")
        await beat(brokers, b"w.p3.p14", b"fourteen", place=1)
        await beat(brokers, b"w1.p4", b"nobody's")
        return heard

    assert played(scenario) == (["three"], ["three"], ["fourteen"])


@pytest.mark.parametrize("key", [None, b"", b"w1", b"w1.p", b"w1.px", b"w1.p-3"])
def test_heartbeat_of_no_lane_is_passed_over(key: bytes | None) -> None:
    async def scenario(brokers: FakeBrokers, beats: Beats) -> list[str]:
        heard: list[str] = []
        await beats.listen(3, heard.append)
        await beat(brokers, key, b"whose")
        await beat(brokers, b"w1.p3", b"")
        await beat(brokers, b"w1.p3", b"ours")
        return heard

    assert played(scenario) == ["ours"]


def test_heartbeat_from_before_says_nothing_of_now() -> None:
    async def scenario(brokers: FakeBrokers, beats: Beats) -> list[str]:
        heard: list[str] = []
        await beat(brokers, b"w1.p3", b"old")
        await beats.listen(3, heard.append)
        await beat(brokers, b"w1.p3", b"new")
        return heard

    assert played(scenario) == ["new"]


def test_who_left_hears_nothing_and_others_still_do() -> None:
    async def scenario(brokers: FakeBrokers, beats: Beats) -> tuple[list[str], list[str]]:
        one: list[str] = []
        other: list[str] = []
        one_hears, other_hears = one.append, other.append
        await beats.listen(3, one_hears)
        await beats.listen(3, other_hears)
        beats.leave(3, one_hears)
        beats.leave(3, one_hears)
        beats.leave(5, one_hears)
        await beat(brokers, b"w1.p3", b"line")
        return one, other

    assert played(scenario) == ([], ["line"])


def test_all_hear_again_once_another_listens_after_reading_failed() -> None:
    async def scenario(brokers: FakeBrokers, beats: Beats) -> tuple[list[str], list[str]]:
        first: list[str] = []
        second: list[str] = []
        await beats.listen(3, first.append)
        brokers.away = "no broker answers"
        await beat(brokers, b"w1.p3", b"unheard")
        with pytest.raises(CutError, match="no broker answers"):
            await beats.listen(4, second.append)
        brokers.away = ""
        await beats.listen(4, second.append)
        await beat(brokers, b"w1.p3", b"three")
        await beat(brokers, b"w1.p4", b"four")
        return first, second

    assert played(scenario) == (["three"], ["four"])


def test_lanes_that_are_listened_to_at_once_are_read_once() -> None:
    async def scenario(brokers: FakeBrokers, beats: Beats) -> tuple[list[str], int]:
        heard: list[str] = []
        brokers.trip_s = 0.1
        await asyncio.gather(*(beats.listen(lane, heard.append) for lane in range(8)))
        await beat(brokers, b"w1.p3", b"three")
        return heard, len(brokers.consumers)

    assert played(scenario) == (["three"], 1)


def test_nothing_is_read_once_it_is_closed() -> None:
    async def scenario(brokers: FakeBrokers, beats: Beats) -> tuple[list[str], list[bool]]:
        heard: list[str] = []
        await beats.listen(3, heard.append)
        await asyncio.sleep(1)
        await beats.close()
        await beat(brokers, b"w1.p3", b"late")
        return heard, [one.stopped for one in brokers.consumers]

    assert played(scenario) == ([], [True])
