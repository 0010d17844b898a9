"""HTTP/1.1 as uvicorn speaks it, with bounds on what a peer may send, and how slowly.

uvicorn bounds neither the size of headers nor the time a request takes. What is refused here is
told as ``live.fault.v1``, like everything that the application refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from torghut.adapters.http.errors import (
    ConnectionsExhaustedError,
    HandshakeMalformedError,
    HeaderTooLongError,
    RequestLateError,
    RequestMalformedError,
)
from torghut.adapters.http.limits import HttpLimits
from torghut.adapters.http.refusing import refusal
from torghut.adapters.http.socket_options import bound_silence
from torghut.adapters.http.stalling import Stall
from torghut.adapters.http.subscriber_wires import BoundedWebSocket
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S

_VERSIONS: Final = frozenset({"1.0", "1.1"})
_SEPARATORS: Final = len(b": \r\n")


class BoundedRequests(HttpToolsProtocol):
    """One connection, until it is closed or becomes a WebSocket.

    Args:
        config: Of uvicorn.
        state: What its connections share.
        limits: What bounds them.
    """

    def __init__(self, *, config: Config, state: ServerState, limits: HttpLimits) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self.ws_protocol_class = partial(BoundedWebSocket, limits=limits)  # type: ignore[assignment]
        self.timeout_keep_alive = limits.idle_ms / MS_PER_S  # type: ignore[assignment]
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: Stall | None = None
        self._begun = self._ending = False
        self._in_header = True
        self._ended_message = False
        self._unparsed_bytes = 0
        self._header_bytes = 0
        self._why: tuple[HTTPStatus, TorghutError] | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        budget_ms = self._limits.send_ms
        bound_silence(transport, budget_ms)
        self._stall = Stall(transport=transport, budget_ms=budget_ms, over=self._stalled)
        limit = self._limits.connections_max
        if len(self.connections) > limit:
            error = ConnectionsExhaustedError(limit=limit)
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, error)
        else:
            self._set_deadline()

    def _stalled(self) -> None:
        """Let go a peer that takes nothing."""
        self._limits.let_go(self._limits.send_ms / MS_PER_S)
        self.transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        if self._stall is not None:
            self._stall.end()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._ending:
            return  # read and thrown away: a peer that is still sending would lose the answer
        self._begun = True
        self._ended_message = False
        if self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            self._set_deadline()
        super().data_received(data)
        if self._in_header and not self._ended_message:
            # The parser tells nobody of a header before its end, and keeps all of it.
            self._unparsed_bytes += len(data)
            if self._unparsed_bytes > self._limits.header_bytes:
                self._refuse(*self._too_long())

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_bytes = 0
        self._set_deadline()

    @override
    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + _SEPARATORS)
        super().on_header(name, value)
        if len(self.headers) > self._limits.headers_max:
            self._end_parsing()

    @override
    def on_headers_complete(self) -> None:
        self._in_header, self._unparsed_bytes = False, 0
        if self.parser.get_http_version() not in _VERSIONS:
            raise RequestMalformedError
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            ending = _Ending(self.transport, self.end)
            self.cycle.transport = ending  # type: ignore[assignment]

    @override
    def on_message_complete(self) -> None:
        self._in_header, self._ended_message = True, True
        self._clear_deadline()
        super().on_message_complete()

    @override
    def handle_websocket_upgrade(self) -> None:
        self._clear_deadline()
        if self._stall is not None:
            self._stall.end()
        if self.scope["method"] != "GET":
            self._refuse(HTTPStatus.BAD_REQUEST, HandshakeMalformedError())
            return
        super().handle_websocket_upgrade()

    @override
    def _unsupported_upgrade_warning(self) -> None:
        if self.cycle is not None:
            self.cycle.keep_alive = False  # what comes after it could be any protocol

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(*(self._why or (HTTPStatus.BAD_REQUEST, RequestMalformedError())))

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

    def _count(self, size: int) -> None:
        """Count bytes of a header, or of what follows a body in the manner of one."""
        self._header_bytes += size
        if self._header_bytes > self._limits.header_bytes:
            self._end_parsing()

    def _end_parsing(self) -> None:
        """Leave the parser, which says so to ``send_400_response``."""
        self._why = self._too_long()
        raise self._why[1]

    def _too_long(self) -> tuple[HTTPStatus, TorghutError]:
        """Return why a header is refused."""
        error = HeaderTooLongError(limit=self._limits.header_bytes)
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, error

    def _set_deadline(self) -> None:
        """Give a request its time, from here on."""
        self._clear_deadline()
        self._deadline = self.loop.call_later(self._limits.request_ms / MS_PER_S, self._late)

    def _clear_deadline(self) -> None:
        """Let a request that is whole take what time it needs."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        """End a connection whose request is not whole in time; one that said nothing, silently."""
        self._deadline = None
        if self._begun:
            error = RequestLateError(budget_ms=self._limits.request_ms)
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, error)
        else:
            self.transport.close()

    def end(self) -> None:
        """End the connection once what was written is taken, and with it all that still comes."""
        self._ending = True
        self._clear_deadline()
        if self._in_header or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._deadline = self.loop.call_later(
            self._limits.close_ms / MS_PER_S, self.transport.abort
        )

    def _refuse(self, status: HTTPStatus, error: TorghutError) -> None:
        """Go no further; say why, if what is said would be taken for the right answer."""
        if self._ending or self.transport.is_closing():
            return
        if self._answering() and self._in_header:
            self.cycle.keep_alive = False  # what came whole is answered first
            self._ending = True
            return
        if self._answering():
            may_say = not (self.pipeline or self.cycle.response_started)
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        else:
            may_say = self._in_header
        if may_say:
            self.transport.write(refusal(status, error))
        self._in_header = False
        self.end()

    def _answering(self) -> bool:
        """Say whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete


class _Ending:
    """A connection as one request's answer sees it, which may end it too soon.

    Args:
        transport: Of the connection.
        end: Ends it.
    """

    def __init__(self, transport: asyncio.Transport, end: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = end
