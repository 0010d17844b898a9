"""The composition root of an evaluation: a program asked a suite, as it is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torghut.adapters.dspy.program import configure
from torghut.artifacts.package import Package
from torghut.artifacts.ports import ArtifactStore
from torghut.composition.advice.endpoint import metered
from torghut.composition.advice.serving import served
from torghut.composition.advice.settings import EndpointAccess
from torghut.workflows.reasoning.programs.evaluating import Evaluated, Examiner, ServingTerms
from torghut.workflows.reasoning.programs.learning import Lessons
from torghut.workflows.reasoning.programs.metering import Spending

__all__ = ["Exam", "ServingTerms", "Spending", "evaluated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """How a program is asked a suite.

    Attributes:
        terms: As it is served.
        spending: What it may cost.
        store: Keeps what was asked and answered.
    """

    terms: ServingTerms
    spending: Spending
    store: ArtifactStore


def evaluated(
    access: EndpointAccess,
    package: Package | None,
    lessons: Lessons,
    exam: Exam,
    progress: Callable[[int], None],
) -> Evaluated:
    """Return what a program says to the late part of a log; None stands for the uncompiled one.

    Raises:
        AdviceProgramInvalidError: The package holds none for this model, or another one here.
        BudgetSpentError: There is more to be asked than it may cost.
    """
    configure()
    with metered(access, exam.spending) as (caller, elsewhere):

        def told(count: int) -> None:
            caller.check()
            progress(count)

        examiner = Examiner(
            program=elsewhere.run(served(package, caller, access.model, elsewhere.steady)),
            terms=exam.terms,
            steady=elsewhere.steady,
            store=exam.store,
        )
        return elsewhere.run(examiner.evaluate(lessons, told))
