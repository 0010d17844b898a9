"""A conversation ends with its talk, with its listener, and even where it had not begun."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import uvloop

from torghut.adapters.sockets.conversing import Met, Talk, conversing

BUDGET_S: Final = 10.0


@asynccontextmanager
async def answered(path: Path, talk: Talk) -> AsyncIterator[None]:
    """Talk on what comes to the Unix socket at ``path``."""

    def listen(met: Met) -> Awaitable[asyncio.Server]:
        return asyncio.start_unix_server(met, str(path))

    async with conversing(talk, listen):
        yield


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Listen for as long as the other side is there."""
    await reader.read()


def connected(path: Path) -> socket.socket:
    """Return a connection to ``path`` that waits for nothing longer than the budget."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(BUDGET_S)
    made.connect(str(path))
    return made


@pytest.mark.usefixtures("little_to_search")
@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize("turns", range(8))
def test_connection_ends_with_its_listener_however_far_it_came(
    tmp_path: Path, turns: int, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    path = tmp_path / "a.sock"

    async def test() -> socket.socket:
        async with answered(path, silence):
            client = connected(path)
            for _ in range(turns):  # accepted, met, begun, or not yet
                await asyncio.sleep(0)
        return client

    with asyncio.Runner(loop_factory=loop) as runner:
        client = runner.run(test())
    with client:
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            assert turns <= 1  # nobody had accepted it


def test_what_was_written_is_heard_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    said = b"word" * 500_000  # more than a socket holds

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async def test() -> bytes:
        async with answered(path, talk):
            reader, writer = await asyncio.open_unix_connection(str(path))
            heard = await reader.read()
            writer.close()
        return heard

    assert asyncio.run(test()) == said


def test_whoever_reads_nothing_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"

    said = b"word" * 500_000

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)

    async def test() -> None:
        async with asyncio.timeout(BUDGET_S):
            async with answered(path, talk):
                client = connected(path)
                await asyncio.sleep(0.05)
        with client:
            assert sum(map(len, iter(lambda: client.recv(65_536), b""))) < len(said)

    asyncio.run(test())


def test_defect_of_one_conversation_is_told_and_ends_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    told: list[dict[str, Any]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readline() == b"defect\n":
            raise ZeroDivisionError
        writer.write(b"well")

    async def ask(word: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(word)
        try:
            return await reader.read()
        finally:
            writer.close()

    async def test() -> list[bytes]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with answered(path, talk), asyncio.timeout(BUDGET_S):
            return [await ask(b"defect\n"), await ask(b"anything\n")]

    assert asyncio.run(test()) == [b"", b"well"]
    assert [type(one["exception"]) for one in told] == [ZeroDivisionError]
