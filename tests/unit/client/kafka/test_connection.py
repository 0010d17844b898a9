"""A lane as one use of it sees it: what waits, in which order, and what ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from typing_extensions import override

from tests.fakes.virtual_time import run_virtually
from torghut.client.kafka.connection import KafkaConnection, Sending
from torghut.client.wire.dialing import CutError


class Refusing(Sending):
    """Tells at once that nothing is taken."""

    @override
    async def send(self, lines: str, answer: Callable[[str], None]) -> None:
        for line in lines.split("\n"):
            answer(f"not {line}")


async def failing(error: Exception) -> None:
    """Fail."""
    raise error


def test_what_is_answered_here_comes_first_then_a_heartbeat_then_the_rest() -> None:
    async def scenario() -> list[str]:
        connection = KafkaConnection(Refusing())
        await connection.put("first")
        await connection.put("second")
        connection.beat("beat")
        await connection.send("one\ntwo")
        return [await connection.receive() for _ in range(4)]

    assert run_virtually(scenario()) == ["not one\nnot two", "beat", "first", "second"]


def test_only_the_newest_heartbeat_waits() -> None:
    async def scenario() -> list[str]:
        connection = KafkaConnection(Refusing())
        connection.beat("old")
        connection.beat("new")
        await connection.put("line")
        return [await connection.receive(), await connection.receive()]

    assert run_virtually(scenario()) == ["new", "line"]


def test_who_waits_is_handed_what_comes() -> None:
    async def scenario() -> str:
        connection = KafkaConnection(Refusing())
        waiting = asyncio.create_task(connection.receive())
        await asyncio.sleep(1)
        connection.beat("beat")
        return await waiting

    assert run_virtually(scenario()) == "beat"


def test_who_stops_waiting_loses_nothing() -> None:
    async def scenario() -> str:
        connection = KafkaConnection(Refusing())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await connection.receive()
        await connection.put("line")
        return await connection.receive()

    assert run_virtually(scenario()) == "line"


def test_no_more_is_read_than_is_taken() -> None:
    async def scenario() -> tuple[bool, bool]:
        connection = KafkaConnection(Refusing())

        async def fill() -> None:
            for number in range(5):
                await connection.put(str(number))

        filling = asyncio.create_task(fill())
        await asyncio.sleep(1)
        full = not filling.done()
        await connection.receive()
        await asyncio.sleep(1)
        return full, filling.done()

    assert run_virtually(scenario()) == (True, True)


@pytest.mark.parametrize(
    ("error", "why"), [(CutError("no broker answers"), "no broker answers"), (OSError(), "OSError")]
)
def test_task_that_fails_ends_the_connection_and_says_why(error: Exception, why: str) -> None:
    async def scenario() -> None:
        connection = KafkaConnection(Refusing())
        await connection.put("line")
        connection.run(asyncio.create_task(failing(error)))
        await asyncio.sleep(1)
        await connection.receive()

    with pytest.raises(CutError) as cut:
        run_virtually(scenario())
    assert str(cut.value) == why


@pytest.mark.parametrize("politely", [True, False])
def test_connection_that_is_given_up_ends_its_tasks_and_says_so(*, politely: bool) -> None:
    async def scenario() -> tuple[list[bool], int]:
        told: list[int] = []
        connection = KafkaConnection(Refusing(), left=lambda: told.append(1))
        tasks = [asyncio.create_task(asyncio.sleep(1_000)) for _ in range(2)]
        for one in tasks:
            connection.run(one)
        if politely:
            await connection.leave()
        else:
            connection.drop()
        with pytest.raises(CutError, match="given up"):
            await connection.receive()
        await asyncio.sleep(1)
        return [one.cancelled() for one in tasks], len(told)

    assert run_virtually(scenario()) == ([True, True], 1)
