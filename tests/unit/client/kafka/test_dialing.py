"""Connections to the lanes of a service that brokers carry: made, given up, and made again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

import pytest
from aiokafka import TopicPartition

from tests.fakes.lanes import Course
from tests.fakes.live_service import FEED, SYMBOL, decided, decision
from tests.fakes.partitions import FakeBrokers, FakeCluster
from tests.fakes.virtual_time import VirtualSteady, VirtualWall, run_virtually
from tests.support.live.live_clients import first
from torghut.carrying.messages import LOG_POSITION
from torghut.carrying.partitioning import partition_of
from torghut.client import Client, Context
from torghut.client.kafka.dialing import KafkaDialer
from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.wire.dialing import Connection, CutError, Purpose, Use
from torghut.client.wire.messages import Answered, read_line
from torghut.schemas.live.position import Position
from torghut.workflows.carrying.terms import CarriedTopics

T = TypeVar("T")

TOPICS: Final = CarriedTopics()
LANES: Final = 3
ANSWERS: Final = Purpose("answers", None)

Scenario = Callable[["Deployment"], Coroutine[object, object, T]]


class Deployment:
    """A service whose topics are in memory, and what dials it."""

    def __init__(self, limits: Limits) -> None:
        self.brokers = FakeBrokers()
        for topic in (TOPICS.decisions, TOPICS.control_outcomes, TOPICS.heartbeats):
            self.brokers.make(topic, LANES)
        self.dialer = KafkaDialer(
            "kafka://memory:1", FakeCluster(brokers=self.brokers, limits=limits), TOPICS
        )

    def decide(self, lane: int, block: int) -> str:
        """Publish an outcome; return its line."""
        return self._publish(TOPICS.decisions, Position(lane, block, 0), f"outcome {lane}:{block}")

    def record(self, lane: int, block: int, line: str = "") -> str:
        """Publish what became of a control record; return its line."""
        position = Position(lane, block, 0)
        return self._publish(TOPICS.control_outcomes, position, line or f"control {lane}:{block}")

    def beat(self, lane: int, line: str) -> None:
        """Publish a heartbeat; all are in one partition, wherever they are of."""
        at = TopicPartition(TOPICS.heartbeats, 0)
        self.brokers.tell(at, line.encode(), key=f"w0.p{lane}".encode())

    def unpaused(self) -> set[TopicPartition]:
        """Return what is read."""
        return {
            at for one in self.brokers.consumers for at in one.positions if at not in one.paused
        }

    async def serve(self) -> None:
        """Beat in every lane, and decide whatever is asked, for ever."""
        answered = 0
        while True:
            for lane in range(LANES):
                self.beat(lane, Course(lane, now_ns=VirtualWall().now_ns).heartbeat())
            sent = [one for made in self.brokers.producers for one in made.sent]
            for number, (_, key, _, _) in enumerate(sent[answered:], answered):
                symbol = key.decode()
                place = Position(partition_of(key, LANES), number, 0)
                made = decided(str(place), decision(number + 1, symbol=symbol, sequence=number + 1))
                self._publish(TOPICS.decisions, place, made)
            answered = len(sent)
            await asyncio.sleep(0.5)

    def _publish(self, topic: str, position: Position, line: str) -> str:
        at = TopicPartition(topic, position.partition)
        headers = [(LOG_POSITION, str(position).encode())]
        self.brokers.tell(at, line.encode(), headers=headers)
        return line


def played(scenario: Scenario[T], limits: Limits | None = None) -> T:
    """Return what a scenario returns that begins once the lanes are known."""

    async def bounded() -> T:
        async with asyncio.timeout(600):
            deployment = Deployment(limits or Limits())
            await deployment.dialer.lanes()
            try:
                return await scenario(deployment)
            finally:
                await deployment.dialer.close()

    return run_virtually(bounded())


async def heard(connection: Connection, count: int = 1) -> list[str]:
    """Return the next lines of a connection."""
    found: list[str] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            found += (await connection.receive()).split("\n")
    return found


async def silent(connection: Connection) -> bool:
    """Say whether nothing comes over a connection."""
    try:
        await heard(connection)
    except TimeoutError:
        return True
    return False


def pumps() -> int:
    """Return how many tasks hand records on."""
    return sum("_pump" in str(one.get_coro()) for one in asyncio.all_tasks())


@pytest.mark.parametrize("use", ["outcomes", "controls", "answers"])
def test_connection_made_while_another_is_given_up_hears_what_comes(use: Use) -> None:
    async def scenario(there: Deployment) -> tuple[list[str], str]:
        old = await there.dialer.dial(1, Purpose(use, None))
        await asyncio.sleep(1)
        making = asyncio.create_task(there.dialer.dial(1, Purpose(use, None)))
        await asyncio.sleep(0)
        old.drop()
        new = await making
        await asyncio.sleep(1)
        told = there.record(1, 0) if use == "controls" else there.decide(1, 0)
        return await heard(new), told

    found, told = played(scenario)

    assert found == [told]


def test_dial_that_fails_half_way_leaves_nobody_who_takes_answers() -> None:
    async def scenario(there: Deployment) -> tuple[int, list[str], list[str]]:
        lost = TopicPartition(TOPICS.control_outcomes, 1)
        there.brokers.lost.add(lost)
        for _ in range(3):
            with pytest.raises(CutError, match="no leader"):
                await there.dialer.dial(1, ANSWERS)
        await asyncio.sleep(1)
        left = pumps()
        there.brokers.lost.clear()
        told = [there.decide(1, 0)]
        connection = await there.dialer.dial(1, ANSWERS)
        told.append(there.decide(1, 1))
        return left, await heard(connection, 2), told

    left, found, told = played(scenario)

    assert left == 0
    assert found == told


@pytest.mark.parametrize("budget_s", [0.5, 1.5, 2.5, 3.5, 4.5])
def test_dial_that_takes_too_long_leaves_nobody_who_takes_answers(budget_s: float) -> None:
    async def scenario(there: Deployment) -> tuple[int, list[str], str]:
        there.brokers.trip_s = 1.0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(budget_s):
                await there.dialer.dial(1, ANSWERS)
        await asyncio.sleep(1)
        left = pumps()
        there.brokers.trip_s = 0.0
        connection = await there.dialer.dial(1, ANSWERS)
        told = there.decide(1, 0)
        return left, await heard(connection), told

    left, found, told = played(scenario)

    assert left == 0
    assert found == [told]


def test_partition_that_nobody_listens_to_is_not_read() -> None:
    async def scenario(there: Deployment) -> bool:
        connection = await there.dialer.dial(1, Purpose("outcomes", None))
        connection.drop()  # before anything was read
        await asyncio.sleep(1)
        there.decide(1, 0)
        there.brokers.asked.clear()
        await asyncio.sleep(10)
        return all(at.topic == TOPICS.heartbeats for at in there.unpaused())

    assert played(scenario)


def test_answers_that_came_while_there_was_no_connection_are_heard() -> None:
    async def scenario(there: Deployment) -> tuple[list[str], list[str]]:
        there.decide(1, 0)  # before anybody asked
        connection = await there.dialer.dial(1, ANSWERS)
        told = [there.decide(1, 1)]
        found = await heard(connection)
        await connection.leave()
        told += [there.decide(1, 2), there.record(1, 3)]
        found += await heard(await there.dialer.dial(1, ANSWERS), 2)
        return found, told

    found, told = played(scenario)

    assert sorted(found) == sorted(told)


def test_stream_goes_on_behind_the_position_that_is_named() -> None:
    async def scenario(there: Deployment) -> tuple[list[str], list[str]]:
        told = [there.decide(1, block) for block in range(5)]
        connection = await there.dialer.dial(1, Purpose("outcomes", Position(1, 1, 0)))
        found = await heard(connection, 3)
        connection.drop()
        again = await there.dialer.dial(1, Purpose("outcomes", Position(1, 3, 0)))
        told.append(there.decide(1, 5))
        return found + await heard(again, 2), [*told[2:5], *told[4:]]

    found, expected = played(scenario)

    assert found == expected


def test_each_lane_hears_its_own_outcomes_and_heartbeats() -> None:
    async def scenario(there: Deployment) -> dict[int, list[str]]:
        there.beat(0, "from before")
        made = {
            lane: await there.dialer.dial(lane, Purpose("outcomes", None)) for lane in range(LANES)
        }
        for lane in range(LANES):
            there.beat(lane, f"beat {lane}")
            there.decide(lane, 0)
        return {lane: await heard(connection, 2) for lane, connection in made.items()}

    found = played(scenario)

    assert {lane: sorted(lines) for lane, lines in found.items()} == {
        lane: [f"beat {lane}", f"outcome {lane}:0"] for lane in range(LANES)
    }


def test_report_is_answered_by_what_is_published_of_it() -> None:
    recorded = {
        "type": "live.control-recorded.v1",
        "position": "1:0:0",
        "control_id": "c",
        "status": "taken",
        "code": "",
        "record": {},
    }

    async def scenario(there: Deployment) -> list[str]:
        connection = await there.dialer.dial(1, ANSWERS)
        there.record(1, 0, json.dumps(recorded, separators=(",", ":")))
        return await heard(connection)

    (line,) = played(scenario)

    answered = read_line(line)
    assert isinstance(answered, Answered)
    assert (answered.control_id, answered.status, answered.position) == ("c", "taken", "1:0:0")


def test_second_stream_is_refused_until_the_first_is_given_up() -> None:
    controls = Purpose("controls", None)

    async def scenario(there: Deployment) -> tuple[list[str], list[str]]:
        first = await there.dialer.dial(1, controls)
        with pytest.raises(CutError, match="partition 1: read for another stream already"):
            await there.dialer.dial(1, controls)
        told = [there.record(1, 0)]
        found = await heard(first)
        first.drop()
        second = await there.dialer.dial(1, controls)
        told.append(there.record(1, 1))
        return found + await heard(second), told

    found, told = played(scenario)

    assert found == told


def test_broker_that_refuses_to_be_read_ends_the_connection_and_another_hears() -> None:
    async def scenario(there: Deployment) -> tuple[str, list[str], str]:
        connection = await there.dialer.dial(1, Purpose("outcomes", None))
        await asyncio.sleep(1)
        there.brokers.away = "no broker answers"
        there.decide(1, 0)
        with pytest.raises(CutError) as cut:
            await heard(connection)
        connection.drop()
        there.brokers.away = ""
        told = there.decide(1, 1)
        again = await there.dialer.dial(1, Purpose("outcomes", Position(1, 0, 0)))
        return str(cut.value), await heard(again), told

    why, found, told = played(scenario)

    assert why == "no broker answers"
    assert found == [told]


def test_nothing_is_read_or_held_once_it_is_closed() -> None:
    async def scenario(there: Deployment) -> tuple[int, int]:
        connection = await there.dialer.dial(1, ANSWERS)
        await asyncio.sleep(1)
        await there.dialer.close()
        with pytest.raises(CutError, match="given up"):
            await connection.receive()
        await asyncio.sleep(10)
        return pumps(), sum(not one.stopped for one in there.brokers.consumers)

    assert played(scenario) == (0, 0)


def test_lane_is_not_dialled_before_the_lanes_are_known() -> None:
    async def scenario() -> None:
        await Deployment(Limits()).dialer.dial(0, ANSWERS)

    with pytest.raises(CutError, match="not known yet"):
        run_virtually(scenario())


def test_question_asked_as_a_stream_begins_is_answered() -> None:
    async def scenario(there: Deployment) -> tuple[str, str]:
        serving = asyncio.create_task(there.serve())
        machine = Machine(wall_ns=VirtualWall().now_ns, steady_ns=VirtualSteady().now_ns)
        async with Client(there.dialer, machine=machine) as client:
            await client.ready()
            following = asyncio.create_task(first(client.decisions(), 1))
            await asyncio.sleep(0)
            context = Context(feed=FEED, symbol=SYMBOL, sequence=1, bid=1.0, ask=1.1)
            delivery = await client.decide(context)
            (followed,) = await following
        serving.cancel()
        return str(delivery.position), str(followed.position)

    asked, followed = played(scenario)

    assert asked == followed == str(Position(partition_of(SYMBOL.encode(), LANES), 0, 0))
