"""What every request needs, and who it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from fastapi import Request

from torghut.entrypoints.api.asgi import Scope
from torghut.entrypoints.api.heartbeats import Heartbeats
from torghut.kernel.units import MS_PER_S
from torghut.schemas.control import ControlRecord
from torghut.schemas.live.delivery import Answered
from torghut.workflows.live.access.gate import Gatekeeper
from torghut.workflows.live.access.tokens import Caller, Role
from torghut.workflows.live.errors import AnswerLateError
from torghut.workflows.live.observing.requests import RequestObserver
from torghut.workflows.live.ports import Desk

T = TypeVar("T")

_CALLER: Final = "torghut.caller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the API stands on.

    Attributes:
        desk: The live service.
        gate: Knows who may do what.
        heartbeats: Told to all who listen.
        metrics: Returns them as Prometheus reads them.
        failed: Told of what nobody foresaw.
        observer: Told of every request; None where nobody observes.
        document: The API's own description, as JSON.
    """

    desk: Desk
    gate: Gatekeeper
    heartbeats: Heartbeats
    metrics: Callable[[], bytes]
    failed: Callable[[Exception], None]
    document: bytes
    observer: RequestObserver | None = None

    def accepted(self, caller: Caller, records: Sequence[ControlRecord]) -> None:
        """Let it be known who brings control records that are let in."""
        if self.observer is not None:
            self.observer.accepted(caller.name, records)

    def released(self, caller: Caller, answered: Answered) -> None:
        """Let it be known who released a switch."""
        if self.observer is not None:
            self.observer.operated(caller.name, answered.control_id, kind="switch", symbol="*")

    async def in_time(self, work: Awaitable[T], what: str) -> T:
        """Return what ``work`` gives within the budget of an answer, which it does not keep itself.

        Raises:
            AnswerLateError: It does not.
        """
        budget_ms = self.desk.policy.door.answer_ms
        try:
            async with asyncio.timeout(budget_ms / MS_PER_S):
                return await work
        except TimeoutError as error:
            raise AnswerLateError(what=what, budget_ms=budget_ms) from error


def services_of(request: Request) -> Services:
    """Return what the application of a request stands on."""
    found: object = request.app.state.services
    if not isinstance(found, Services):
        message = "an application without services answers nothing"
        raise TypeError(message)
    return found


def remember_caller(scope: Scope, caller: Caller) -> None:
    """Keep who a request comes from."""
    scope[_CALLER] = caller


def caller_in(scope: Scope) -> Caller:
    """Return who a request comes from."""
    found = scope[_CALLER]
    if not isinstance(found, Caller):
        message = "a request without a caller gets no further than the gate"
        raise TypeError(message)
    return found


def caller_name(scope: Scope) -> str:
    """Return the name of the token that a request comes with; empty where there is none."""
    found: object = scope.get(_CALLER)
    return found.name if isinstance(found, Caller) else ""


def caller_of(request: Request) -> Caller:
    """Return who a request comes from."""
    return caller_in(request.scope)


def needs(role: Role) -> Callable[[Request], Awaitable[None]]:
    """Return a dependency that lets on only who has ``role``."""

    async def check(request: Request) -> None:
        caller_of(request).require(role)

    return check
