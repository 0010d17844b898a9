"""Optimisers of DSPy: from examples to a module that answers as hindsight wants."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

import dspy

from torghut.adapters.dspy.apart import CALL_S, Apart
from torghut.adapters.dspy.program import (
    CommitteeModule,
    committee_of,
    fault_in,
)
from torghut.adapters.dspy.signatures import SHOWN
from torghut.adapters.dspy.speaking import StrictAdapter
from torghut.kernel.canonical import JsonObject, canonical_text
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.replies import read_answer, read_reply
from torghut.reasoning.verdict import Committee
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import InstructionsAnswer
from torghut.workflows.reasoning.ports import Caller

T = TypeVar("T")

_REFLECT: Final = (
    "You improve the instructions of one step of a committee that advises on trades. You are given "
    "them, and questions that the step was asked, what it answered, and what hindsight says of it. "
    "Keep every rule about citations, untrusted text and the form of answers. Answer with one JSON "
    "object that has the key instructions and nothing else."
)
_REFLECTED_MAX: Final = 60_000
"""Characters of what is shown to whoever reflects."""
_REWRITTEN_TOKENS: Final = 4000
_TRACED: Final = 10_000
"""Calls of one question that are remembered while it is learned from; served, none is."""

Fits = Callable[[AdviceContext, Committee], bool]
"""Says whether a committee's answers to a context are those that were wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapOptions:
    """How few-shot examples are gathered.

    Attributes:
        demos: Most of them, for each step.
        errors: Questions without an answer at which it is given up.
    """

    demos: int = 4
    errors: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Who answers while a program is compiled.

    Attributes:
        caller: Brings requests to the endpoint.
        student: The model that the program is for.
        teacher: The one whose answers become examples, or who reflects.
    """

    caller: Caller
    student: ModelParameters
    teacher: ModelParameters


def bootstrapped(
    examples: Sequence[AdviceContext],
    fits: Fits,
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
        fits: Whether answers are those wanted.
        endpoints: Who answers.
        options: Of the gathering.
        apart: Where calls are made.
    """

    def metric(example: dspy.Example, said: dspy.Prediction, _trace: object = None) -> bool:
        shown = AdviceContext.model_validate_json(example[SHOWN])
        return fits(shown, committee_of(said))

    optimiser = dspy.BootstrapFewShot(
        metric=metric,
        teacher_settings={"lm": apart.model(endpoints.caller, endpoints.teacher)},
        max_bootstrapped_demos=options.demos,
        max_labeled_demos=0,
        max_errors=options.errors,
    )
    return _optimised(optimiser, examples, endpoints, apart)


def _optimised(
    optimiser: Any,  # noqa: ANN401 - DSPy publishes no types
    examples: Sequence[AdviceContext],
    endpoints: Endpoints,
    apart: Apart,
) -> CommitteeModule:
    """Return what an optimiser makes of the uncompiled program."""
    trainset = [
        dspy.Example(
            **{SHOWN: canonical_text(cast("JsonObject", shown.model_dump(mode="json")))}
        ).with_inputs(SHOWN)
        for shown in examples
    ]
    student = apart.model(endpoints.caller, endpoints.student)
    with (
        dspy.context(lm=student, adapter=StrictAdapter(), trace=[], max_trace_size=_TRACED),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        _quiet("dspy"),
        _quiet("dspy.teleprompt.gepa.gepa"),
    ):
        try:
            made = optimiser.compile(CommitteeModule(), trainset=trainset)
        except Exception as error:
            raise fault_in(error) or error from error
    return cast("CommitteeModule", made)


@dataclass(frozen=True, slots=True, kw_only=True)
class GepaOptions:
    """How instructions are rewritten.

    Attributes:
        questions: How many the program is asked at the most, all candidates together.
    """

    questions: int = 200


Hindsight = Callable[[AdviceContext], str]
"""Says in words what should have been answered to a context, and why."""


def reflected(
    examples: Sequence[AdviceContext],
    fits: Fits,
    hindsight: Hindsight,
    endpoints: Endpoints,
    options: GepaOptions,
    apart: Apart,
) -> CommitteeModule:
    """Return a committee whose instructions were rewritten by somebody who saw its answers.

    GEPA (Agrawal et al., GEPA: Reflective Prompt Evolution, 2025). Whoever reflects is asked as
    every step is: one strict call, one JSON object.

    Args:
        examples: In the order of time.
        fits: Whether answers are those wanted.
        hindsight: Shown to whoever reflects.
        endpoints: Who answers; the teacher reflects.
        options: Of the search.
        apart: Where calls are made.
    """

    def metric(
        gold: dspy.Example,
        said: dspy.Prediction,
        _trace: object = None,
        _name: object = None,
        _step: object = None,
    ) -> dspy.Prediction:
        shown = AdviceContext.model_validate_json(gold[SHOWN])
        score = float(fits(shown, committee_of(said)))
        return dspy.Prediction(score=score, feedback=hindsight(shown))

    def propose(
        candidate: Mapping[str, str],
        reflective_dataset: Mapping[str, Sequence[Mapping[str, Any]]],
        components_to_update: Sequence[str],
    ) -> dict[str, str]:
        return {
            name: apart.run(
                _instructed(
                    endpoints,
                    candidate[name],
                    reflective_dataset[name],
                    deadline_ns=apart.steady.now_ns() + int(CALL_S * NS_PER_S),
                )
            )
            for name in components_to_update
        }

    optimiser = dspy.GEPA(
        metric=metric,
        max_metric_calls=options.questions,
        instruction_proposer=propose,
        component_selector="all",
        use_merge=False,
        num_threads=1,
        seed=0,
    )
    return _optimised(optimiser, examples, endpoints, apart)


async def _instructed(
    endpoints: Endpoints,
    instructions: str,
    seen: Sequence[Mapping[str, Any]],
    *,
    deadline_ns: int,
) -> str:
    """Return what whoever reflects would tell a step instead.

    Raises:
        AdviceFaultError: There is no answer.
    """
    parameters = endpoints.teacher
    asked = json.dumps({"instructions": instructions, "seen": list(seen)}, default=str)
    body: JsonObject = {
        "model": parameters.model,
        "messages": [
            {"role": "system", "content": _REFLECT},
            {"role": "user", "content": asked[:_REFLECTED_MAX]},
        ],
        "temperature": parameters.temperature,
        "max_tokens": _REWRITTEN_TOKENS,
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "instructions",
                "strict": True,
                "schema": InstructionsAnswer.model_json_schema(),
            },
        },
    }
    raw = await endpoints.caller.call(body, step="instructions", deadline_ns=deadline_ns)
    reply = read_reply(raw, model=parameters.model)
    return read_answer(reply.content, "instructions", InstructionsAnswer).instructions


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
