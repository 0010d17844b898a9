"""A program asked everything in a frozen suite, under the budget that it is served with.

Every question is asked once; some are asked again, to see whether the same is said. What came of it
is kept answer by answer, so that whoever judges it need not believe who asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.reasoning.evaluation import ProgramEvaluation, QuestionEvaluated
from torghut.workflows.reasoning.finding import Finding, ProgramQuestion, find
from torghut.workflows.reasoning.ports import Program
from torghut.workflows.reasoning.programs.judging import ExampleAnswer
from torghut.workflows.reasoning.programs.learning import Example, Lessons
from torghut.workflows.reasoning.recording import keep_record

_AGAIN_EVERY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingTerms:
    """How questions are asked, as they are served.

    Attributes:
        budget_ms: For each.
        confidence_min: Of advice that counts.
    """

    budget_ms: int
    confidence_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What a program said.

    Attributes:
        answers: To every question, in the order of time.
        kept: The same, as it is kept.
    """

    answers: tuple[ExampleAnswer, ...]
    kept: ProgramEvaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Asks a program.

    Attributes:
        program: To be judged.
        terms: How it is asked.
        steady: Measures.
        store: Keeps what was asked and answered.
    """

    program: Program
    terms: ServingTerms
    steady: SteadyClock
    store: ArtifactStore

    async def evaluate(
        self, lessons: Lessons, progress: Callable[[int], None] = lambda _: None
    ) -> Evaluated:
        """Ask everything in the late part of a log, and return what was said.

        Args:
            lessons: Of the log.
            progress: Told how many questions were asked; what it raises ends the asking.

        Raises:
            ArtifactUnwritableError: An answer cannot be kept.
        """
        answers: list[ExampleAnswer] = []
        kept: list[QuestionEvaluated] = []
        for number, example in enumerate(lessons.test.examples):
            finding, elapsed_ns = await self._ask(example)
            again = (await self._ask(example))[0] if number % _AGAIN_EVERY == 0 else None
            answers.append(
                ExampleAnswer(
                    example=example,
                    outcome=finding.outcome,
                    confidence=finding.confidence,
                    elapsed_ns=elapsed_ns,
                    again=None if again is None else again.outcome,
                )
            )
            kept.append(
                QuestionEvaluated(
                    context_id=example.context_id,
                    record=finding.advice or "",
                    again=None if again is None else again.advice,
                    elapsed_ns=elapsed_ns,
                )
            )
            progress(number + 1)
        return Evaluated(
            answers=tuple(answers),
            kept=ProgramEvaluation(
                program=self.program.digest,
                suite=lessons.test.digest,
                partition=lessons.partition,
                log_block=lessons.block,
                log_head=lessons.head,
                budget_ms=self.terms.budget_ms,
                confidence_min=self.terms.confidence_min,
                answers=tuple(kept),
            ),
        )

    async def _ask(self, example: Example) -> tuple[Finding, int]:
        """Return what a question came to, with its record, and how long it took."""
        question = ProgramQuestion(
            context_id=example.context_id,
            shown=example.shown,
            confidence_min=self.terms.confidence_min,
        )
        begun_ns = self.steady.now_ns()
        finding, record = await find(
            self.program, question, deadline_ns=begun_ns + self.terms.budget_ms * NS_PER_MS
        )
        elapsed_ns = self.steady.now_ns() - begun_ns
        return replace(finding, advice=keep_record(self.store, record)), elapsed_ns
