"""The stream: outcomes and heartbeats down, contexts and control records up, in one WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import parse_qsl

from pydantic import ValidationError
from typing_extensions import override

from torghut.entrypoints.api.asgi import Receive, Scope, Send
from torghut.entrypoints.api.errors import MessageNotTextError, RequestUnfitError
from torghut.entrypoints.api.faults import fault_body
from torghut.entrypoints.api.heartbeats import Heartbeats, Listener
from torghut.entrypoints.api.rest.queries import StreamQuery, position_after
from torghut.entrypoints.api.services import Services, caller_in
from torghut.entrypoints.api.streaming.sending import Sender
from torghut.kernel.errors import TorghutError
from torghut.schemas.types import first_problem
from torghut.workflows.live.access.errors import TokenUnknownError
from torghut.workflows.live.access.gate import Gatekeeper
from torghut.workflows.live.access.tokens import Caller
from torghut.workflows.live.ports import Told
from torghut.workflows.live.told.frames import WIRE, Wire, text_frame

_ENDING: Final = 1001
_NOT_TEXT: Final = 1003
_NOT_ALLOWED: Final = 1008
_FAILED: Final = 1011
_FIELDS_MAX: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Serves every WebSocket that was let in.

    Attributes:
        services: What the API stands on.
    """

    services: Services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one subscriber until it goes, or has to."""
        asked, services = _asked(scope), self.services
        with services.heartbeats.place(services.desk.policy.telling.subscribers_max):
            await receive()
            await send({"type": "websocket.accept"})
            wire = cast("Wire", cast("Mapping[str, object]", scope["extensions"])[WIRE])
            subscriber = _Subscriber(
                caller=caller_in(scope),
                gate=services.gate,
                wire=wire,
                heartbeats=services.heartbeats,
            )
            try:
                await subscriber.serve(services, asked, receive)
            except Exception:
                wire.drop(_FAILED, "the service failed; see its log")
                raise


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subscriber(Listener):
    """One who listens, and may send.

    Attributes:
        caller: Who it is.
        gate: Says whether its token is still good.
        wire: The connection.
        heartbeats: Told to it while it listens.
    """

    caller: Caller
    gate: Gatekeeper
    wire: Wire
    heartbeats: Heartbeats

    @override
    def beat(self, line: bytes, frame: bytes) -> None:
        if self.gate.lost(self.caller):
            self.wire.drop(_NOT_ALLOWED, TokenUnknownError.code)
        elif self.wire.ready:
            self.wire.write(frame)

    async def serve(self, services: Services, asked: StreamQuery, receive: Receive) -> None:
        """Tell and take until the subscriber goes, or has to."""
        sender = Sender(services=services, caller=self.caller, wire=self.wire)
        after = position_after(asked.after)
        with self.heartbeats.joined(self):
            self.wire.write(text_frame(self.heartbeats.line()))
            try:
                async with asyncio.TaskGroup() as tasks:
                    beside = [
                        tasks.create_task(self._tell(services.desk.follow(after))),
                        tasks.create_task(sender.answer()),
                    ]
                    if asked.controls == "1":
                        told = services.desk.follow_controls(after)
                        beside.append(tasks.create_task(self._tell(told)))
                    await self._listen(receive, sender)
                    for task in beside:
                        task.cancel()
            except* ConnectionError:
                pass  # it is gone, and so is everybody who would want to know
            except* TorghutError as group:
                self._end(_first(group))

    async def _tell(self, told: AsyncIterator[Told]) -> None:
        """Write what comes, each as one message, as fast as the peer takes it."""
        async for one in told:
            await self.wire.drain()
            self.wire.write(text_frame(one.lines))
        self.wire.drop(_ENDING, "there is no more")

    async def _listen(self, receive: Receive, sender: Sender) -> None:
        """Take what comes until the connection ends."""
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            text = event.get("text")
            if not isinstance(text, str):
                raise MessageNotTextError
            await sender.take(text.encode())

    def _end(self, error: TorghutError) -> None:
        """Say why the connection ends, and end it."""
        self.wire.write(text_frame(fault_body(error) + b"\n"))
        if isinstance(error, MessageNotTextError):
            code = _NOT_TEXT
        elif isinstance(error, TokenUnknownError):
            code = _NOT_ALLOWED
        else:
            code = _FAILED
        self.wire.drop(code, error.code)


def _asked(scope: Scope) -> StreamQuery:
    """Return what a subscriber asks for.

    Raises:
        RequestUnfitError: It is nothing that may be asked.
    """
    text = cast("bytes", scope["query_string"]).decode("ascii", errors="replace")
    try:
        fields = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX)
        if len(dict(fields)) < len(fields):
            raise RequestUnfitError(place="query", expected="each key once", found="one twice")
        return StreamQuery.model_validate(dict(fields))
    except ValidationError as error:
        first = first_problem(error)
        raise RequestUnfitError(
            place="query", expected=first.at("query"), found=first.found
        ) from error
    except ValueError as error:
        raise RequestUnfitError(
            place="query", expected=f"at most {_FIELDS_MAX} keys", found="more"
        ) from error


def _first(group: BaseExceptionGroup[TorghutError]) -> TorghutError:
    """Return the first error of a group."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
