"""Who waits for what becomes of a context that is on its way."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Asked:
    """Contexts that were offered and are not decided yet, each with everybody who asked for it.

    One who gives up takes nothing away from the others: each has a future of their own. All wait
    for as long, so one timer does for all: those of asyncio.timeout cost each context more than
    its decision.

    Attributes:
        budget_s: How long who asks waits.
    """

    budget_s: float
    _waiting: dict[str, list[asyncio.Future[bytes]]] = field(default_factory=dict)
    _due: deque[tuple[float, asyncio.Future[bytes]]] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    def __contains__(self, context_id: str) -> bool:
        """Return whether a context is on its way."""
        return context_id in self._waiting

    def expect(self, context_id: str) -> None:
        """Take in that a context is on its way."""
        self._waiting.setdefault(context_id, [])

    def ask(self, context_id: str) -> asyncio.Future[bytes]:
        """Return what will be told of a context that is on its way.

        It is a TimeoutError once the budget is over.
        """
        running = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = running.create_future()
        self._waiting[context_id].append(answer)
        self._due.append((running.time() + self.budget_s, answer))
        if self._timer is None:
            self._timer = running.call_at(self._due[0][0], self._give_up)
        return answer

    def tell(self, context_id: str, line: bytes) -> None:
        """Tell everybody what became of a context, which is durable."""
        for answer in self._waiting.pop(context_id, ()):
            if not answer.done():
                answer.set_result(line)
        while self._due and self._due[0][1].done():
            self._due.popleft()

    def _give_up(self) -> None:
        """Let everybody give up whose budget is over."""
        running, self._timer = asyncio.get_running_loop(), None
        while self._due and (self._due[0][1].done() or self._due[0][0] <= running.time()):
            _, answer = self._due.popleft()
            if not answer.done():
                answer.set_exception(TimeoutError())
                answer.exception()  # it may be that nobody waits for this one
        if self._due:
            self._timer = running.call_at(self._due[0][0], self._give_up)
