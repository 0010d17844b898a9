"""The API's application: routes, refusals and the stream behind one shield."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from torghut.entrypoints.api.asgi import Application, Receive, Scope, Send
from torghut.entrypoints.api.errors import (
    MethodUnknownError,
    PathUnknownError,
    RequestUnfitError,
    UnforeseenError,
)
from torghut.entrypoints.api.faults import fault_body, fault_headers, status_of
from torghut.entrypoints.api.heartbeats import Heartbeats
from torghut.entrypoints.api.rest.openapi import document_text, router
from torghut.entrypoints.api.services import Services
from torghut.entrypoints.api.shield import Shield
from torghut.entrypoints.api.streaming.stream import Stream
from torghut.entrypoints.api.watching import watched
from torghut.kernel.errors import TorghutError
from torghut.workflows.live.access.gate import Gatekeeper
from torghut.workflows.live.observing.requests import RequestObserver
from torghut.workflows.live.ports import Desk

_SHOWN: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The live service's API, an ASGI 3 application.

    Attributes:
        shield: What every request meets first.
        heartbeats: Told to all who listen.
    """

    shield: Shield
    heartbeats: Heartbeats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket."""
        await self.shield(scope, receive, send)

    def subscribers(self) -> int:
        """Return how many listen now, by WebSocket or by a stream of lines."""
        return len(self.heartbeats)


def api(
    desk: Desk,
    gate: Gatekeeper,
    *,
    metrics: Callable[[], bytes],
    failed: Callable[[Exception], None],
    observer: RequestObserver | None = None,
    beaten: Callable[[int], None] = lambda _: None,
) -> Api:
    """Return the API of a live service.

    Args:
        desk: The service.
        gate: Knows who may do what.
        metrics: Returns them as Prometheus reads them.
        failed: Told of what nobody foresaw; who asked is told that something failed, and no more.
        observer: Told of every request; None where nobody observes.
        beaten: Told to how many each heartbeat was told.
    """
    heartbeats = Heartbeats(desk=desk, failed=failed, beaten=beaten)
    services = Services(
        desk=desk,
        gate=gate,
        heartbeats=heartbeats,
        metrics=metrics,
        failed=failed,
        document=document_text().encode(),
        observer=observer,
    )
    stream = Stream(services=services)
    shield = Shield(services=services, requests=_requests(services), stream=stream)
    return Api(shield=shield, heartbeats=heartbeats)


def _requests(services: Services) -> Application:
    """Return what answers requests."""
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    made.state.services = services
    made.router.routes.extend(router().routes)
    made.add_exception_handler(TorghutError, _refused)
    made.add_exception_handler(HTTPStatus.NOT_FOUND, _no_path)
    made.add_exception_handler(HTTPStatus.METHOD_NOT_ALLOWED, _no_method)
    made.add_exception_handler(RequestValidationError, _unfit)
    made.add_exception_handler(Exception, _unforeseen)
    return made


async def _refused(request: Request, error: Exception) -> Response:
    """Answer what was refused."""
    if not isinstance(error, TorghutError):
        return await _unforeseen(request, error)
    watched(request.scope).refused(error)
    return Response(fault_body(error), status_code=status_of(error), headers=fault_headers(error))


async def _no_path(request: Request, _: Exception) -> Response:
    """Answer what no route takes."""
    return await _refused(request, PathUnknownError())


async def _no_method(request: Request, error: Exception) -> Response:
    """Answer what a route takes another way; which, it says itself."""
    answer = await _refused(request, MethodUnknownError())
    said = getattr(error, "headers", None)
    answer.headers["allow"] = said["Allow"] if said else "GET"
    return answer


async def _unfit(request: Request, error: Exception) -> Response:
    """Answer a parameter that is not as the document says."""
    if not isinstance(error, RequestValidationError):
        return await _unforeseen(request, error)
    first = error.errors()[0]
    place, found = ".".join(map(str, first["loc"])), str(first.get("input"))[:_SHOWN]
    unfit = RequestUnfitError(place=place, expected=str(first["msg"]), found=found)
    return await _refused(request, unfit)


async def _unforeseen(request: Request, _: Exception) -> Response:
    """Answer without a word of what it was; who is told of it is the shield's matter."""
    return await _refused(request, UnforeseenError())
