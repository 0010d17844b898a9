"""Outcomes over HTTP: up to now, or followed with heartbeats, for as long as the token is good."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.desk import FakeDesk, policy_with, refused
from tests.support.live.asking import END_S, TOKENS, Bench, ask, bench, request, served
from torghut.adapters.http.limits import http_limits
from torghut.schemas.live.naming import offered_context_id
from torghut.schemas.live.position import Position
from torghut.workflows.live.access.tokens import parse_tokens
from torghut.workflows.live.errors import ClosingError

QUICK: Final = {"heartbeat_ms": 20}

Line = dict[str, object]


def told(count: int, **telling: int) -> Bench:
    """Return an API that has outcomes to tell."""
    made = bench(FakeDesk(bound=policy_with(telling=QUICK | telling)))
    for sequence in range(count):
        name = offered_context_id("desk-1", "fxcm:EURUSD", "quote", sequence)
        made.desk.publish(refused(name, Position(0, sequence, 0)))
    return made


def positions(lines: list[Line]) -> list[object]:
    """Return where the outcomes among some lines stand."""
    return [line["position"] for line in lines if line["type"] == "live.refused.v1"]


@pytest.mark.parametrize("target", ["/v1/decisions", "/v1/controls"])
@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("", ["0:0:0", "0:1:0", "0:2:0"]),
        ("?after=start", ["0:0:0", "0:1:0", "0:2:0"]),
        ("?after=0:0:0", ["0:1:0", "0:2:0"]),
        ("?after=0:1:9", ["0:2:0"]),
        ("?after=0:2:0", []),
        ("?after=0:9:0&follow=0", []),
        ("?after=now", []),
    ],
)
def test_what_there_is_is_told_and_ends(
    tmp_path: Path, target: str, after: str, expected: list[str]
) -> None:
    made = told(3)

    async def work() -> list[Line]:
        async with served(made, tmp_path) as path:
            sent = request("GET", f"{target}{after}", token=TOKENS["read"])
            return (await ask(path, sent)).lines

    assert positions(asyncio.run(work())) == expected
    assert made.desk.following == 0


def test_an_empty_log_has_nothing_to_tell(tmp_path: Path) -> None:
    made = told(0)

    async def work() -> list[Line]:
        async with served(made, tmp_path) as path:
            return (await ask(path, request("GET", "/v1/decisions", token=TOKENS["read"]))).lines

    assert asyncio.run(work()) == []


class Away(FakeDesk):
    """A desk whose log is away: more became durable than can be read now."""

    @override
    def newest(self) -> Position | None:
        return Position(0, 9, 0)


@pytest.mark.parametrize("target", ["/v1/decisions", "/v1/controls"])
def test_what_cannot_be_read_in_time_is_said_in_the_last_line(tmp_path: Path, target: str) -> None:
    made = bench(Away(bound=policy_with(door={"answer_ms": 50})))
    name = offered_context_id("desk-1", "fxcm:EURUSD", "quote", 0)
    made.desk.publish(refused(name, Position(0, 0, 0)))

    async def work() -> list[Line]:
        async with served(made, tmp_path) as path:
            return (await ask(path, request("GET", target, token=TOKENS["read"]))).lines

    found = asyncio.run(work())
    assert positions(found) == ["0:0:0"]
    assert found[-1]["code"] == "live.answer-late"
    assert made.desk.following == 0


def test_a_token_taken_away_ends_what_is_read_up_to_now(tmp_path: Path) -> None:
    made = bench(Away())
    name = offered_context_id("desk-1", "fxcm:EURUSD", "quote", 0)

    async def work() -> bytes:
        async with served(made, tmp_path) as path:
            reader, writer = await asyncio.open_unix_connection(str(path))
            made.desk.publish(refused(name, Position(0, 0, 0)))
            writer.write(request("GET", "/v1/decisions", token=TOKENS["read"]))
            await reader.readuntil(b"live.refused.v1")
            made.tokens.ring = parse_tokens("read other " + "z" * 40, "tokens")
            await asyncio.sleep(0.01)
            made.desk.publish(refused(name, Position(0, 1, 0)))
            async with asyncio.timeout(END_S):
                rest = await reader.read()
            writer.close()
            return rest

    assert b"live.token-unknown" in asyncio.run(work())


Take = Callable[[], Awaitable[Line]]


@asynccontextmanager
async def followed(made: Bench, folder: Path, after: str = "start") -> AsyncIterator[Take]:
    """Follow outcomes; what is given waits for the next line."""
    async with served(made, folder) as path:
        reader, writer = await asyncio.open_unix_connection(str(path))
        target = f"/v1/decisions?after={after}&follow=1"
        writer.write(request("GET", target, token=TOKENS["read"]))
        async with asyncio.timeout(END_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head
        waiting: list[Line] = []

        async def take() -> Line:
            while not waiting:
                async with asyncio.timeout(END_S):
                    size = int(await reader.readline(), 16)
                    chunk = await reader.readexactly(size + 2)
                if not size:
                    raise EOFError
                waiting.extend(json.loads(line) for line in chunk[:-2].splitlines())
            return waiting.pop(0)

        try:
            yield take
        finally:
            writer.close()


async def until(take: Take, type_: str) -> Line:
    """Return the next line of a type."""
    while True:
        line = await take()
        if line["type"] == type_:
            return line


def test_who_follows_hears_at_once_that_the_service_is_there(tmp_path: Path) -> None:
    made = told(0, heartbeat_ms=2000)

    async def work() -> Line:
        async with followed(made, tmp_path) as take:
            return await take()

    assert asyncio.run(work())["type"] == "live.heartbeat.v1"


def test_who_follows_hears_what_was_and_what_comes(tmp_path: Path) -> None:
    made = told(2)

    async def work() -> list[object]:
        async with followed(made, tmp_path, after="0:0:0") as take:
            first = await until(take, "live.refused.v1")
            name = offered_context_id("desk-1", "fxcm:EURUSD", "quote", 9)
            made.desk.publish(refused(name, Position(0, 9, 0)), Position(0, 9, 0))
            second = await until(take, "live.refused.v1")
            beat = await until(take, "live.heartbeat.v1")
            return [first["position"], second["position"], beat["position"]]

    assert asyncio.run(work()) == ["0:1:0", "0:9:0", "0:9:0"]


def test_a_change_is_heard_before_the_next_beat_is_due(tmp_path: Path) -> None:
    made = told(0, heartbeat_ms=2000)

    async def work() -> Line:
        async with followed(made, tmp_path) as take:
            await take()
            made.desk.change("stopped")
            return await until(take, "live.heartbeat.v1")

    assert asyncio.run(work())["state"] == "stopped"


def test_who_goes_is_forgotten(tmp_path: Path) -> None:
    made = told(1)

    async def work() -> list[tuple[int, int]]:
        found = []
        async with served(made, tmp_path) as path:
            reader, writer = await asyncio.open_unix_connection(str(path))
            target = "/v1/decisions?after=start&follow=1"
            writer.write(request("GET", target, token=TOKENS["read"]))
            await reader.readuntil(b"live.refused.v1")
            found.append((made.app.subscribers(), made.desk.following))
            writer.close()
            async with asyncio.timeout(END_S):
                await made.desk.left.wait()
                await asyncio.sleep(0.01)
            found.append((made.app.subscribers(), made.desk.following))
        return found

    assert asyncio.run(work()) == [(1, 1), (0, 0)]


def test_a_token_taken_away_ends_what_it_began(tmp_path: Path) -> None:
    made = told(1)

    async def work() -> Line:
        async with followed(made, tmp_path) as take:
            await until(take, "live.refused.v1")
            made.tokens.ring = parse_tokens("read other " + "z" * 40, "tokens")
            last = await until(take, "live.fault.v1")
            with pytest.raises(EOFError):
                await take()
            return last

    assert asyncio.run(work())["code"] == "live.token-unknown"


def test_what_can_be_read_no_further_is_said_in_the_last_line(tmp_path: Path) -> None:
    made = told(0)
    made.desk.breaks = ClosingError()

    async def work() -> Line:
        async with followed(made, tmp_path) as take:
            return await until(take, "live.fault.v1")

    assert asyncio.run(work())["code"] == "live.closing"


def test_one_more_than_may_follow_is_refused(tmp_path: Path) -> None:
    made = told(1, subscribers_max=1)

    async def work() -> object:
        async with followed(made, tmp_path) as take:
            await take()
            target = "/v1/decisions?follow=1"
            found = await ask(tmp_path / "api.sock", request("GET", target, token=TOKENS["read"]))
            return found.status, found.code

    assert asyncio.run(work()) == (503, "api.subscribers-exhausted")


def test_ending_the_service_ends_who_follows(tmp_path: Path) -> None:
    made = told(1)

    limits = replace(http_limits(made.desk.policy), close_ms=50)

    async def work() -> bytes:
        async with served(made, tmp_path, limits) as path:
            reader, writer = await asyncio.open_unix_connection(str(path))
            sent = request("GET", "/v1/decisions?after=start&follow=1", token=TOKENS["read"])
            writer.write(sent)
            await reader.readuntil(b"live.refused.v1")
        async with asyncio.timeout(END_S):
            rest = await reader.read()
        writer.close()
        return rest

    asyncio.run(work())
    assert made.desk.following == 0
