"""What each path of the API does: parse, ask the desk, answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AbstractContextManager, aclosing, nullcontext
from typing import Annotated, Final

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from typing_extensions import override

from torghut.entrypoints.api.asgi import Receive, Scope, Send
from torghut.entrypoints.api.errors import OutcomeUnknownError, RequestUnfitError, UnreadyError
from torghut.entrypoints.api.faults import JSON
from torghut.entrypoints.api.rest.bodies import NDJSON, read_lines, read_object
from torghut.entrypoints.api.rest.following import Following
from torghut.entrypoints.api.rest.queries import (
    FollowQuery,
    NoQuery,
    OutcomeQuery,
    position_after,
)
from torghut.entrypoints.api.services import caller_of, services_of
from torghut.kernel.canonical import JsonRefusedError, parse_json_object
from torghut.schemas.live.delivery import Answered, SwitchName
from torghut.schemas.live.offering import ReleaseAsked
from torghut.schemas.live.position import Position
from torghut.schemas.types import first_problem
from torghut.workflows.live.access.reporting import role_for
from torghut.workflows.live.offers import parse_offered
from torghut.workflows.live.ports import Told
from torghut.workflows.running.controls import parse_control

_METRICS_TYPE: Final = "text/plain; version=1.0.0; charset=utf-8"
_ALIVE: Final = b'{"alive":true}'
_READY: Final = b'{"ready":true}'

Nothing = Annotated[NoQuery, Query()]
"""Makes whatever stands in the query a refusal."""


class LinesResponse(StreamingResponse):
    """A stream of JSON lines, let go of when the one who reads it goes.

    Args:
        lines: What is told.
        place: Kept while it is; refuses before anything is told.
    """

    def __init__(
        self, lines: AsyncGenerator[bytes], place: AbstractContextManager[None] | None = None
    ) -> None:
        super().__init__(lines, media_type=NDJSON)
        self._lines = lines
        self._place = place or nullcontext()

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._lines):
            with self._place:
                await super().__call__(scope, receive, send)


async def alive() -> Response:
    """Say that the process takes requests; nothing else."""
    return Response(_ALIVE, media_type=JSON)


async def ready(request: Request) -> Response:
    """Say whether contexts would be decided durably; if not, what is missing."""
    missing = tuple(services_of(request).desk.unready())
    if missing:
        raise UnreadyError(missing=missing)
    return Response(_READY, media_type=JSON)


async def metrics(request: Request, _: Nothing) -> Response:
    """Return every metric as Prometheus reads them."""
    return Response(services_of(request).metrics(), media_type=_METRICS_TYPE)


async def document(request: Request, _: Nothing) -> Response:
    """Return this document."""
    return Response(services_of(request).document, media_type=JSON)


async def status(request: Request, _: Nothing) -> Response:
    """Return everything about the worker that answers."""
    return Response(services_of(request).desk.status().model_dump_json(), media_type=JSON)


async def switches(request: Request, _: Nothing) -> Response:
    """Return the switches in force, a line each."""
    standing = services_of(request).desk.status().switches
    return _lines([one.model_dump_json().encode() for one in standing])


async def decide(request: Request, _: Nothing) -> Response:
    """Decide contexts, and answer once the outcomes are durable: a line each, in order.

    What was offered before is not decided again: its first outcome is the answer. If one line is
    no context, none is taken.
    """
    services = services_of(request)
    lines = await read_lines(request, services.desk.policy.door)
    offered = [parse_offered(line, f"line {place}") for place, line in enumerate(lines, start=1)]
    return _lines(await services.desk.decide(offered))


async def submit(request: Request, _: Nothing) -> Response:
    """Take control records, and answer once they are durable: a line each, in order.

    Fills, orders, positions, news and fundamentals need the role report, all else operate. If one
    line is no control record, none is taken.
    """
    services, caller = services_of(request), caller_of(request)
    lines = await read_lines(request, services.desk.policy.door)
    records = [
        parse_control(line, f"line {place}").record for place, line in enumerate(lines, start=1)
    ]
    for record in records:
        caller.require(role_for(record))
    services.accepted(caller, records)
    return _answers(await services.desk.submit(records))


async def release(request: Request, name: SwitchName, _: Nothing) -> Response:
    """Release a switch, on the record; its file is taken away once that is durable.

    Only the throws that are named end by it: if the switch was thrown anew, nothing is released.
    """
    services = services_of(request)
    desk = services.desk
    asked = _release_asked(await read_object(request, desk.policy.door))
    caller = caller_of(request)
    who = ", ".join(filter(None, (asked.who, f"{caller.name} over the API")))
    answered = await desk.release(name, reason=asked.reason, who=who, ends=asked.ends)
    services.released(caller, answered)
    return Response(answered.model_dump_json(), media_type=JSON)


async def outcome(request: Request, asked: Annotated[OutcomeQuery, Query()]) -> Response:
    """Return what became of a context."""
    services = services_of(request)
    found = await services.in_time(services.desk.outcome(asked.context_id), "one outcome")
    if found is None:
        raise OutcomeUnknownError
    return Response(found, media_type=JSON)


async def decisions(request: Request, asked: Annotated[FollowQuery, Query()]) -> Response:
    """Return outcomes after a position, oldest first, a line each; followed, with heartbeats."""
    services, after = services_of(request), position_after(asked.after)
    told, newest = services.desk.follow(after), services.desk.newest()
    return _told(request, asked, told, newest)


async def controls(request: Request, asked: Annotated[FollowQuery, Query()]) -> Response:
    """Return what became of control records after a position, and where they applied."""
    services, after = services_of(request), position_after(asked.after)
    told, newest = services.desk.follow_controls(after), services.desk.newest_control()
    return _told(request, asked, told, newest)


def _told(
    request: Request, asked: FollowQuery, told: AsyncIterator[Told], newest: Position | None
) -> Response:
    """Return a stream up to now, or one that goes on."""
    services, after = services_of(request), position_after(asked.after)
    policy = services.desk.policy
    following = Following(
        caller=caller_of(request),
        gate=services.gate,
        heartbeats=services.heartbeats,
        budget_ms=policy.door.answer_ms,
    )
    if asked.follow == "0":
        reached = newest is None or after is None or after >= newest
        return LinesResponse(following.lines_until(told, None if reached else newest))
    place = services.heartbeats.place(policy.telling.subscribers_max)
    return LinesResponse(following.lines(told), place)


def _release_asked(body: bytes) -> ReleaseAsked:
    """Return what a body asks for."""
    try:
        return ReleaseAsked.model_validate(parse_json_object(body))
    except JsonRefusedError as error:
        raise RequestUnfitError(
            place="body", expected="one JSON object", found=error.found
        ) from error
    except ValidationError as error:
        first = first_problem(error)
        raise RequestUnfitError(
            place="body", expected=first.at("the body"), found=first.found
        ) from error


def _answers(answers: Iterable[Answered]) -> Response:
    """Return what became of control records."""
    return _lines([one.model_dump_json().encode() for one in answers])


def _lines(lines: Iterable[bytes]) -> Response:
    """Return JSON lines."""
    body = b"".join(line.rstrip(b"\n") + b"\n" for line in lines)
    return Response(body, media_type=NDJSON)
