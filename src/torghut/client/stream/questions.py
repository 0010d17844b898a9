"""What was sent and waits for its answer, and all who ask the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from torghut.kernel.errors import TorghutError

A = TypeVar("A")


class Answer(NamedTuple, Generic[A]):
    """What came of a question.

    Attributes:
        message: As it was read.
        line: As it came.
    """

    message: A
    line: str


@dataclass(slots=True, eq=False)
class Sent:
    """A line that is sent, and sent again, while it is open.

    Attributes:
        what: It is about, in words.
        line: As it is sent.
        open: Whether anybody waits for the answer.
    """

    what: str
    line: str
    open: bool = field(default=True, init=False)


@dataclass(slots=True, eq=False)
class Question(Sent, Generic[A]):
    """A line that waits for an answer of one kind."""

    _askers: set[asyncio.Future[Answer[A]]] = field(default_factory=set, init=False)

    def join(self) -> asyncio.Future[Answer[A]]:
        """Return what one who asks waits for."""
        asker: asyncio.Future[Answer[A]] = asyncio.get_running_loop().create_future()
        self._askers.add(asker)
        return asker

    def leave(self, asker: asyncio.Future[Answer[A]]) -> None:
        """Let one who asks go; with the last one the question is closed."""
        self._askers.discard(asker)
        self.open = self.open and bool(self._askers)

    def answer(self, answer: Answer[A]) -> None:
        """Hand the answer to all who ask."""
        self.open = False
        for asker in self._askers:
            if not asker.done():
                asker.set_result(answer)

    def fail(self, error: Callable[[], TorghutError]) -> None:
        """Tell all who ask that there is none; each one gets an error of its own."""
        self.open = False
        for asker in self._askers:
            if not asker.done():
                asker.set_exception(error())


@dataclass(slots=True)
class Questions(Generic[A]):
    """All open questions of one kind.

    Attributes:
        kind: What they are about: ``context`` or ``control``.
    """

    kind: str
    _open: dict[str, Question[A]] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Question[A]]:
        return iter(list(self._open.values()))

    def find(self, about: str) -> Question[A] | None:
        """Return the question about an id, if it is open."""
        return self._open.get(about)

    def put(self, about: str, line: str) -> Question[A]:
        """Return a new question about an id."""
        question = self._open[about] = Question[A](f"{self.kind} {about}", line)
        return question

    def leave(self, about: str, asker: asyncio.Future[Answer[A]]) -> None:
        """Let one who asks go; what nobody asks any more is forgotten."""
        if (question := self._open.get(about)) is not None:
            question.leave(asker)
            if not question.open:
                del self._open[about]

    def answer(self, about: str, answer: Answer[A]) -> None:
        """Hand an answer to those who wait for it."""
        if (question := self._open.pop(about, None)) is not None:
            question.answer(answer)

    def fail(self, about: str, error: Callable[[], TorghutError]) -> None:
        """Tell those who wait for an answer that there is none."""
        if (question := self._open.pop(about, None)) is not None:
            question.fail(error)
