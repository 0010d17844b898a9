"""What is in many partitions is asked at once, and found within the budget of one attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import pytest
from aiokafka import TopicPartition

from tests.fakes.partitions import FakeBrokers, FakeCluster
from tests.fakes.virtual_time import run_virtually
from torghut.carrying.messages import LOG_POSITION
from torghut.client.kafka.dialing import KafkaDialer
from torghut.client.kafka.finding import Finder, before
from torghut.client.limits import Limits
from torghut.client.wire.dialing import CutError, Lane, Purpose
from torghut.schemas.live.position import Position, start_of
from torghut.workflows.carrying.terms import CarriedTopics

TOPICS: Final = CarriedTopics()
BUDGET_S: Final = Limits().connect_ms / 1_000
FAR_S: Final = 0.05
"""An answer of brokers that are a continent away."""


def brokers_of(count: int, *, blocks: int = 20, gone: int = 0, trip_s: float = 0.0) -> FakeBrokers:
    """Return brokers with so many partitions: so much was said in each, and some removed."""
    brokers = FakeBrokers(trip_s=trip_s)
    for topic in (TOPICS.decisions, TOPICS.control_outcomes, TOPICS.heartbeats):
        brokers.make(topic, count)
    for at in places_of(count):
        for block in range(blocks):
            tell(brokers, at, block)
        brokers.partitions[at].cut(gone)
    return brokers


def places_of(count: int) -> Sequence[TopicPartition]:
    """Return so many partitions of decisions."""
    return [TopicPartition(TOPICS.decisions, number) for number in range(count)]


def tell(brokers: FakeBrokers, at: TopicPartition, block: int) -> None:
    """Publish a block with one outcome in one transaction."""
    position = Position(at.partition, block, 0)
    brokers.tell(at, b"x", headers=[(LOG_POSITION, str(position).encode())])
    brokers.mark(at)


def dialer_of(brokers: FakeBrokers) -> KafkaDialer:
    """Return what dials a service."""
    return KafkaDialer("kafka://memory:1", FakeCluster(brokers=brokers), TOPICS)


def test_lanes_of_many_partitions_are_found_in_one_attempt() -> None:
    brokers = brokers_of(96, gone=4, trip_s=FAR_S)

    async def scenario() -> Sequence[Lane]:
        async with asyncio.timeout(BUDGET_S):
            return await dialer_of(brokers).lanes()

    found = run_virtually(scenario())

    assert found == [
        Lane(number=number, first=before(Position(number, 2, 0)), end=Position(number, 19, 0))
        for number in range(96)
    ]
    assert (brokers.asked.count("begin"), brokers.asked.count("end")) == (1, 1)


@pytest.mark.parametrize("after", [None, "end"])
def test_all_lanes_are_dialled_in_one_attempt_each(after: str | None) -> None:
    brokers = brokers_of(96, trip_s=FAR_S)

    async def scenario() -> None:
        dialer = dialer_of(brokers)
        lanes = await dialer.lanes()

        async def dial(lane: Lane) -> None:
            purpose = Purpose("outcomes", lane.end) if after else Purpose("answers", None)
            async with asyncio.timeout(BUDGET_S):
                await dialer.dial(lane.number, purpose)

        await asyncio.gather(*map(dial, lanes))
        await dialer.close()

    run_virtually(scenario())


@pytest.mark.parametrize(
    ("blocks", "gone", "lane"),
    [
        (0, 0, Lane(number=0, first=start_of(0), end=start_of(0))),
        (3, 0, Lane(number=0, first=start_of(0), end=Position(0, 2, 0))),
        (3, 2, Lane(number=0, first=before(Position(0, 1, 0)), end=Position(0, 2, 0))),
        (3, 5, Lane(number=0, first=start_of(0), end=start_of(0))),
        (3, 6, Lane(number=0)),
    ],
)
def test_lane_is_what_is_kept_of_its_partition(blocks: int, gone: int, lane: Lane) -> None:
    finder = Finder(FakeCluster(brokers=brokers_of(1, blocks=blocks, gone=gone)))

    assert run_virtually(finder.lanes(places_of(1))) == [lane]


def test_last_outcome_is_found_before_much_that_was_given_up() -> None:
    brokers = brokers_of(2)
    (at, other) = places_of(2)
    for _ in range(300):
        brokers.mark(at)

    found = run_virtually(Finder(FakeCluster(brokers=brokers)).lanes([at, other]))

    assert [one.end for one in found] == [Position(0, 19, 0), Position(1, 19, 0)]


def test_attempt_goes_on_where_one_that_took_too_long_ended() -> None:
    brokers = brokers_of(48, trip_s=1.0)
    finder = Finder(FakeCluster(brokers=brokers))

    async def scenario() -> tuple[int, Sequence[Lane]]:
        for attempt in range(1, 10):
            try:
                async with asyncio.timeout(4.5):  # two offsets, and not all that is to be fetched
                    return attempt, await finder.lanes(places_of(48))
            except TimeoutError:
                continue
        raise AssertionError

    attempts, found = run_virtually(scenario())

    assert attempts == 2
    assert [one.end for one in found] == [Position(number, 19, 0) for number in range(48)]


def test_what_was_said_between_two_attempts_is_where_now_is() -> None:
    brokers = brokers_of(2)
    one, other = places_of(2)
    finder = Finder(FakeCluster(brokers=brokers))

    async def scenario() -> Sequence[Lane]:
        await finder.lanes([one, other])
        tell(brokers, one, 20)
        return await finder.lanes([one, other])

    found = run_virtually(scenario())

    assert [lane.end for lane in found] == [Position(0, 20, 0), Position(1, 19, 0)]
    assert brokers.asked.count("fetch") <= 4


def test_position_is_found_among_many_and_said_where_it_is_no_longer_kept() -> None:
    brokers = brokers_of(1, blocks=1_000, gone=200)
    (at,) = places_of(1)
    finder = Finder(FakeCluster(brokers=brokers))

    async def scenario() -> None:
        for block in range(100, 1_000, 7):
            found = await finder.offset(at, Position(0, block, 0))
            assert found in (2 * block + 1, 2 * block + 2)
        with pytest.raises(CutError, match=r"no longer kept: .* begins with 0:100:0"):
            await finder.offset(at, Position(0, 98, 0))
        assert await finder.offset(at, start_of(0)) == 200
        assert await finder.offset(at, None) == 2_000

    run_virtually(scenario())
