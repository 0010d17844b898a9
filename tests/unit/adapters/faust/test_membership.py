"""What a member on Faust hands out while partitions are placed anew, held and lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from faust.types import TP
from typing_extensions import override

from tests.fakes.faust_app import FakeApp
from tests.fakes.kafka_client import connection
from tests.fakes.virtual_time import run_virtually
from tests.support.carrying.carriers import Nobody
from torghut.adapters.faust import membership as module
from torghut.adapters.faust.application import Terms
from torghut.adapters.faust.membership import FaustMembership
from torghut.carrying.errors import BrokerRefusedError, BrokerUnreachableError
from torghut.carrying.messages import Reading, Received
from torghut.carrying.ports import TopicReader
from torghut.kernel.errors import TorghutError

FIRST, SECOND = TP("t", 0), TP("t", 1)
SECONDS: Final = 0.3

Place = tuple[str, int]
Test = Callable[[FaustMembership, FakeApp], Awaitable[None]]


@dataclass(slots=True)
class SlowReader(TopicReader):
    """Takes its time to read one record at a time."""

    @override
    async def read(self, after: Mapping[Place, int], /, *, wait_ms: int) -> Mapping[Place, Reading]:
        await asyncio.sleep(SECONDS)
        return {
            place: Reading([Received(offset, None, b"", (), -1)], offset + 1)
            for place, offset in after.items()
        }

    @override
    async def ends(self, places: Sequence[Place], /) -> Mapping[Place, int]:
        raise NotImplementedError

    @override
    async def partitions(self, topic: str, /) -> int:
        return 2

    @override
    async def close(self) -> None: ...


def with_member(monkeypatch: pytest.MonkeyPatch, test: Test) -> None:
    """Run a test with a member that has two partitions, placed at 100.

    Faust brought what is next of the first, and of the second what comes after something missing.
    """

    async def main() -> None:
        app, way = FakeApp(), connection()
        monkeypatch.setattr(module, "new_app", lambda *_: app)
        monkeypatch.setattr(module, "ExactReader", lambda _: SlowReader())
        terms = Terms(options=way.options, client_id="c", group="g", session_ms=6000, budget_ms=500)
        member = FaustMembership(connection=way, topic="t", terms=terms)
        await member.join(Nobody())
        await app.assign({FIRST, SECOND})
        for partition in (0, 1):
            member.place(partition, 100)
            member.go_on(partition)
        await app.bring(FIRST, [100])
        await app.bring(SECOND, [101])
        await test(member, app)
        await member.leave()

    run_virtually(main())


async def take(member: FaustMembership) -> dict[int, list[int]]:
    """Return the offsets of what is handed out."""
    found = await member.take(most=500, wait_ms=100)
    return {number: [one.offset for one in records] for number, records in found.items()}


def test_what_is_missing_is_read_again_beside_what_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: FaustMembership, _: FakeApp) -> None:
        assert await take(member) == {0: [100], 1: [100]}
        assert await take(member) == {1: [101]}

    with_member(monkeypatch, test)


def test_what_was_there_before_a_partition_was_placed_anew_is_not_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: FaustMembership, _: FakeApp) -> None:
        taking = asyncio.ensure_future(take(member))
        await asyncio.sleep(SECONDS / 2)
        member.place(0, 50)
        assert await taking == {1: [100]}
        assert (await take(member))[0] == [50]
        assert (await take(member))[0] == [51]

    with_member(monkeypatch, test)


def test_what_was_read_again_before_a_partition_was_placed_anew_is_not_handed_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: FaustMembership, _: FakeApp) -> None:
        taking = asyncio.ensure_future(take(member))
        await asyncio.sleep(SECONDS / 2)
        member.place(1, 101)
        assert await taking == {0: [100]}
        assert await take(member) == {1: [101]}

    with_member(monkeypatch, test)


def test_nothing_is_handed_out_of_what_was_held_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(member: FaustMembership, _: FakeApp) -> None:
        taking = asyncio.ensure_future(take(member))
        await asyncio.sleep(SECONDS / 2)
        member.hold(0)
        member.hold(1)
        assert await taking == {}
        member.go_on(0)
        member.go_on(1)
        assert await take(member) == {0: [100], 1: [100]}

    with_member(monkeypatch, test)


def test_partition_that_the_group_shared_anew_is_handed_out_from_where_it_is_placed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test(member: FaustMembership, app: FakeApp) -> None:
        taking = asyncio.ensure_future(take(member))
        await asyncio.sleep(SECONDS / 2)
        await app.assign({SECOND})
        assert await taking == {}
        member.place(1, 120)
        member.go_on(1)
        await app.bring(SECOND, [120, 121])
        assert await take(member) == {1: [120, 121]}

    with_member(monkeypatch, test)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (TopicAuthorizationFailedError("t"), BrokerRefusedError),
        (KafkaConnectionError("gone"), BrokerUnreachableError),
    ],
)
def test_member_whose_faust_ended_says_whether_that_was_a_refusal(
    monkeypatch: pytest.MonkeyPatch, reason: Exception, expected: type[TorghutError]
) -> None:
    async def test(member: FaustMembership, app: FakeApp) -> None:
        app.crashed, app.crash_reason = True, reason
        with pytest.raises(expected, match=type(reason).__name__):
            await take(member)

    with_member(monkeypatch, test)
