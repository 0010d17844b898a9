"""What a member hands out while partitions are placed anew, held and lost."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, UnknownMemberIdError

from tests.fakes.kafka_client import FakeConsumer, connection
from tests.fakes.virtual_time import run_virtually
from tests.support.carrying.carriers import Nobody
from torghut.adapters.kafka import membership as module
from torghut.adapters.kafka.membership import GroupMembership
from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import Received

FIRST, SECOND = TopicPartition("t", 0), TopicPartition("t", 1)
ENDS: Final = {FIRST: 200, SECOND: 100}
UNREADABLE: Final = {FIRST: 150}
"""So both are read one by one: of the first a record comes at once, of the second none at all."""

SOON_S: Final = 0.05
"""When the first of them was taken, and the second is still waited for."""

Test = Callable[[GroupMembership, FakeConsumer], Awaitable[None]]


def with_member(monkeypatch: pytest.MonkeyPatch, test: Test) -> None:
    """Run a test with a member that has both partitions, placed at 100."""

    async def main() -> None:
        consumer = FakeConsumer(ENDS, UNREADABLE)
        monkeypatch.setattr(module, "AIOKafkaConsumer", lambda **_: consumer)
        member = GroupMembership(connection(), topic="t", group="g", session_ms=6000)
        await member.join(Nobody())
        await assigned(consumer)
        for partition in (0, 1):
            member.place(partition, 100)
            member.go_on(partition)
        await test(member, consumer)

    run_virtually(main())


async def assigned(consumer: FakeConsumer) -> None:
    """Let the group give it both partitions."""
    assert consumer.listener is not None
    consumer.positions = dict.fromkeys((FIRST, SECOND), 0)
    await consumer.listener.on_partitions_assigned([FIRST, SECOND])


def offsets(found: Mapping[int, Sequence[Received]]) -> dict[int, list[int]]:
    """Return where what was handed out stands."""
    return {number: [one.offset for one in records] for number, records in found.items()}


async def take(member: GroupMembership) -> dict[int, list[int]]:
    """Return the offsets of what is handed out."""
    return offsets(await member.take(most=500, wait_ms=100))


def test_what_was_taken_before_a_partition_was_placed_anew_is_not_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: GroupMembership, consumer: FakeConsumer) -> None:
        taking = asyncio.ensure_future(take(member))
        await asyncio.sleep(SOON_S)
        assert consumer.positions[FIRST] == 101  # taken, and not handed out
        member.place(0, 50)
        assert await taking == {}
        assert await take(member) == {0: [50]}
        assert await take(member) == {0: [51]}

    with_member(monkeypatch, test)


def test_what_was_taken_before_a_partition_was_held_is_handed_out_once_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: GroupMembership, consumer: FakeConsumer) -> None:
        taking = asyncio.ensure_future(take(member))
        await asyncio.sleep(SOON_S)
        assert consumer.positions[FIRST] == 101
        member.hold(0)
        assert await taking == {}
        member.go_on(0)
        assert await take(member) == {0: [100]}

    with_member(monkeypatch, test)


def test_what_is_held_is_not_asked_for_and_what_was_fetched_of_it_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: GroupMembership, consumer: FakeConsumer) -> None:
        consumer.unreadable, consumer.ends = {}, {FIRST: 200, SECOND: 103}
        member.hold(0)
        assert await take(member) == {1: [100, 101, 102]}
        member.hold(1)
        begun_s = asyncio.get_running_loop().time()
        assert await take(member) == {}
        assert asyncio.get_running_loop().time() - begun_s == pytest.approx(0.1)
        assert consumer.held == set(), "a client that pauses throws away what it fetched"
        member.go_on(0)
        assert await take(member) == {0: [*range(100, 200)]}

    with_member(monkeypatch, test)


def test_what_was_taken_before_the_group_shared_anew_is_not_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: GroupMembership, consumer: FakeConsumer) -> None:
        taking = asyncio.ensure_future(take(member))
        await asyncio.sleep(SOON_S)
        assert consumer.positions[FIRST] == 101
        await assigned(consumer)
        assert await taking == {}
        member.place(0, 120)
        member.go_on(0)
        assert await take(member) == {0: [120]}

    with_member(monkeypatch, test)


def test_what_was_taken_before_another_partition_failed_is_handed_out_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: GroupMembership, consumer: FakeConsumer) -> None:
        consumer.unreadable = {FIRST: 150, SECOND: 100}
        consumer.ends = {FIRST: 200, SECOND: 101}
        consumer.failing = [IllegalStateError("not assigned")]
        with pytest.raises(BrokerUnreachableError):
            await take(member)
        assert await take(member) == {0: [100], 1: [100]}

    with_member(monkeypatch, test)


def test_partition_without_records_holds_up_no_other_that_is_read_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: GroupMembership, _: FakeConsumer) -> None:
        running = asyncio.get_running_loop()
        begun_s = running.time()
        for offset in range(100, 150):
            assert await take(member) == {0: [offset]}
        assert running.time() - begun_s < 10

    with_member(monkeypatch, test)


def test_partition_that_the_group_just_took_back_is_not_asked_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: GroupMembership, consumer: FakeConsumer) -> None:
        assert await member.behind() == {0: 100, 1: 0}
        del consumer.positions[FIRST]  # and the member was not told yet
        assert await member.behind() == {1: 0}

    with_member(monkeypatch, test)


@pytest.mark.usefixtures("little_to_search")
def test_broker_that_is_slow_to_take_down_positions_holds_nobody_up_and_leaves_no_fault_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: GroupMembership, consumer: FakeConsumer) -> None:
        forgotten: list[str] = []
        running = asyncio.get_running_loop()
        running.set_exception_handler(lambda _, said: forgotten.append(said["message"]))
        consumer.commit_s, consumer.commit_fault = 5.0, UnknownMemberIdError("gone")
        begun_s = running.time()
        await member.hint({0: 7})
        assert running.time() == begun_s
        await asyncio.sleep(1.0)
        await member.hint({0: 8})  # the broker has not answered the first
        await asyncio.sleep(1.0)
        assert consumer.committed == [{FIRST: 7}]
        await asyncio.sleep(10.0)
        gc.collect()
        assert forgotten == []
        await member.hint({0: 9})
        await asyncio.sleep(1.0)
        assert consumer.committed == [{FIRST: 7}, {FIRST: 9}]

    with_member(monkeypatch, test)
