"""Each connection that comes in is talked on by a task of its own, and none outlives the listener.

asyncio's own servers leave open what was accepted a moment before they end. A task that is
cancelled before it began never comes to where it would have closed anything, either.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

from torghut.kernel.units import MS_PER_S

Talk: TypeAlias = Callable[
    [asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]
]
Met: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]

_REST_MS: Final = 1_000
"""Longest that the other side may take to read what was written before the end."""

_TURNS: Final = 3
"""Of the loop, from a connection's being accepted to its being met."""


@asynccontextmanager
async def conversing(
    talk: Talk, listen: Callable[[Met], Awaitable[asyncio.Server]]
) -> AsyncIterator[asyncio.Server]:
    """Talk on every connection that comes while the block lasts; after it none is open.

    Args:
        talk: Talks on one connection, which closes when it returns. At the end of the block it is
            cancelled. What it raises is told to the loop's exception handler.
        listen: Begins to listen, and calls what it is given for each connection.
    """
    open_now: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
    over = False

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if over:
            writer.transport.abort()
            return
        task = asyncio.ensure_future(_whole(talk, reader, writer))
        open_now[task] = writer
        task.add_done_callback(parted)

    def parted(task: asyncio.Task[None]) -> None:
        writer = open_now.pop(task)
        writer.transport.abort()  # does nothing to one that is closed
        if not task.cancelled() and (defect := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a conversation ended unforeseen", "exception": defect}
            )

    server = await listen(met)
    try:
        yield server
    finally:
        over = True
        await _accepted(server)
        server.close()
        for task in open_now:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)
        await server.wait_closed()


async def _accepted(server: asyncio.Server) -> None:
    """Let no further connection come, and those be met that were accepted a moment ago.

    asyncio drops a connection, and leaves it open, whose server closes between the two.
    """
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _whole(talk: Talk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Talk, and let the other side have what was written."""
    try:
        await talk(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):  # TLS errors and a budget that is used up are among them
            async with asyncio.timeout(_REST_MS / MS_PER_S):
                await writer.wait_closed()
