"""WebSocket as uvicorn speaks it, with ready-made frames, bounded memory and typed refusals.

uvicorn makes every frame anew for every connection. To a thousand subscribers who are told the
same, the same bytes are written (``Wire``). A peer that does not read is let go, whatever it sends
meanwhile.
"""

from __future__ import annotations

import asyncio
from asyncio.transports import BaseTransport
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request

from torghut.adapters.http.errors import HandshakeMalformedError
from torghut.adapters.http.limits import HttpLimits
from torghut.adapters.http.refusing import closing_response, refusal
from torghut.adapters.http.stalling import Stall
from torghut.kernel.units import MS_PER_S
from torghut.workflows.live.told.frames import WIRE, Wire

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent, WebSocketResponseStartEvent

_TRY_AGAIN_LATER: Final = 1013


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket, from its handshake on.

    Args:
        config: Of uvicorn.
        server_state: What its connections share.
        app_state: Of uvicorn; not used.
        limits: What bounds it.
    """

    def __init__(
        self,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        limits: HttpLimits,
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self._limits = limits
        self._stall: Stall | None = None
        self._rejection: WebSocketResponseStartEvent | None = None

    @override
    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._stall = Stall(
            transport=cast("asyncio.Transport", transport),
            budget_ms=self._limits.send_ms,
            over=self._over,
        )

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._stall is not None:
            self._stall.end()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if not self.handshake_initiated:
            self.refuse()

    @override
    def handle_connect(self, event: Request) -> None:
        if self.conn.accept(event).status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            super().handle_connect(event)
        else:
            self.refuse()

    @override
    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:  # before it was open: there is nobody to say it to
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
            self.close_sent = True
            self.transport.close()
        else:
            super().handle_parser_exception()

    @override
    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # one who does not read gets no answers to keep

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is not None:
            self._stall.begin()

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.end()

    @override
    async def run_asgi(self) -> None:
        extensions = cast("dict[str, object]", self.scope["extensions"])
        extensions[WIRE] = OpenWire(self)
        await super().run_asgi()

    @override
    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.http.response.start":
            self._rejection = message
        elif message["type"] == "websocket.http.response.body" and self._rejection is not None:
            status = HTTPStatus(self._rejection["status"])
            self._answer(closing_response(status, self._rejection["headers"], message["body"]))
        else:
            await super().send(message)

    def refuse(self) -> None:
        """Answer what is no handshake."""
        self._answer(refusal(HTTPStatus.BAD_REQUEST, HandshakeMalformedError()))

    def drop(self, code: int, reason: str) -> None:
        """Close, whether the peer reads or not."""
        if self.close_sent or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.writable.set()  # whoever waits for it is told that it is gone
        self.close_timer = self.loop.call_later(
            self._limits.close_ms / MS_PER_S, self.transport.abort
        )

    def _over(self) -> None:
        """Let go a peer that takes nothing."""
        self._limits.let_go(self._limits.send_ms / MS_PER_S)
        self.drop(_TRY_AGAIN_LATER, f"nothing was taken for {self._limits.send_ms} ms")

    def _answer(self, response: bytes) -> None:
        """Answer a handshake with something else than a WebSocket."""
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.transport.write(response)
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self.transport.close()
        self.close_timer = self.loop.call_later(
            self._limits.close_ms / MS_PER_S, self.transport.abort
        )


class OpenWire(Wire):
    """The application's way to write frames that are ready.

    Args:
        socket: Whose connection it is.
    """

    def __init__(self, socket: BoundedWebSocket) -> None:
        self._socket = socket

    @property
    @override
    def ready(self) -> bool:
        return self._open and self._socket.writable.is_set()

    @override
    def write(self, frame: bytes) -> None:
        if self._open:
            self._socket.transport.write(frame)

    @override
    async def drain(self) -> None:
        await self._socket.writable.wait()
        if not self._open:
            message = "the subscriber is gone"
            raise ConnectionResetError(message)

    @override
    def drop(self, code: int, reason: str) -> None:
        self._socket.drop(code, reason)

    @property
    def _open(self) -> bool:
        """Whether frames may be written."""
        socket = self._socket
        return socket.handshake_complete and not (
            socket.close_sent or socket.disconnected or socket.transport.is_closing()
        )
