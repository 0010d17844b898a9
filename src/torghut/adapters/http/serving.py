"""Serving an ASGI application with uvicorn's protocols inside the caller's event loop.

uvicorn's own server takes the process's signals, its log and its event loop. Here it takes nothing:
who calls decides when it ends.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from torghut.adapters.http.bounded_requests import BoundedRequests
from torghut.adapters.http.limits import HttpLimits
from torghut.adapters.http.listening import listening
from torghut.adapters.http.subscriber_wires import BoundedWebSocket
from torghut.kernel.units import MS_PER_S

Application = Callable[..., Awaitable[None]]
"""An ASGI 3 application."""

_BACKLOG: Final = 2048


@asynccontextmanager
async def serve_http(
    app: Application,
    *,
    listen: str,
    limits: HttpLimits,
    anywhere: bool = False,
) -> AsyncIterator[str]:
    """Serve ``app`` while the block lasts; the address is given.

    Args:
        app: An ASGI 3 application.
        listen: ``ADDRESS:PORT``, port 0 for any that is free, or ``unix:PATH``.
        limits: What bounds every connection.
        anywhere: Whether other machines may reach the address.

    Raises:
        TorghutError: It cannot listen there.
    """
    config, state = _config(app, limits), ServerState()
    protocol = partial(BoundedRequests, config=config, state=state, limits=limits)
    loop = asyncio.get_running_loop()
    with listening(listen, anywhere=anywhere) as bound:
        unix = bound.socket.family is socket.AF_UNIX
        create = loop.create_unix_server if unix else loop.create_server
        server = await create(protocol, sock=bound.socket, backlog=_BACKLOG)
        try:
            yield bound.address
        finally:
            server.close()
            await _close(state, limits)


def _config(app: Application, limits: HttpLimits) -> Config:
    """Return what uvicorn's protocols are told."""
    config = Config(
        app,
        http=BoundedRequests,
        ws=BoundedWebSocket,
        ws_max_size=limits.message_bytes,
        ws_ping_interval=None,  # heartbeats are sent anyway
        ws_per_message_deflate=False,  # a frame that is compressed cannot be shared
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",  # what a peer does wrong is told to the peer
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=int(limits.idle_ms / MS_PER_S),
    )
    config.load()
    return config


async def _close(state: ServerState, limits: HttpLimits) -> None:
    """Ask every connection to end, and end what has not by then."""
    for connection in list(state.connections):
        connection.shutdown()
    tasks = list(state.tasks)
    if tasks:
        await asyncio.wait(tasks, timeout=limits.close_ms / MS_PER_S)
    for task in tasks:
        task.cancel()
    for connection in list(state.connections):
        connection.transport.abort()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # the event loop tells each protocol that its connection is gone
