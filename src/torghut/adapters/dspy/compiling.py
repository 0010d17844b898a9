"""Optimisers of DSPy: from examples to a module that answers as hindsight wants."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import dspy

from torghut.adapters.dspy.apart import Apart
from torghut.adapters.dspy.program import (
    CommitteeModule,
    committee_of,
    fault_in,
)
from torghut.adapters.dspy.reflecting import Endpoints, instructed
from torghut.adapters.dspy.signatures import SHOWN
from torghut.adapters.dspy.speaking import StrictAdapter
from torghut.kernel.canonical import JsonObject, canonical_text
from torghut.schemas.reasoning.context import AdviceContext
from torghut.workflows.reasoning.programs.wanting import Feedback, Metric

T = TypeVar("T")

_TRACED: Final = 10_000
"""Calls of one question that are remembered while it is learned from; served, none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapOptions:
    """How few-shot examples are gathered.

    Attributes:
        demos: Most of them, for each step.
        errors: Questions without an answer at which it is given up.
    """

    demos: int = 4
    errors: int = 10


def bootstrapped(
    examples: Sequence[AdviceContext],
    metric: Metric,
    endpoints: Endpoints,
    options: BootstrapOptions,
    apart: Apart,
) -> CommitteeModule:
    """Return a committee that is shown a teacher's answers which were those wanted.

    DSPy's BootstrapFewShot (Khattab et al., DSPy, 2023): the teacher answers one example after the
    other, in their order, until enough of its answers fit. Its own labelled examples are left out,
    since a label is not an answer.

    Args:
        examples: In the order of time.
        metric: Whether answers are those wanted.
        endpoints: Who answers.
        options: Of the gathering.
        apart: Where calls are made.
    """
    optimiser = dspy.BootstrapFewShot(
        metric=passing(metric),
        teacher_settings={"lm": apart.model(endpoints.caller, endpoints.teacher)},
        max_bootstrapped_demos=options.demos,
        max_labeled_demos=0,
        max_errors=options.errors,
    )
    return optimised(optimiser, examples, endpoints, apart)


def optimised(
    optimiser: Any,  # noqa: ANN401 - DSPy publishes no types
    examples: Sequence[AdviceContext],
    endpoints: Endpoints,
    apart: Apart,
    **search: object,
) -> CommitteeModule:
    """Return what an optimiser makes of the uncompiled program.

    Args:
        optimiser: Of DSPy.
        examples: In the order of time.
        endpoints: Who answers.
        apart: Where calls are made.
        search: What else the optimiser is to be told.

    Raises:
        AdviceFaultError: The endpoint does not answer, time and again.
    """
    trainset = [example_of(shown) for shown in examples]
    student = apart.model(endpoints.caller, endpoints.student)
    with (
        dspy.context(lm=student, adapter=StrictAdapter(), trace=[], max_trace_size=_TRACED),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        _quiet("dspy"),
        _quiet("dspy.teleprompt.gepa.gepa"),
    ):
        try:
            made = optimiser.compile(CommitteeModule(), trainset=trainset, **search)
        except Exception as error:
            raise fault_in(error) or error from error
    return cast("CommitteeModule", made)


def passing(metric: Metric) -> Callable[..., bool]:
    """Return a metric as DSPy calls it."""

    def passes(example: dspy.Example, said: dspy.Prediction, _trace: object = None) -> bool:
        return metric(AdviceContext.model_validate_json(example[SHOWN]), committee_of(said))

    return passes


def example_of(shown: AdviceContext) -> dspy.Example:
    """Return a question as DSPy has it."""
    text = canonical_text(cast("JsonObject", shown.model_dump(mode="json")))
    return dspy.Example(**{SHOWN: text}).with_inputs(SHOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class GepaOptions:
    """How instructions are rewritten.

    Attributes:
        questions: How many the program is asked at the most, all candidates together.
    """

    questions: int = 200


def reflected(
    examples: Sequence[AdviceContext],
    metric: Metric,
    feedback: Feedback,
    endpoints: Endpoints,
    options: GepaOptions,
    apart: Apart,
) -> CommitteeModule:
    """Return a committee whose instructions were rewritten by somebody who saw its answers.

    GEPA (Agrawal et al., GEPA: Reflective Prompt Evolution, 2025). Whoever reflects is asked as
    every step is: one strict call, one JSON object.

    Args:
        examples: In the order of time.
        metric: Whether answers are those wanted.
        feedback: Shown to whoever reflects.
        endpoints: Who answers; the teacher reflects.
        options: Of the search.
        apart: Where calls are made.
    """

    def scored(
        gold: dspy.Example,
        said: dspy.Prediction,
        _trace: object = None,
        _name: object = None,
        _step: object = None,
    ) -> dspy.Prediction:
        shown = AdviceContext.model_validate_json(gold[SHOWN])
        score = float(metric(shown, committee_of(said)))
        return dspy.Prediction(score=score, feedback=feedback(shown))

    def propose(
        candidate: Mapping[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: Sequence[str],
    ) -> dict[str, str]:
        return {
            name: instructed(endpoints, candidate[name], reflective_dataset[name], apart)
            for name in components_to_update
        }

    optimiser = dspy.GEPA(
        metric=scored,
        max_metric_calls=options.questions,
        instruction_proposer=propose,
        component_selector="all",
        use_merge=False,
        num_threads=1,
        seed=0,
    )
    return optimised(optimiser, examples, endpoints, apart)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Let a library say nothing: what it says quotes what was asked and answered."""
    logger = logging.getLogger(name)
    before_it = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before_it
