"""Is a process there, is it ready, what are its figures: three answers for who keeps it running.

For workers that have no API; a service answers the same on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from torghut.entrypoints.api.asgi import Receive, Scope, Send, header_values
from torghut.entrypoints.api.errors import MethodUnknownError, PathUnknownError, UnreadyError
from torghut.entrypoints.api.faults import fault_body, fault_headers, status_of
from torghut.kernel.errors import TorghutError
from torghut.workflows.live.access.gate import Gatekeeper

_JSON: Final = b"application/json"
_TEXT: Final = b"text/plain; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """An ASGI 3 application.

    Attributes:
        unready: Says what is missing, in words; nothing if all is there.
        metrics: Returns them as Prometheus reads them.
        gate: Knows who may read them.
    """

    unready: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]
    gate: Gatekeeper

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            message = "only http is spoken"  # what ASGI wants said of a lifespan
            raise NotImplementedError(message)
        try:
            kind, body = self._answer(scope)
            await _send(send, HTTPStatus.OK, [(b"content-type", kind)], body)
        except TorghutError as error:
            headers = [(k.encode(), v.encode()) for k, v in fault_headers(error).items()]
            await _send(send, status_of(error), headers, fault_body(error))

    def _answer(self, scope: Scope) -> tuple[bytes, bytes]:
        """Return type and body of an answer.

        Raises:
            TorghutError: There is none, or not for whoever asks.
        """
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodUnknownError
        match scope["path"]:
            case "/healthz":
                return _JSON, b'{"alive":true}'
            case "/readyz":
                if missing := tuple(self.unready()):
                    raise UnreadyError(missing=missing)
                return _JSON, b'{"ready":true}'
            case "/metrics":
                self.gate.admit(header_values(scope, b"authorization"))
                return _TEXT, self.metrics()
            case _:
                raise PathUnknownError


def health(
    unready: Callable[[], Sequence[str]], *, metrics: Callable[[], bytes], gate: Gatekeeper
) -> Health:
    """Return what answers for a worker."""
    return Health(unready=unready, metrics=metrics, gate=gate)


async def _send(
    send: Send, status: HTTPStatus | int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Send a whole answer."""
    length = (b"content-length", b"%d" % len(body))
    always = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"), length]
    await send(
        {"type": "http.response.start", "status": int(status), "headers": [*headers, *always]}
    )
    await send({"type": "http.response.body", "body": body})
