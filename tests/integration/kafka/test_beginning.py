"""A client that does not begin in time leaves no task and no connection behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import struct
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from torghut.access.beginning import begun
from torghut.access.ending import Admin, Client
from torghut.adapters.sockets.conversing import Met, conversing

pytestmark = pytest.mark.enable_socket

BUDGET_MS: Final = 200
REQUEST_MS: Final = 20_000
"""Longer than the test waits for anything: only being ended ends a request."""
VERSIONS: Final = ((0, 0, 9), (3, 0, 5), (18, 0, 2))
"""Numbers of requests, with the lowest and the highest version that a broker knows of each."""
API_VERSIONS: Final = 18


@asynccontextmanager
async def taciturn(requests: int, left: asyncio.Event | None = None) -> AsyncIterator[str]:
    """Listen as a broker that says so many times which requests it knows, then nothing more.

    Args:
        requests: That it answers on each connection.
        left: Set once a client has let go.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(requests):
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            request = await reader.readexactly(size)
            key, _, correlation = struct.unpack(">hhi", request[:8])
            assert key == API_VERSIONS
            known = b"".join(struct.pack(">hhh", *one) for one in VERSIONS)
            body = struct.pack(">ihi", correlation, 0, len(VERSIONS)) + known
            writer.write(struct.pack(">i", len(body)) + body)
        await reader.read()
        if left is not None:
            left.set()

    def listen(met: Met) -> Awaitable[asyncio.Server]:
        return asyncio.start_server(met, "127.0.0.1", 0)

    async with conversing(answer, listen) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


@pytest.mark.usefixtures("little_to_search")
@pytest.mark.parametrize("requests", [0, 1], ids=["versions", "metadata"])
@pytest.mark.parametrize("cancelled", [False, True], ids=["budget", "cancelled"])
@pytest.mark.parametrize("made", [AIOKafkaProducer, AIOKafkaConsumer, Admin])
def test_client_whose_broker_says_nothing_is_gone_in_time(
    made: Callable[..., Client], requests: int, caplog: pytest.LogCaptureFixture, *, cancelled: bool
) -> None:
    async def test() -> None:
        gone = asyncio.Event()
        budget_ms = REQUEST_MS if cancelled else BUDGET_MS
        async with taciturn(requests, gone) as address, asyncio.timeout(3):
            client = made(bootstrap_servers=address, request_timeout_ms=REQUEST_MS)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(BUDGET_MS / 1000 if cancelled else None):
                    await begun(client, budget_ms=budget_ms)
            await gone.wait()
        async with asyncio.timeout(1):
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*rest, return_exceptions=True)

    with warnings.catch_warnings(record=True) as told, caplog.at_level(logging.ERROR):
        warnings.simplefilter("always")
        asyncio.run(test())
        gc.collect()

    assert not [str(one.message) for one in told if one.category is ResourceWarning]
    assert not caplog.messages


@pytest.mark.usefixtures("little_to_search")
@pytest.mark.parametrize("requests", [0, 1], ids=["versions", "metadata"])
@pytest.mark.parametrize("again_s", [0.0, 0.05, 0.25], ids=["at-once", "breaking-off", "ending"])
@pytest.mark.parametrize("made", [AIOKafkaProducer, AIOKafkaConsumer, Admin])
def test_beginning_that_is_cancelled_again_leaves_nothing_behind(
    made: Callable[..., Client], requests: int, again_s: float
) -> None:
    async def test() -> None:
        async with taciturn(requests) as address:
            client = made(bootstrap_servers=address, request_timeout_ms=REQUEST_MS)
            beginning = asyncio.ensure_future(begun(client, budget_ms=REQUEST_MS))
            await asyncio.sleep(0.1)
            for wait_s in (again_s, 0.0):
                beginning.cancel()
                await asyncio.sleep(wait_s)
            with pytest.raises(asyncio.CancelledError):
                await beginning

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(test())
        gc.collect()

    assert not [str(one.message) for one in told if one.category is ResourceWarning]


def test_client_that_nobody_lets_in_says_why() -> None:
    async def test() -> None:
        client = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1")
        await begun(client, budget_ms=REQUEST_MS)

    with pytest.raises(Exception, match="Unable to bootstrap"):
        asyncio.run(test())
