"""Several partitions are one stream, one state and one bookmark."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.fakes.lanes import Course, FakeLanes
from tests.support.live.live_clients import QUICK, first, until
from torghut.client import Bookmark, Client, Position, fill
from torghut.client.errors import UnreachableError
from torghut.client.lanes.places import After

T = TypeVar("T")

Scenario = Callable[[FakeLanes], Coroutine[Any, Any, T]]


def played(scenario: Scenario[T], lanes: int = 3) -> T:
    """Return what a scenario on so many lanes returns; none may take long."""

    async def bounded() -> T:
        async with asyncio.timeout(10):
            return await scenario(FakeLanes([Course(one) for one in range(lanes)], QUICK))

    return asyncio.run(bounded())


def client_of(dialer: FakeLanes, after: After = "now", bookmark: Bookmark | None = None) -> Client:
    return Client(dialer, after=after, bookmark=bookmark)


def test_every_partition_is_handed_over_in_its_own_order() -> None:
    async def scenario(dialer: FakeLanes) -> list[Position]:
        for course in dialer.lanes_there:
            course.tell(3)
        async with client_of(dialer, "start") as client:
            return [one.position async for one in client.decisions(follow=False)]

    found = played(scenario)

    for number in range(3):
        own = [one for one in found if one.partition == number]
        assert own == [Position(number, block, 0) for block in range(3)]
    assert len(found) == 9


def test_partition_that_nobody_serves_and_nothing_was_decided_in_is_no_reason() -> None:
    async def scenario(dialer: FakeLanes) -> tuple[str, set[str]]:
        dialer.lanes_there[0].tell(1)
        dialer.lanes_there[1].beating = False
        async with client_of(dialer) as client:
            await client.ready()
            await until(lambda: any("partition 1" in one.detail for one in client.notices))
            await asyncio.sleep(0.7)
            return client.state.name, {one.detail for one in client.notices}

    state, notices = played(scenario)

    assert state == "live"
    assert notices == {"partition 1: nothing came for 300 ms"}


def test_partition_with_decisions_and_without_heartbeat_is_named_as_the_reason() -> None:
    async def scenario(dialer: FakeLanes) -> str:
        for course in dialer.lanes_there:
            course.tell(1)
        async with client_of(dialer) as client:
            await client.ready()
            dialer.lanes_there[2].beating = False
            await until(lambda: client.state.name == "stale")
            return client.state.reason

    assert played(scenario) == "partition 2: no heartbeat for more than 150 ms"


def test_client_waits_for_every_partition_that_has_decisions() -> None:
    async def scenario(dialer: FakeLanes) -> None:
        for course in dialer.lanes_there:
            course.tell(1)
        dialer.lanes_there[1].beating = False
        async with client_of(dialer) as client:
            await client.ready(400)

    with pytest.raises(UnreachableError, match="partition 1"):
        played(scenario)


def test_silent_source_of_one_partition_is_a_reason_only_where_all_are_silent() -> None:
    async def scenario(dialer: FakeLanes) -> list[str]:
        for course in dialer.lanes_there:
            course.tell(1)
        async with client_of(dialer) as client:
            await client.ready()
            dialer.lanes_there[0].fall_silent()
            await asyncio.sleep(0.1)
            found = [client.state.name]
            for course in dialer.lanes_there:
                course.fall_silent()
            await until(lambda: client.state.name == "stale")
            return [*found, client.state.reason.partition(": ")[2]]

    assert played(scenario) == ["live", "source-silent: no context for over 60000 ms"]


def test_stop_in_one_partition_stops_the_loop() -> None:
    async def scenario(dialer: FakeLanes) -> str:
        for course in dialer.lanes_there:
            course.tell(1)
        dialer.lanes_there[1].state = "stopped"
        async with client_of(dialer) as client:
            await client.ready()
            return client.state.name

    assert played(scenario) == "stopped"


def test_partition_that_was_silent_until_the_loop_died_is_read_from_there(tmp_path: Path) -> None:
    bookmark = Bookmark(tmp_path / "mark")

    async def scenario(dialer: FakeLanes) -> list[Position]:
        one, other, _ = dialer.lanes_there
        one.tell(1)
        async with client_of(dialer, bookmark=bookmark) as client:
            await client.ready()
            one.tell(1)
            for delivery in await first(client.decisions(), 1):
                bookmark.keep(delivery.position)
        other.tell(1)
        again = Bookmark(bookmark.path)
        async with client_of(dialer, again.positions, again) as client:
            return [found.position for found in await first(client.decisions(), 1)]

    assert played(scenario) == [Position(1, 0, 0)]
    assert bookmark.path.read_text(encoding="ascii") == "0:1:0\n1:start\n2:start\n"


def test_report_is_asked_where_its_symbol_is_decided() -> None:
    async def scenario(dialer: FakeLanes) -> str | None:
        async with client_of(dialer) as client:
            report = fill(fill_id="f", symbol="fxcm:S2", quantity=1.0, price=1.0)
            answered = await client.report(report)
            assert [lane for lane, _ in dialer.asked] == [2]
            return answered.position

    assert played(scenario) == "2:0:0"


def test_report_for_all_symbols_is_asked_where_somebody_is_heard() -> None:
    async def scenario(dialer: FakeLanes) -> list[int]:
        dialer.lanes_there[0].beating = False
        async with client_of(dialer, None) as client:
            await client.ready()
            await client.report({"kind": "stop", "control_id": "s", "symbol": "*"})
            return [lane for lane, _ in dialer.asked]

    assert played(scenario) in ([1], [2])


def test_service_that_is_away_is_asked_again_and_says_why() -> None:
    async def scenario(dialer: FakeLanes) -> tuple[str, str]:
        dialer.away = "no broker answers"
        async with client_of(dialer) as client:
            with pytest.raises(UnreachableError, match="no broker answers"):
                await client.ready(100)
            reason, dialer.away = client.state.reason, ""
            await client.ready()
            return reason, client.state.name

    assert played(scenario) == ("not connected: no broker answers", "live")


def test_connections_that_break_lose_nothing_and_double_nothing() -> None:
    async def scenario(dialer: FakeLanes) -> list[Position]:
        for course in dialer.lanes_there:
            course.tell(2)
        async with client_of(dialer, "start") as client:
            deliveries = client.decisions()
            found = [await anext(deliveries) for _ in range(6)]
            dialer.away = "cut"
            await until(lambda: client.state.name == "stale")
            for course in dialer.lanes_there:
                course.tell(2)
            dialer.away = ""
            found += [await anext(deliveries) for _ in range(6)]
            return [one.position for one in found]

    found = played(scenario)

    assert sorted(found) == [Position(lane, block, 0) for lane in range(3) for block in range(4)]


def test_what_connections_shared_is_let_go_of_with_the_client() -> None:
    async def scenario(dialer: FakeLanes) -> bool:
        async with client_of(dialer, None) as client:
            await client.ready()
        return dialer.closed

    assert played(scenario)
