"""What is observed of each request: how it was answered, and why it was refused."""

from __future__ import annotations

from typing import Final

from torghut.entrypoints.api.asgi import Scope, header_values
from torghut.entrypoints.api.services import caller_name
from torghut.kernel.clock import SteadyNs
from torghut.kernel.errors import TorghutError
from torghut.workflows.live.observing.requests import Asked, RequestObserver

STREAM: Final = "/v1/stream"
"""The one path that is a WebSocket."""

_WATCHED: Final = "torghut.watched"


class Watched:
    """What is observed of one request.

    Args:
        scope: Of the request; routing adds to it.
        observer: Told of it; None where nobody observes.
    """

    def __init__(self, scope: Scope, observer: RequestObserver | None) -> None:
        self._scope = scope
        self._observer = observer
        self._begun_ns = SteadyNs(0) if observer is None else observer.steady.now_ns()

    def answered(self, status: int) -> None:
        """Take in that the first bytes of an answer are sent."""
        if self._observer is not None:
            self._observer.answered(self._asked(), status)

    def refused(self, error: TorghutError) -> None:
        """Take in that the request is refused."""
        if self._observer is not None:
            self._observer.refused(self._asked(), error)

    def _asked(self) -> Asked:
        """Return the request as far as it is observed."""
        template = getattr(self._scope.get("route"), "path", None)
        if self._scope["type"] == "websocket" and self._scope["path"] == STREAM:
            template = STREAM
        parents = header_values(self._scope, b"traceparent")
        return Asked(
            template=template,
            method=str(self._scope.get("method", "GET")),
            begun_ns=self._begun_ns,
            caller=caller_name(self._scope),
            traceparent=parents[0].decode("ascii", errors="replace") if parents else "",
        )


def watch_over(scope: Scope, observer: RequestObserver | None) -> Watched:
    """Return what is observed of a request from here on; whoever has its scope finds it again."""
    watched = Watched(scope, observer)
    scope[_WATCHED] = watched
    return watched


def watched(scope: Scope) -> Watched:
    """Return what is observed of a request."""
    found: object = scope.get(_WATCHED)
    return found if isinstance(found, Watched) else Watched(scope, None)
