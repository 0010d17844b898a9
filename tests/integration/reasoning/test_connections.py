"""Calls of an endpoint keep their connections: another one costs a handshake with each step."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from torghut.adapters.reasoning.calling import Endpoint, EndpointCaller
from torghut.composition import standby
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.errors import EndpointUnreachableError

AT_ONCE: Final = 40
"""More than the twenty that an HTTP client keeps unless told otherwise."""

REPLY: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


FORGED: Final = REPLY.replace(b"{}", b"[]")


@pytest.mark.enable_socket
def test_reply_that_nobody_asked_for_is_not_the_next_ones() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(REPLY)
                await writer.drain()
                await asyncio.sleep(0.05)
                writer.write(FORGED)  # once it has been answered
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the caller let go
        finally:
            writer.close()

    async def main() -> list[bytes]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        steady = standby.steady_clock()
        caller = EndpointCaller(Endpoint(url=f"http://127.0.0.1:{port}"), steady)
        replies = []
        async with server:
            for _ in range(3):
                deadline_ns = steady.now_ns() + 30 * NS_PER_S
                replies.append(await caller.call(b"{}", step="signal", deadline_ns=deadline_ns))
                await asyncio.sleep(0.15)
            await caller.close()
        return replies

    assert asyncio.run(main()) == [b"{}"] * 3


@pytest.mark.enable_socket
def test_what_is_no_http_is_told_without_what_was_sent() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HELLO\r\n\r\n")
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        steady = standby.steady_clock()
        endpoint = Endpoint(url=f"http://127.0.0.1:{port}", key="sk-a-secret")
        caller = EndpointCaller(endpoint, steady)
        async with server:
            with pytest.raises(EndpointUnreachableError) as caught:
                await caller.call(b"{}", step="signal", deadline_ns=steady.now_ns() + NS_PER_S)
            await caller.close()
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    asyncio.run(main())


@pytest.mark.enable_socket
def test_as_many_calls_at_once_as_may_be_share_their_connections_with_the_next() -> None:
    opened = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                await asyncio.sleep(0.05)  # until all of them are under way
                writer.write(REPLY)
        except asyncio.IncompleteReadError:
            pass  # the caller let go
        finally:
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        steady = standby.steady_clock()
        caller = EndpointCaller(Endpoint(url=f"http://127.0.0.1:{port}"), steady)
        deadline_ns = steady.now_ns() + 30 * NS_PER_S
        async with server:
            for _ in range(3):
                calls = [
                    caller.call(b"{}", step="signal", deadline_ns=deadline_ns)
                    for _ in range(AT_ONCE)
                ]
                assert await asyncio.gather(*calls) == [b"{}"] * AT_ONCE
            await caller.close()

    asyncio.run(main())

    assert opened == AT_ONCE
