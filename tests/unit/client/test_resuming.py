"""Where a stream goes on: after what was handed over, from where it began, up to its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tests.fakes.live_service import HANG, FakeLiveService, Lines, position_of
from tests.support.live.live_clients import QUICK, client_of, first, until, waiting_in, with_service
from torghut.client import Client, Delivery, Limits, State
from torghut.client.errors import AnnouncedMissingError, BeyondEndError, FollowedAlreadyError

UNHURRIED = Limits(
    stale_ms=2000, silence_ms=4000, retry_first_ms=1, retry_max_ms=10, look_ms=5, quiet_ms=40
)


async def numbers(source: AsyncIterator[Delivery]) -> list[int]:
    """Return the numbers of all blocks of a stream that ends."""
    return [one.position.block async for one in source]


def control_line(number: int, at: str) -> str:
    record = {"kind": "lag-begin", "control_id": f"c{number}", "symbol": "*"}
    recorded = {"type": "live.control-recorded.v1", "position": at, "status": "taken"}
    return json.dumps({**recorded, "control_id": f"c{number}", "code": "", "record": record})


def held_back(seconds: float) -> asyncio.Task[None]:
    """Return what lets some heartbeats pass."""
    return asyncio.create_task(asyncio.sleep(seconds))


def test_stream_goes_on_after_one_that_ended() -> None:
    async def scenario(service: FakeLiveService) -> list[list[int]]:
        service.tell(2)
        async with client_of(service, after="start") as client:
            ended = await numbers(client.decisions(follow=False))
            service.tell(1)
            return [ended, [one.position.block for one in await first(client.decisions(), 1)]]

    assert with_service(scenario) == [[0, 1], [2]]


def test_what_came_between_two_streams_that_end_is_in_the_second() -> None:
    async def scenario(service: FakeLiveService) -> list[list[int]]:
        service.tell(2)
        async with client_of(service, after="start") as client:
            found = [await numbers(client.decisions(follow=False))]
            service.tell(2)
            found.append(await numbers(client.decisions(follow=False)))
            found.append(await numbers(client.decisions(follow=False)))
            return found

    assert with_service(scenario) == [[0, 1], [2, 3], []]


def test_what_waited_when_a_reader_left_is_handed_over_to_the_next() -> None:
    async def scenario(service: FakeLiveService) -> list[int]:
        service.tell(5)
        async with client_of(service, after="start") as client:
            await until(lambda: waiting_in(client) == 5)
            found = [one.position.block for one in await first(client.decisions(), 2)]
            return found + await numbers(client.decisions(follow=False))

    assert with_service(scenario) == [0, 1, 2, 3, 4]


def test_reader_who_waits_is_told_that_another_took_the_stream_elsewhere() -> None:
    async def scenario(service: FakeLiveService) -> None:
        async with client_of(service, after="start") as client:
            waiting = asyncio.create_task(first(client.decisions(), 1))
            await client.ready()
            await numbers(client.decisions("start", follow=False))
            await waiting

    with pytest.raises(FollowedAlreadyError):
        with_service(scenario)


@pytest.mark.parametrize("before", [0, 3])
def test_what_is_decided_while_the_first_connection_is_lost_is_not_missed(before: int) -> None:
    async def scenario(service: FakeLiveService) -> list[int]:
        service.tell(before)
        async with client_of(service, after="now") as client:
            await client.ready()
            service.tear()
            service.tell(2)
            return [one.position.block for one in await first(client.decisions(), 2)]

    assert with_service(scenario) == [before, before + 1]


def test_stream_from_now_that_ended_goes_on_from_there() -> None:
    async def scenario(service: FakeLiveService) -> list[list[int]]:
        service.tell(2)
        async with client_of(service) as client:
            found = [await numbers(client.decisions(follow=False))]
            service.tell(1)
            found.append(await numbers(client.decisions(follow=False)))
            return found

    assert with_service(scenario) == [[], [2]]


@pytest.mark.parametrize("told", [0, 1])
def test_record_taken_while_the_connection_is_lost_is_not_missed(told: int) -> None:
    async def scenario(service: FakeLiveService) -> list[str]:
        service.tell(1)
        async with client_of(service) as client:
            controls = client.controls()
            asked = asyncio.create_task(first(controls, told + 2))
            await until(lambda: service.queries[-1:] == ["after=now&controls=1"])
            await held_back(0.05)
            service.control_lines += [control_line(n, f"0:{n + 1}:0") for n in range(told)]
            await held_back(0.05)
            service.tear()
            service.control_lines += [
                control_line(n, f"0:{n + 1}:0") for n in range(told, told + 2)
            ]
            return [one.event.control_id for one in await asked]

    assert with_service(scenario) == [f"c{n}" for n in range(told + 2)]


def test_stream_ends_at_the_announced_head_however_many_heartbeats_come_before() -> None:
    async def scenario(service: FakeLiveService) -> list[int]:
        service.tell(3)
        service.beat_s = 0.005
        slow = held_back(0.1)

        def mangle(lines: Lines, _: int) -> Lines:
            return lines if slow.done() else [HANG]

        service.mangle = mangle
        async with client_of(service, limits=UNHURRIED) as client:
            asked = asyncio.create_task(numbers(client.decisions("start", follow=False)))
            await slow
            service.tear()
            return await asked

    assert with_service(scenario) == [0, 1, 2]


def test_end_that_was_announced_and_does_not_come_is_an_error() -> None:
    async def scenario(service: FakeLiveService) -> None:
        service.tell(3)
        service.mangle = lambda lines, _: [one for one in lines if position_of(one).block < 2]
        async with client_of(service) as client:
            await numbers(client.decisions("start", follow=False))

    with pytest.raises(AnnouncedMissingError, match="up to 0:2:0, found none after 0:1:0"):
        with_service(scenario)


def test_records_end_with_all_that_were_taken_however_late_they_come() -> None:
    async def scenario(service: FakeLiveService) -> list[str]:
        service.beat_s = 0.005
        service.tell(1)
        service.control_lines = [control_line(n, "0:0:0") for n in range(2)]
        service.mangle = lambda lines, connection: lines if connection > 1 else [HANG]
        async with client_of(service, limits=UNHURRIED) as client:
            asked = asyncio.create_task(all_records(client, "start"))
            await held_back(0.2)
            service.tear()
            return await asked

    async def all_records(client: Client, after: str) -> list[str]:
        return [one.event.control_id async for one in client.controls(after, follow=False)]

    assert with_service(scenario) == ["c0", "c1"]


def test_records_from_a_position_on_end_with_the_last_that_was_taken() -> None:
    async def scenario(service: FakeLiveService) -> list[str]:
        service.control_lines = [control_line(n, f"0:{n}:0") for n in range(4)]
        async with client_of(service) as client:
            found = client.controls("0:1:0", follow=False)
            return [one.event.control_id async for one in found]

    assert with_service(scenario) == ["c1", "c2", "c3"]


def test_records_that_were_announced_and_do_not_come_are_an_error() -> None:
    async def scenario(service: FakeLiveService) -> None:
        service.mangle = lambda _, __: [HANG]
        service.control_lines = [control_line(0, "0:0:0")]
        async with client_of(service) as client:
            async for _ in client.controls("start", follow=False):
                pass

    with pytest.raises(AnnouncedMissingError, match="control records"):
        with_service(scenario)


def test_log_that_ends_before_the_bookmark_is_stale_until_it_is_the_right_one() -> None:
    async def scenario(service: FakeLiveService) -> list[State]:
        service.tell(2)
        async with client_of(service, after="0:7:0") as client:
            states = client.states()
            found = [await anext(states) for _ in range(3)]
            service.tell(6)
            found.append(await anext(states))
            assert service.queries == ["after=0:7:0"]
            return found

    *_, beyond, right = with_service(scenario)

    assert beyond == ("stale", "the log ends at 0:1:0, before 0:7:0: it is another one")
    assert right.name == "live"


def test_log_that_was_replaced_by_an_empty_one_makes_stale() -> None:
    async def scenario(service: FakeLiveService) -> State:
        service.tell(2)
        async with client_of(service, after="start") as client:
            await first(client.decisions(), 2)
            service.lines.clear()
            service.tear()
            await until(lambda: client.state.reason.startswith("the log ends at its start"))
            return client.state

    assert with_service(scenario).name == "stale"


def test_heartbeat_made_before_an_outcome_and_sent_after_it_is_no_end() -> None:
    async def scenario(service: FakeLiveService) -> set[State]:
        service.tell(5)
        frozen = service.wall_ns()
        service.wall_ns = lambda: frozen
        service.head = "0:3:0"
        async with client_of(service, after="start") as client:
            await first(client.decisions(), 5)
            seen = set()
            for _ in range(10):
                await asyncio.sleep(0.01)
                seen.add(client.state)
            return seen

    assert with_service(scenario) == {State("live", "")}


def test_end_before_the_position_that_was_asked_for_is_an_error() -> None:
    async def scenario(service: FakeLiveService) -> None:
        service.tell(2)
        async with client_of(service) as client:
            await numbers(client.decisions("0:7:0", follow=False))

    with pytest.raises(BeyondEndError) as caught:
        with_service(scenario)
    assert caught.value.code == "client.beyond-end"


def test_position_announced_behind_the_last_block_s_end_may_be_asked_for_again() -> None:
    async def scenario(service: FakeLiveService) -> State:
        service.tell(2)
        async with client_of(service, after="0:1:9999999") as client:
            await client.ready()
            await asyncio.sleep(0.1)
            return client.state

    assert with_service(scenario) == ("live", "")


def test_defaults_fit_one_heartbeat_each_second() -> None:
    assert (Limits().quiet_ms, QUICK.quiet_ms) == (1000, 40)
