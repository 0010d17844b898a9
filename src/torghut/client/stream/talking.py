"""Questions to the live service and their answers: asked again after every lost connection.

What is sent is named by its content, so sending it again is harmless. Answers never wait behind a
slow reader: this connection keeps no outcomes but those that somebody asked for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from typing_extensions import override
from websockets.asyncio.client import ClientConnection

from torghut.client.errors import AnswerLateError, InFlightFullError, NotTakenError
from torghut.client.limits import Limits
from torghut.client.stream.link import MS, Ends, Notice
from torghut.client.stream.pulse import Pulse
from torghut.client.wire.messages import (
    Answered,
    Decided,
    Fault,
    Heartbeat,
    Incoming,
    Outcome,
    Refused,
)

_LINES_MAX: Final = 256
_BYTES_MAX: Final = 262_144
"""Of one message; the service takes four times as much."""


class Name(NamedTuple):
    """What a question is about.

    Attributes:
        kind: ``context`` or ``control``.
        id: Its id.
    """

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Answer(NamedTuple):
    """What came of a question.

    Attributes:
        message: As it was read.
        line: As it came.
    """

    message: Outcome | Answered
    line: str


@dataclass(slots=True, eq=False)
class _Question:
    """Something sent that waits for its answer.

    Attributes:
        line: As it is sent.
        askers: All who ask the same, and get the same answer.
    """

    line: str
    askers: set[asyncio.Future[Answer]] = field(default_factory=set)


@dataclass(slots=True)
class Talking(Ends):
    """Sends questions and hands answers to those who ask.

    Attributes:
        limits: Whose budgets hold, and how many may wait.
        pulse: Of its connection, to say why an answer is late.
        notices: Where faults that concern no question go.
    """

    limits: Limits
    pulse: Pulse
    notices: deque[Notice]
    _questions: MutableMapping[Name, _Question] = field(default_factory=dict)
    _unsent: dict[Name, None] = field(default_factory=dict)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, name: Name, line: str, budget_ms: int) -> Answer:
        """Return what came of a question.

        Raises:
            AnswerLateError: Nothing within the budget.
            NotTakenError: The service refuses it for good.
            InFlightFullError: Too many questions wait already.
        """
        loop = asyncio.get_running_loop()
        question = self._question(name, line)
        answer: asyncio.Future[Answer] = loop.create_future()
        question.askers.add(answer)
        late = loop.call_later(budget_ms / MS, self._is_late, name, budget_ms, answer)
        try:
            return await answer
        finally:
            late.cancel()
            question.askers.discard(answer)
            if not question.askers and self._questions.get(name) is question:
                del self._questions[name]
                self._unsent.pop(name, None)

    def _is_late(self, name: Name, budget_ms: int, answer: asyncio.Future[Answer]) -> None:
        """Tell one who asks that the budget is over."""
        if not answer.done():
            name_of, reason = self.pulse.state
            state = f"{name_of} ({reason})" if reason else name_of
            answer.set_exception(AnswerLateError(what=str(name), budget_ms=budget_ms, state=state))

    @override
    def query(self) -> str:
        return "after=now"

    @override
    async def take(self, message: Incoming, line: str) -> None:
        if isinstance(message, Decided):
            self._answered(Name("context", message.decision.context_id), Answer(message, line))
        elif isinstance(message, Refused):
            self._answered(Name("context", message.refusal.context_id), Answer(message, line))
        elif isinstance(message, Answered):
            self._answered(Name("control", message.control_id), Answer(message, line))
        elif isinstance(message, Fault):
            self._faulted(message)
        elif isinstance(message, Heartbeat):
            self.pulse.doubt = ""

    @override
    async def speak(self, connection: ClientConnection) -> None:
        """Send every question that waits for an answer, then each new one, many at a time."""
        self._unsent = dict.fromkeys(self._questions)
        self._wanted.set()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while batch := self._batch():
                async with asyncio.timeout(self.limits.send_ms / MS):
                    await connection.send(batch)

    def _question(self, name: Name, line: str) -> _Question:
        """Return the question of that name, put if need be."""
        known = self._questions.get(name)
        if known is not None:
            return known
        if len(self._questions) >= self.limits.in_flight_max:
            raise InFlightFullError(limit=self.limits.in_flight_max)
        question = self._questions[name] = _Question(line)
        self._put(name)
        return question

    def _put(self, name: Name) -> None:
        """Have a question sent."""
        self._unsent[name] = None
        self._wanted.set()

    def _put_again(self, name: Name, question: _Question) -> None:
        """Have a question sent again, if somebody still asks it."""
        if self._questions.get(name) is question:
            self._put(name)

    def _batch(self) -> str:
        """Return the next lines to send in one message; empty where there are none."""
        lines: list[str] = []
        size = 0
        while self._unsent and len(lines) < _LINES_MAX and size < _BYTES_MAX:
            name = next(iter(self._unsent))
            del self._unsent[name]
            question = self._questions.get(name)
            if question is not None:
                lines.append(question.line)
                size += len(question.line)
        return "\n".join(lines)

    def _answered(self, name: Name, answer: Answer) -> None:
        """Hand an answer to those who wait for it."""
        question = self._questions.pop(name, None)
        for asker in question.askers if question is not None else ():
            if not asker.done():
                asker.set_result(answer)

    def _faulted(self, fault: Fault) -> None:
        """Ask again what may be asked again; tell the others that it was not taken."""
        name = Name("context", fault.context_id)
        if fault.control_id:
            name = Name("control", fault.control_id)
        question = self._questions.get(name)
        if question is None:
            self.notices.append(Notice("fault", f"{fault.code}: {fault.detail}"))
        elif fault.retry_after_ms is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(fault.retry_after_ms / MS, self._put_again, name, question)
        else:
            del self._questions[name]
            for asker in question.askers:
                if not asker.done():
                    asker.set_exception(_not_taken(name, fault))


def _not_taken(name: Name, fault: Fault) -> NotTakenError:
    """Return what one who asks is told of a fault; each one gets an error of its own."""
    return NotTakenError(what=str(name), service_code=fault.code, detail=fault.detail)
