"""What every request meets first and last: who it is, how it is refused, what nobody foresaw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from torghut.entrypoints.api.asgi import Application, Event, Receive, Scope, Send, header_values
from torghut.entrypoints.api.errors import OriginRefusedError, PathUnknownError, UnforeseenError
from torghut.entrypoints.api.faults import fault_body, fault_headers, status_of
from torghut.entrypoints.api.services import Services, remember_caller
from torghut.entrypoints.api.watching import STREAM, watch_over
from torghut.kernel.errors import TorghutError

_SWITCHED: Final = 101
_SPOKEN: Final = frozenset({"http", "websocket"})
_OPEN: Final = frozenset({"/healthz", "/readyz"})
_ALWAYS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shield:
    """The application as a server sees it.

    Attributes:
        services: What it stands on.
        requests: Answers requests that were let in.
        stream: Answers WebSockets that were.
    """

    services: Services
    requests: Application
    stream: Application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket."""
        if scope["type"] not in _SPOKEN:
            message = "only http and websocket are spoken"  # what ASGI wants said of a lifespan
            raise NotImplementedError(message)
        watch = watch_over(scope, self.services.observer)
        kind = "websocket.http" if scope["type"] == "websocket" else "http"
        answer = _Answer(send, kind, watch.answered)
        try:
            self._let_in(scope)
            await self._chosen(scope)(scope, receive, answer.send)
        except TorghutError as error:
            watch.refused(error)
            await answer.refuse(error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the service goes on
            self.services.failed(error)
            await answer.refuse(UnforeseenError())

    def _let_in(self, scope: Scope) -> None:
        """Find out who asks.

        Raises:
            TorghutError: Nobody who is let in.
        """
        if scope["type"] == "http" and scope["path"] in _OPEN:
            return
        if header_values(scope, b"origin"):
            raise OriginRefusedError
        remember_caller(scope, self.services.gate.admit(header_values(scope, b"authorization")))

    def _chosen(self, scope: Scope) -> Application:
        """Return what answers.

        Raises:
            PathUnknownError: Nothing does.
        """
        if scope["type"] == "http":
            return self.requests
        if scope["path"] != STREAM:
            raise PathUnknownError
        return self.stream


class _Answer:
    """What is sent, with the headers that every response has.

    Args:
        send: To the server.
        kind: What the server calls its responses.
        answered: Told the status once the first bytes are sent.
    """

    def __init__(self, send: Send, kind: str, answered: Callable[[int], None]) -> None:
        self._send = send
        self._kind = kind
        self._answered = answered
        self._begun = False

    async def send(self, event: Event) -> None:
        """Send what an application does."""
        if not self._begun:
            self._answered(int(cast("int", event.get("status", _SWITCHED))))
        self._begun = True
        if event["type"] == "http.response.start":
            event["headers"] = [*cast("list[tuple[bytes, bytes]]", event["headers"]), *_ALWAYS]
        await self._send(event)

    async def refuse(self, error: TorghutError) -> None:
        """Send a refusal, unless something else was sent."""
        if self._begun:
            return
        body = fault_body(error)
        headers = [*_encoded(fault_headers(error)), *_ALWAYS]
        if self._kind == "http":
            headers.append((b"content-length", b"%d" % len(body)))
        self._answered(int(status_of(error)))
        start = f"{self._kind}.response.start"
        await self._send({"type": start, "status": int(status_of(error)), "headers": headers})
        await self._send({"type": f"{self._kind}.response.body", "body": body})


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as they are sent."""
    return [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
