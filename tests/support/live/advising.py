"""Logs of a service that was advised, decided in virtual time: nothing waits for anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from typing_extensions import override

from tests.fakes.live import World, live_policy, offered
from tests.fakes.virtual_time import run_virtually
from tests.support.decisions.asking import asking_setup, mode_record
from torghut.decisions.declarations import Declarations
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.control import ControlRecord
from torghut.schemas.declarations.live import LivePolicy
from torghut.workflows.live.advice.awaiting import Advisor, Answer, Question
from torghut.workflows.live.assembly import LiveWorker

CONTEXTS: Final = 90
APPROVED: Final = Answer(resolution="approve", confidence=0.8)
ANSWERS_S: Final = 0.3


@dataclass(slots=True)
class Adviser(Advisor):
    """Says the same of everything, soon, until it is told to say something else."""

    answer: Answer

    @override
    def ask(self, question: Question, answered: Callable[[Answer], None]) -> None:
        asyncio.get_running_loop().call_later(ANSWERS_S, answered, self.answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What happens to a service beside its contexts.

    Attributes:
        records: Handed over before the context of a number.
        answers: What the adviser says from the context of a number on.
        contexts: How many come, one a second, numbered from 1.
        declared: In force.
    """

    records: Mapping[int, Sequence[ControlRecord]] = field(default_factory=dict)
    answers: Mapping[int, Answer] = field(default_factory=lambda: {1: APPROVED})
    contexts: int = CONTEXTS - 1
    declared: Declarations | None = None


def price(sequence: int) -> dict[str, Any]:
    """Return a price that rises, and falls again."""
    mid = 1.3 * (1.0 + 4e-5 * (sequence if sequence < 60 else 120 - sequence))
    return {"bid": round(mid, 6), "ask": round(mid * 1.00001, 6)}


def patient_policy() -> LivePolicy:
    """Return a policy for what nobody throws a switch of: it looks for one as seldom as it may."""
    return live_policy(door=(("answer_ms", 20_000),), switching=(("poll_ms", 500),))


def lived_through(course: Course) -> InMemoryLog:
    """Return the log of a service that lived through a course."""
    setup = asking_setup(course.declared)
    made = World(setup=setup, policy=patient_policy())
    adviser = Adviser(APPROVED)
    made.advisor = adviser

    async def live(worker: LiveWorker) -> None:
        for sequence in range(1, course.contexts + 1):
            adviser.answer = course.answers.get(sequence, adviser.answer)
            if sequence in course.records:
                await worker.desk.submit(list(course.records[sequence]))
            await worker.desk.decide([offered(sequence, **price(sequence))])
            await asyncio.sleep(1)

    async def main() -> None:
        async with made.living() as worker:
            await live(worker)

    run_virtually(main())
    return made.inner


@cache
def lived(mode: str, answer: Answer) -> InMemoryLog:
    """Return the log of a service in one mode, whose adviser always says the same; to be read."""
    return lived_through(Course(records={1: [mode_record(mode)]}, answers={1: answer}))
