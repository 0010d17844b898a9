"""From a package to a module that is served, and from examples to a package: optimisers of DSPy.

A compiled program is text: what each step is told, and examples of it. It is kept as that, never as
pickled objects, and rendered again at every load to see whether it is still the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, TypeVar, cast

import dspy
from dspy.lm15 import Request, Response
from typing_extensions import override

from torghut.adapters.dspy.engine import ASKING, Blocking, ChatEngine
from torghut.adapters.dspy.program import (
    CommitteeModule,
    DspyProgram,
    committee_of,
    fault_in,
    language_model,
)
from torghut.adapters.dspy.signatures import SHOWN, before, signature_of
from torghut.adapters.dspy.speaking import StrictAdapter
from torghut.kernel.canonical import JsonObject, canonical_bytes, canonical_text
from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.errors import DeadlineError
from torghut.reasoning.program import AdviceProgram
from torghut.reasoning.replies import read_answer, read_reply
from torghut.reasoning.verdict import Committee
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.program import Demo, ProgramFile, StepProgram
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import STEPS, InstructionsAnswer, StepName
from torghut.workflows.reasoning.ports import NEVER_NS, Caller, Transcript
from torghut.workflows.reasoning.probing import PROBE

T = TypeVar("T")

LIBRARIES: Final = ("dspy",)
"""What renders a program: another version may render another."""

_REFLECT: Final = (
    "You improve the instructions of one step of a committee that advises on trades. You are given "
    "them, and questions that the step was asked, what it answered, and what hindsight says of it. "
    "Keep every rule about citations, untrusted text and the form of answers. Answer with one JSON "
    "object that has the key instructions and nothing else."
)
_CALL_S: Final = 60.0
"""Longest wait for one call: a model that takes longer would never be served in time."""
_REFLECTED_MAX: Final = 60_000
"""Characters of what is shown to whoever reflects."""
_REWRITTEN_TOKENS: Final = 4000
_TRACED: Final = 10_000
"""Calls of one question that are remembered while it is learned from; served, none is."""

Fits = Callable[[AdviceContext, Committee], bool]
"""Says whether a committee's answers to a context are those that were wanted."""


def libraries() -> Mapping[str, str]:
    """Return the versions of what renders programs, by name."""
    return {name: version(name) for name in LIBRARIES}


def module_of(program: AdviceProgram) -> CommitteeModule:
    """Return the module that a package describes."""
    module = CommitteeModule()
    for step, one in program.steps.items():
        predictor = getattr(module, step)
        predictor.signature = signature_of(step, one.instructions)
        predictor.demos = [dspy.Example(**demo.given, **demo.answer) for demo in one.demos]
    return module


def program_file(module: CommitteeModule, optimizer: str) -> ProgramFile:
    """Return what a module is, as it is kept."""
    return ProgramFile.model_validate(
        {"optimizer": optimizer, "steps": [_step(module, step) for step in STEPS]}
    )


async def renderings(
    module: CommitteeModule, parameters: ModelParameters, steady: SteadyClock
) -> Mapping[StepName, str]:
    """Return the digest of each step's request for a fixed question with fixed answers."""
    transcript = Transcript()
    program = DspyProgram(_Canned(parameters.model), parameters, steady, module)
    await program.think(PROBE, deadline_ns=NEVER_NS, transcript=transcript)
    return {call.step: call.request for call in transcript.calls}


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
                    deadline_ns=apart.steady.now_ns() + int(_CALL_S * NS_PER_S),
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


class _Canned(Caller):
    """Answers each step with the same, so that requests can be rendered without an endpoint."""

    def __init__(self, model: str) -> None:
        self._model = model

    @override
    async def call(self, body: Mapping[str, object], *, step: str, deadline_ns: int) -> bytes:
        answer = _ANSWERS[cast("StepName", step)]
        content = canonical_text(answer)
        message: JsonObject = {"role": "assistant", "content": content}
        return canonical_bytes(
            {"model": self._model, "choices": [{"message": message, "finish_reason": "stop"}]}
        )


_CITED: Final = ["note:probe"]
_ANSWERS: Final[Mapping[StepName, JsonObject]] = {
    "signal": {"stance": "flat", "strength": 0.0, "summary": "none", "citations": _CITED},
    "counter": {"objection": "none", "severity": 0.0, "citations": _CITED},
    "risk": {
        "veto": False,
        "exposure_factor": 1.0,
        "flags": [],
        "rationale": "none",
        "citations": _CITED,
    },
    "advice": {
        "verdict": "defer",
        "factor": None,
        "confidence": 0.5,
        "rationale": "none",
        "risk_flags": [],
        "abstain_reason": "a probe",
        "citations": _CITED,
    },
}


class _Waiting(Blocking):
    """Lets a thread wait for what an engine answers in another one's event loop."""

    def __init__(self, engine: ChatEngine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop

    @override
    def complete(self, request: Request) -> Response:
        answered = asyncio.run_coroutine_threadsafe(self._engine.complete(request), self._loop)
        try:
            return answered.result(_CALL_S)
        except TimeoutError as error:
            answered.cancel()
            raise DeadlineError(step=ASKING.get().step) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """An event loop in a thread of its own, for those who may only wait.

    Attributes:
        loop: That runs there.
        steady: Measures calls.
    """

    loop: asyncio.AbstractEventLoop
    steady: SteadyClock

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Return what comes of some work there, whose own deadlines end it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def model(self, caller: Caller, parameters: ModelParameters) -> dspy.LM:
        """Return a language model that optimisers may call and wait for."""
        engine = ChatEngine(caller, parameters, self.steady)
        return language_model(engine, parameters, _Waiting(engine, self.loop))


@contextmanager
def apart(steady: SteadyClock) -> Iterator[Apart]:
    """Give an event loop that runs while the block lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield Apart(loop=loop, steady=steady)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


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


def _step(module: CommitteeModule, step: StepName) -> StepProgram:
    """Return one step as it is kept."""
    predictor = getattr(module, step)
    return StepProgram(
        step=step,
        instructions=predictor.signature.instructions,
        demos=tuple(_demo(step, one) for one in predictor.demos),
    )


def _demo(step: StepName, one: Mapping[str, Any]) -> Demo:
    """Return an example as it is kept."""
    answer = STEPS[step].model_validate({name: one[name] for name in STEPS[step].model_fields})
    return Demo(
        given={name: one[name] for name in (SHOWN, *before(step))},
        answer=answer.model_dump(mode="json"),
    )
