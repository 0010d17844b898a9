"""What every member of a group does, whatever the broker."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.carrying.brokers import MARKS
from tests.support.carrying.carriers import (
    Carrier,
    FaustCarrier,
    InMemoryCarrier,
    KafkaCarrier,
    Owning,
    says,
)
from torghut.carrying.errors import BrokerUnreachableError, OffsetsGoneError
from torghut.carrying.ports import Broker


@pytest.fixture(
    params=[
        pytest.param(None, id="memory"),
        pytest.param(KafkaCarrier, id="kafka", marks=MARKS),
        pytest.param(FaustCarrier, id="faust", marks=MARKS),
    ]
)
def carrier(request: pytest.FixtureRequest) -> Carrier:
    """Return a broker with no topic of ours, whose groups are shared in every way there is."""
    make: type[KafkaCarrier] | None = request.param
    return InMemoryCarrier() if make is None else make(request.getfixturevalue("broker"))


async def filled(carrier: Carrier, partitions: int, count: int) -> str:
    """Return a topic that holds ``count`` records in each partition."""
    topic = await carrier.make("contexts", partitions)
    broker = carrier.broker()
    for number in range(partitions):
        voice = broker.voice(topic, number)
        await voice.raise_()
        await voice.say(says(*(f"{number}-{one}" for one in range(count))))
        await voice.settle()
        await voice.fall_silent()
    return topic


def owning(broker: Broker, topic: str, begin: dict[int, int], group: str = "g") -> Owning:
    """Return an owner whose member has not joined."""
    return Owning(broker.membership(topic=topic, group=f"{group}-{topic}"), begin)


def test_partition_is_not_read_before_it_is_placed(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 2, 3)
        owner = owning(carrier.broker(), topic, {1: 1})
        await owner.membership.join(owner)
        await owner.until(lambda: owner.taken.get(1) == [1, 2])
        await owner.take()
        assert owner.taken == {1: [1, 2]}
        owner.membership.place(0, 0)
        owner.membership.go_on(0)
        await owner.until(lambda: owner.taken.get(0) == [0, 1, 2])
        await owner.membership.leave()

    carrier.run(test())


def test_what_is_held_is_handed_out_once_it_is_let_go_on(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 1, 5)
        owner = owning(carrier.broker(), topic, {0: 0})
        await owner.membership.join(owner)
        for _ in range(50):
            await owner.take(most=2)
            if owner.taken:
                break
        owner.membership.hold(0)
        await owner.take()
        assert owner.taken[0] == [0, 1]
        owner.membership.go_on(0)
        await owner.until(lambda: owner.taken[0] == [0, 1, 2, 3, 4])
        await owner.membership.leave()

    carrier.run(test())


def test_others_are_handed_out_while_one_is_held_and_none_of_it_is_passed_over(
    carrier: Carrier,
) -> None:
    async def test() -> None:
        topic = await filled(carrier, 2, 6)
        owner = owning(carrier.broker(), topic, {0: 0, 1: 0})
        await owner.membership.join(owner)
        await owner.until(lambda: 0 in owner.taken, most=1)
        owner.membership.hold(0)
        first = list(owner.taken[0])
        await owner.until(lambda: owner.taken.get(1) == [*range(6)], most=1)
        assert owner.taken[0] == first
        owner.membership.go_on(0)
        await owner.until(lambda: owner.taken[0] == [*range(6)], most=1)
        await owner.membership.leave()

    carrier.run(test())


def test_whoever_takes_while_all_is_held_waits_until_some_of_it_goes_on(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 1, 4)
        owner = owning(carrier.broker(), topic, {0: 0})
        await owner.membership.join(owner)
        await owner.until(lambda: 0 in owner.taken, most=1)
        first = list(owner.taken[0])
        owner.membership.hold(0)
        waiting = asyncio.ensure_future(owner.membership.take(most=10, wait_ms=60_000))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        owner.membership.go_on(0)
        async with asyncio.timeout(20):
            found = await waiting
        assert found[0][0].offset == first[-1] + 1
        await owner.membership.leave()

    carrier.run(test())


def test_placed_again_it_is_read_from_there_and_from_nowhere_else(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 1, 4)
        owner = owning(carrier.broker(), topic, {0: 2})
        await owner.membership.join(owner)
        await owner.until(lambda: owner.taken.get(0) == [2, 3])
        owner.membership.place(0, 1)
        await owner.until(lambda: owner.taken.get(0) == [2, 3, 1, 2, 3])
        await owner.membership.leave()

    carrier.run(test())


def test_two_members_share_and_hand_over(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 4, 2)
        begin = dict.fromkeys(range(4), 0)
        first, second = (owning(carrier.broker(), topic, begin) for _ in range(2))
        await first.membership.join(first)
        await first.until(lambda: len(first.owned) == 4)
        await second.membership.join(second)
        for _ in range(100):
            await asyncio.gather(first.take(), second.take())
            if len(first.owned) == len(second.owned) == 2:
                break
        assert first.owned | second.owned == {0, 1, 2, 3}
        assert not first.owned & second.owned
        assert ("lost", (0, 1, 2, 3)) in first.moves
        await first.membership.leave()
        await second.until(lambda: second.owned == {0, 1, 2, 3})
        await second.until(lambda: all(second.taken.get(one) == [0, 1] for one in range(4)))
        await second.membership.leave()

    carrier.run(test())


def test_what_the_topic_lost_is_not_passed_over_in_silence(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 1, 4)
        await carrier.cut((topic, 0), 3)
        owner = owning(carrier.broker(), topic, {0: 1})
        await owner.membership.join(owner)
        with pytest.raises(OffsetsGoneError, match="offset 1"):
            await owner.until(lambda: False, tries=20)
        await owner.membership.leave()

    carrier.run(test())


def test_offset_that_the_topic_never_had_is_gone_as_well(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 1, 2)
        owner = owning(carrier.broker(), topic, {0: 50})
        await owner.membership.join(owner)
        with pytest.raises(OffsetsGoneError):
            await owner.until(lambda: False, tries=20)
        await owner.membership.leave()

    carrier.run(test())


def test_positions_pass_by_what_is_no_record(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 1, 2)
        owner = owning(carrier.broker(), topic, {0: 2})  # where the mark stands
        await owner.membership.join(owner)
        voice = carrier.broker().voice(topic, 0)
        await voice.raise_()
        await voice.say(says("later"))
        await voice.settle()
        await voice.fall_silent()
        await owner.until(lambda: owner.taken.get(0) == [3])
        await owner.membership.leave()

    carrier.run(test())


def test_how_far_behind_a_member_is_can_be_asked_at_any_time(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 2, 3)
        owner = owning(carrier.broker(), topic, {0: 0, 1: 0})
        assert await owner.membership.behind() == {}
        await owner.membership.join(owner)
        await owner.until(lambda: len(owner.taken) == 2 and owner.taken[0][-1] == 2)
        other = owning(carrier.broker(), topic, {0: 3, 1: 3})
        joining = asyncio.ensure_future(other.membership.join(other))
        for _ in range(30):
            assert all(count >= 0 for count in (await owner.membership.behind()).values())
            await asyncio.gather(owner.take(wait_ms=50), asyncio.sleep(0.02))
        await joining
        await owner.membership.leave()
        await other.membership.leave()

    carrier.run(test())


def test_hint_of_what_one_has_not_is_no_trouble(carrier: Carrier) -> None:
    async def test() -> None:
        topic = await filled(carrier, 1, 1)
        owner = owning(carrier.broker(), topic, {0: 0})
        await owner.membership.hint({0: 1})
        await owner.membership.join(owner)
        await owner.until(lambda: owner.taken.get(0) == [0])
        await owner.membership.hint({0: 1, 7: 3})
        await owner.membership.leave()

    carrier.run(test())


def test_joining_what_nobody_reaches_fails_within_the_budget(carrier: Carrier) -> None:
    async def test() -> None:
        broker = carrier.unreachable(500)
        membership = broker.membership(topic="contexts", group="g")
        async with asyncio.timeout(2):
            with pytest.raises(BrokerUnreachableError):
                await membership.join(Owning(membership, {}))
            await membership.leave()

    carrier.run(test())
