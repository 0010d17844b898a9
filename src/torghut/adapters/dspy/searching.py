"""MIPROv2: instructions and examples of all steps searched together, by a model of what did well.

Opsahl-Ong et al., Optimizing Instructions and Demonstrations for Multi-Stage Language Model
Programs, 2024. What is chosen next is drawn by Optuna's TPESampler (Bergstra et al., Algorithms for
Hyper-Parameter Optimization, 2011) out of a generator of its own, seeded here; questions are asked
one after the other. So the same answers lead to the same program.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dspy
from optuna.exceptions import ExperimentalWarning
from typing_extensions import override

from torghut.adapters.dspy.apart import Apart
from torghut.adapters.dspy.compiling import example_of, optimised, passing
from torghut.adapters.dspy.program import CommitteeModule
from torghut.adapters.dspy.reflecting import Endpoints, instructed
from torghut.adapters.dspy.signatures import SHOWN
from torghut.schemas.reasoning.context import AdviceContext
from torghut.workflows.reasoning.programs.wanting import Feedback, Metric

_SEED: Final = 9
"""DSPy's own; 0 would be taken for none."""
_SHARE: Final = 3
"""One of so many questions is for examples, the others judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MiproOptions:
    """How programs are searched.

    Attributes:
        demos: Most examples, for each step.
        candidates: Sets of examples, and instructions of each step, to choose from.
        trials: Choices that are tried.
        questions: How many these are asked at the most, all together.
        errors: Questions without an answer at which it is given up.
    """

    demos: int = 4
    candidates: int = 5
    trials: int = 12
    questions: int = 200
    errors: int = 10


def searched(
    examples: Sequence[AdviceContext],
    metric: Metric,
    feedback: Feedback,
    endpoints: Endpoints,
    options: MiproOptions,
    apart: Apart,
) -> CommitteeModule:
    """Return the committee that did best of those that were tried; the uncompiled one is the first.

    Sets of examples are the teacher's answers that were those wanted, and instructions are what it
    would tell a step after seeing them. The early questions give the examples, the later ones
    judge, spread over their time.

    Args:
        examples: In the order of time.
        metric: Whether answers are those wanted.
        feedback: Shown to whoever reflects.
        endpoints: Who answers; the teacher also reflects.
        options: Of the search.
        apart: Where calls are made.

    Raises:
        AdviceFaultError: The endpoint does not answer, time and again.
    """
    first = max(1, len(examples) // _SHARE)
    optimiser = _Reflecting(
        passing(metric),
        lambda instructions, seen: instructed(endpoints, instructions, seen, apart),
        feedback,
        auto=None,
        num_candidates=options.candidates,
        task_model=apart.model(endpoints.caller, endpoints.student),
        prompt_model=apart.model(endpoints.caller, endpoints.teacher),
        teacher_settings={"lm": apart.model(endpoints.caller, endpoints.teacher)},
        max_bootstrapped_demos=options.demos,
        max_labeled_demos=0,
        max_errors=options.errors,
        num_threads=1,
        seed=_SEED,
        track_stats=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # of choosing them together
        return optimised(
            optimiser,
            examples[:first],
            endpoints,
            apart,
            valset=[example_of(one) for one in _spread(examples[first:], options)],
            num_trials=options.trials,
            minibatch=False,
        )


def _spread(examples: Sequence[AdviceContext], options: MiproOptions) -> Sequence[AdviceContext]:
    """Return as many examples as all trials and the uncompiled program may be asked, spread out."""
    most = max(1, options.questions // (options.trials + 1))
    step = -(-len(examples) // most)
    return examples[:: max(1, step)]


class _Reflecting(dspy.MIPROv2):  # type: ignore[misc]  # it publishes no types
    """The optimiser, but for who writes instructions: DSPy's own proposer asks in free text.

    Args:
        metric: Whether an answer is that wanted.
        reflect: Returns other instructions, given some and what was seen under them.
        feedback: Says what should have been answered.
        settings: As DSPy has them.
    """

    def __init__(
        self,
        metric: Any,  # noqa: ANN401 - as DSPy calls it
        reflect: Any,  # noqa: ANN401 - see above
        feedback: Feedback,
        **settings: Any,  # noqa: ANN401 - DSPy publishes no types
    ) -> None:
        super().__init__(metric=metric, **settings)
        self._reflect = reflect
        self._feedback = feedback

    @override
    def _propose_instructions(
        self,
        program: CommitteeModule,
        trainset: Sequence[dspy.Example],
        demo_candidates: Mapping[int, Sequence[Sequence[dspy.Example]]] | None,
        *_aware: object,
        num_instruct_candidates: int,
    ) -> dict[int, list[str]]:
        """Return instructions to choose from, by the number of the step; its own are the first."""
        found: dict[int, list[str]] = {}
        for number, predictor in enumerate(program.predictors()):
            own = predictor.signature.instructions
            sets = (
                [] if demo_candidates is None else [one for one in demo_candidates[number] if one]
            )
            seen = [[self._seen(demo) for demo in one] for one in sets or [trainset]]
            told = [self._reflect(own, one) for one in seen[: num_instruct_candidates - 1]]
            found[number] = list(dict.fromkeys([own, *told]))
        return found

    def _seen(self, demo: dspy.Example) -> dict[str, object]:
        """Return an example with what hindsight says of it."""
        shown = AdviceContext.model_validate_json(demo[SHOWN])
        return {**demo.toDict(), "hindsight": self._feedback(shown)}
