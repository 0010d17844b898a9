"""The committee as a DSPy program: signal, the case against it, the risk critic, the decision."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, TypeVar, cast

import dspy
from typing_extensions import override

from torghut.adapters.dspy.engine import CURRENT_RUN, ChatModel, QuestionRun
from torghut.adapters.dspy.signatures import SHOWN, signature_of
from torghut.adapters.dspy.speaking import StrictAdapter
from torghut.kernel.canonical import JsonObject, canonical_text
from torghut.kernel.clock import SteadyClock
from torghut.reasoning.errors import AdviceFaultError, AnswerMalformedError
from torghut.reasoning.verdict import Committee
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import (
    STEPS,
    AdviceAnswer,
    CounterAnswer,
    RiskAnswer,
    SignalAnswer,
    StepName,
    steps_before,
)
from torghut.schemas.types import Message
from torghut.workflows.reasoning.ports import NEVER_NS, Caller, Program, Thought, Transcript

T = TypeVar("T", bound=Message)

_STEPS: Final[tuple[StepName, ...]] = tuple(STEPS)


class CommitteeModule(dspy.Module):  # type: ignore[misc]  # it publishes no types
    """The four steps, each a prediction of its own; optimisers compile it."""

    def __init__(self) -> None:
        super().__init__()
        self.signal = dspy.Predict(signature_of("signal"))
        self.counter = dspy.Predict(signature_of("counter"))
        self.risk = dspy.Predict(signature_of("risk"))
        self.advice = dspy.Predict(signature_of("advice"))

    async def aforward(self, context: str) -> dspy.Prediction:
        """Return the four answers, as canonical JSON, by step."""
        answers: dict[StepName, str] = {}
        for step in _STEPS:
            CURRENT_RUN.get().step = step
            said = await getattr(self, step).acall(**_given(step, context, answers))
            answers[step] = spelled(step, said)
        return dspy.Prediction(**answers)

    def forward(self, context: str) -> dspy.Prediction:
        """Return the same to an optimiser, which calls programs in its own thread."""
        answers: dict[StepName, str] = {}
        token = CURRENT_RUN.set(QuestionRun(deadline_ns=NEVER_NS, transcript=Transcript()))
        try:
            for step in _STEPS:
                CURRENT_RUN.get().step = step
                said = getattr(self, step)(**_given(step, context, answers))
                answers[step] = spelled(step, said)
        finally:
            CURRENT_RUN.reset(token)
        return dspy.Prediction(**answers)


def _given(step: StepName, context: str, answers: Mapping[StepName, str]) -> dict[str, str]:
    """Return what a step is given: the context, and the answers of the steps before."""
    return {**{name: answers[name] for name in steps_before(step)}, SHOWN: context}


def spelled(step: StepName, said: dspy.Prediction) -> str:
    """Return a step's answer as canonical JSON."""
    answer = STEPS[step].model_validate({name: said[name] for name in STEPS[step].model_fields})
    return canonical_text(cast("JsonObject", answer.model_dump(mode="json")))


class DspyProgram(Program):
    """The program that is served.

    Args:
        caller: Brings requests to the endpoint.
        parameters: Of the model.
        steady: Measures calls.
        module: Compiled or not.
        digest: Of the package that it is from.
    """

    def __init__(
        self,
        caller: Caller,
        parameters: ModelParameters,
        steady: SteadyClock,
        module: CommitteeModule | None = None,
        *,
        digest: str | None = None,
    ) -> None:
        self._parameters = parameters
        self._digest = digest
        self._module = module or CommitteeModule()
        self._lm = ChatModel(caller, parameters, steady)
        self._adapter = StrictAdapter()

    @property
    @override
    def parameters(self) -> ModelParameters:
        return self._parameters

    @property
    @override
    def digest(self) -> str | None:
        return self._digest

    @override
    async def think(
        self, shown: AdviceContext, *, deadline_ns: int, transcript: Transcript
    ) -> Thought:
        run = QuestionRun(deadline_ns=deadline_ns, transcript=transcript)
        said = await self._asked(self._module, shown, run)
        return Thought(committee=committee_of(said), tokens=run.tokens)

    async def first_step(
        self, shown: AdviceContext, *, deadline_ns: int
    ) -> tuple[SignalAnswer, int | None]:
        """Return the answer to the first step alone, and the tokens of that one call.

        Raises:
            AdviceFaultError: There is none.
        """
        run = QuestionRun(deadline_ns=deadline_ns, transcript=Transcript())
        said = await self._asked(self._module.signal, shown, run)
        return SignalAnswer.model_validate_json(spelled("signal", said), strict=True), run.tokens

    async def _asked(
        self, module: dspy.Module, shown: AdviceContext, run: QuestionRun
    ) -> dspy.Prediction:
        """Return what a module says of a context."""
        token = CURRENT_RUN.set(run)
        context = canonical_text(cast("JsonObject", shown.model_dump(mode="json")))
        try:
            with dspy.context(lm=self._lm, adapter=self._adapter):
                return await module.acall(**{SHOWN: context})
        except AdviceFaultError:
            raise
        except Exception as error:
            raise _found(run, error) from error
        finally:
            CURRENT_RUN.reset(token)


def committee_of(said: dspy.Prediction) -> Committee:
    """Return the four answers that a committee's module gave."""
    return Committee(
        signal=_answer(said, "signal", SignalAnswer),
        counter=_answer(said, "counter", CounterAnswer),
        risk=_answer(said, "risk", RiskAnswer),
        advice=_answer(said, "advice", AdviceAnswer),
    )


@cache
def configure() -> None:
    """Let DSPy keep nothing: no cache on disk, no history, no trace.

    Once for a process: DSPy lets nobody but the task that did it first do it again.
    """
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    dspy.configure(disable_history=True, trace=None, max_trace_size=0)


def _found(run: QuestionRun, error: Exception) -> AdviceFaultError:
    """Return what went wrong: the engine's own fault, if it was that, else the answer."""
    fault = run.fault or fault_in(error)
    return fault or AnswerMalformedError(step=run.step, problem=type(error).__name__)


def fault_in(error: BaseException) -> AdviceFaultError | None:
    """Return the fault of ours that an error of DSPy's came from; None where it did not."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AdviceFaultError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def _answer(said: dspy.Prediction, step: StepName, kind: type[T]) -> T:
    """Return a step's answer."""
    return kind.model_validate_json(said[step], strict=True)
