"""Questions to the live service and their answers: asked again after every lost connection.

What is sent is named by its content, so sending it again is harmless. Answers never wait behind a
slow reader: this connection keeps no outcomes but those that somebody asked for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Final, TypeVar

from typing_extensions import override

from torghut.client.errors import AnswerLateError, ClosedError, InFlightFullError, NotTakenError
from torghut.client.limits import Limits
from torghut.client.stream.link import MS, Ends, Notice
from torghut.client.stream.pulse import Pulse
from torghut.client.stream.questions import Answer, Questions, Sent
from torghut.client.wire.dialing import Connection, Purpose
from torghut.client.wire.messages import (
    Answered,
    Decided,
    Fault,
    Heartbeat,
    Incoming,
    Outcome,
    Refused,
)

A = TypeVar("A")

_LATE: Final = "live.answer-late"
"""The service's own budget ended: what was sent may still be taken, and may be sent again."""

_LINES_MAX: Final = 256
_BYTES_MAX: Final = 262_144
"""Of one message; the service takes four times as much."""


@dataclass(slots=True)
class Talking(Ends):
    """Sends questions and hands answers to those who ask.

    Attributes:
        limits: Whose budgets hold, and how many may wait.
        pulse: Of its connection, to say why an answer is late.
        notices: Where faults that concern no question go.
        contexts: Asked, and waiting for their outcome.
        controls: Reported, and waiting for what became of them.
        used: Whether anything was ever asked.
    """

    limits: Limits
    pulse: Pulse
    notices: deque[Notice]
    contexts: Questions[Outcome] = field(default_factory=lambda: Questions("context"))
    controls: Questions[Answered] = field(default_factory=lambda: Questions("control"))
    used: bool = False
    _unsent: dict[Sent, None] = field(default_factory=dict)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(
        self, questions: Questions[A], about: str, line: str, budget_ms: int
    ) -> Answer[A]:
        """Return what came of a question.

        Args:
            questions: Of which kind it is.
            about: Id of what it is about.
            line: As it is sent.
            budget_ms: For the answer.

        Raises:
            AnswerLateError: Nothing within the budget.
            NotTakenError: The service refuses it for good.
            InFlightFullError: Too many questions wait already.
            ClosedError: The client was closed meanwhile.
        """
        question = questions.find(about)
        if question is None:
            if len(self.contexts) + len(self.controls) >= self.limits.in_flight_max:
                raise InFlightFullError(limit=self.limits.in_flight_max)
            question = questions.put(about, line)
            self._put(question)
        asker = question.join()
        loop = asyncio.get_running_loop()
        late = loop.call_later(budget_ms / MS, self._is_late, question, budget_ms, asker)
        try:
            return await asker
        finally:
            late.cancel()
            questions.leave(about, asker)

    def end(self, found: str) -> None:
        """Tell all who ask that no answer comes any more, because the client is ``found``."""
        for question in (*self.contexts, *self.controls):
            question.fail(lambda: ClosedError(found=found))

    @override
    def purpose(self) -> Purpose:
        return Purpose("answers", None)

    @override
    async def take(self, message: Incoming, line: str) -> None:
        if isinstance(message, Decided):
            self.contexts.answer(message.decision.context_id, Answer(message, line))
        elif isinstance(message, Refused):
            self.contexts.answer(message.refusal.context_id, Answer(message, line))
        elif isinstance(message, Answered):
            self.controls.answer(message.control_id, Answer(message, line))
        elif isinstance(message, Fault):
            self._faulted(message)
        elif isinstance(message, Heartbeat):
            self.pulse.doubt = ""

    @override
    async def speak(self, connection: Connection) -> None:
        """Send every question that waits for an answer, then each new one, many at a time."""
        self._unsent = dict.fromkeys((*self.contexts, *self.controls))
        self._wanted.set()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while batch := self._batch():
                async with asyncio.timeout(self.limits.send_ms / MS):
                    await connection.send(batch)

    def _is_late(self, question: Sent, budget_ms: int, asker: asyncio.Future[A]) -> None:
        """Tell one who asks that the budget is over."""
        if not asker.done():
            name, reason = self.pulse.state
            state = f"{name} ({reason})" if reason else name
            error = AnswerLateError(what=question.what, budget_ms=budget_ms, state=state)
            asker.set_exception(error)

    def _put(self, question: Sent) -> None:
        """Have a question sent, if anybody still asks it."""
        if question.open:
            self.used = True
            self._unsent[question] = None
            self._wanted.set()

    def _batch(self) -> str:
        """Return the next lines to send in one message; empty where there are none."""
        lines: list[str] = []
        size = 0
        while self._unsent and len(lines) < _LINES_MAX and size < _BYTES_MAX:
            question = next(iter(self._unsent))
            del self._unsent[question]
            if question.open:
                lines.append(question.line)
                size += len(question.line)
        return "\n".join(lines)

    def _faulted(self, fault: Fault) -> None:
        """Ask again what may be asked again; tell the others that it was not taken."""
        if fault.control_id:
            self._failed(self.controls, fault.control_id, fault)
        else:
            self._failed(self.contexts, fault.context_id, fault)

    def _failed(self, questions: Questions[A], about: str, fault: Fault) -> None:
        """Take in that the service does not answer a question, or not yet."""
        question = questions.find(about)
        if question is None:
            self.notices.append(Notice("fault", f"{fault.code}: {fault.detail}"))
            return
        wait_ms = fault.retry_after_ms
        if wait_ms is None and fault.code == _LATE:
            wait_ms = self.limits.retry_first_ms
        if wait_ms is not None:
            asyncio.get_running_loop().call_later(wait_ms / MS, self._put, question)
            return
        what, code, detail = question.what, fault.code, fault.detail
        questions.fail(about, lambda: NotTakenError(what=what, service_code=code, detail=detail))
