"""A client that does not begin in time leaves no task and no connection behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import struct
import warnings
from collections.abc import Callable
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from torghut.access.beginning import begun
from torghut.access.ending import Admin, Client

pytestmark = pytest.mark.enable_socket

BUDGET_MS: Final = 200
REQUEST_MS: Final = 20_000
"""Longer than the test waits for anything: only being ended ends a request."""
VERSIONS: Final = ((0, 0, 9), (3, 0, 5), (18, 0, 2))
"""Numbers of requests, with the lowest and the highest version that a broker knows of each."""
API_VERSIONS: Final = 18


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, requests: int
) -> None:
    """Say which requests are known so many times, then nothing more."""
    for _ in range(requests):
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        request = await reader.readexactly(size)
        key, _, correlation = struct.unpack(">hhi", request[:8])
        assert key == API_VERSIONS
        known = b"".join(struct.pack(">hhh", *one) for one in VERSIONS)
        body = struct.pack(">ihi", correlation, 0, len(VERSIONS)) + known
        writer.write(struct.pack(">i", len(body)) + body)
    await reader.read()
    writer.close()


@pytest.mark.usefixtures("little_to_search")
@pytest.mark.parametrize("requests", [0, 1], ids=["versions", "metadata"])
@pytest.mark.parametrize("cancelled", [False, True], ids=["budget", "cancelled"])
@pytest.mark.parametrize("made", [AIOKafkaProducer, AIOKafkaConsumer, Admin])
def test_client_whose_broker_says_nothing_is_gone_in_time(
    made: Callable[..., Client], requests: int, caplog: pytest.LogCaptureFixture, *, cancelled: bool
) -> None:
    async def test() -> None:
        gone = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await answer(reader, writer, requests=requests)
            gone.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        options: dict[str, Any] = {"request_timeout_ms": REQUEST_MS}
        client = made(bootstrap_servers=f"{host}:{port}", **options)
        budget_ms = REQUEST_MS if cancelled else BUDGET_MS
        async with asyncio.timeout(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(BUDGET_MS / 1000 if cancelled else None):
                    await begun(client, budget_ms=budget_ms)
            await gone.wait()
        server.close()
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
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await answer(reader, writer, requests=requests)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        options: dict[str, Any] = {"request_timeout_ms": REQUEST_MS}
        client = made(bootstrap_servers=f"{host}:{port}", **options)
        beginning = asyncio.ensure_future(begun(client, budget_ms=REQUEST_MS))
        await asyncio.sleep(0.1)
        for wait_s in (again_s, 0.0):
            beginning.cancel()
            await asyncio.sleep(wait_s)
        with pytest.raises(asyncio.CancelledError):
            await beginning
        server.close()

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
