"""DSPy's way to the endpoint: one attempt, the question's own deadline, one strict reading.

DSPy's own way from a language model to an engine makes requests of its own form, looks up prices,
and hands both to threads: two fifths of the CPU that a question took, the endpoint aside. What an
adapter asks of a model is one call, which is made here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

import dspy
from typing_extensions import override

from torghut.adapters.dspy.speaking import answer_schema
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.clock import SteadyClock
from torghut.kernel.digests import sha256_hex
from torghut.reasoning.errors import CANCELLED, AdviceFaultError, AnswerMalformedError
from torghut.reasoning.replies import Reply, read_reply
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import STEPS, StepName
from torghut.workflows.reasoning.ports import Call, Caller, Transcript

Said = Mapping[str, str]
"""One message: whose it is, and what it says."""

_NONE_YET: Final = b'"messages":[]'


@dataclass(slots=True, kw_only=True)
class QuestionRun:
    """One question while its steps are asked.

    Attributes:
        deadline_ns: On the steady clock.
        transcript: Takes down each call.
        step: That is asked now.
        tokens: Used so far; None once a reply did not say.
        fault: What went wrong first: DSPy wraps what engines raise.
    """

    deadline_ns: int
    transcript: Transcript
    step: StepName = "signal"
    tokens: int | None = 0
    fault: AdviceFaultError | None = None


CURRENT_RUN: Final[ContextVar[QuestionRun]] = ContextVar("question-run")
"""The question that the present task is about."""


class ChatModel(dspy.BaseLM):  # type: ignore[misc]  # it publishes no types
    """A language model of DSPy's behind an OpenAI-compatible endpoint.

    Whatever a program or an optimiser wants of the model, its parameters are those given here.

    Args:
        caller: Brings a request there, and its reply back.
        parameters: Of the model.
        steady: Measures calls.
    """

    def __init__(self, caller: Caller, parameters: ModelParameters, steady: SteadyClock) -> None:
        super().__init__(
            parameters.model,
            temperature=parameters.temperature,
            max_tokens=parameters.max_tokens,
            cache=False,
            num_retries=0,
        )
        self._caller = caller
        self._parameters = parameters
        self._steady = steady
        self._frames = {step: _frame(parameters, step) for step in STEPS}

    @override
    async def acall(
        self, prompt: str | None = None, *, messages: Sequence[Said] = (), **_wanted: object
    ) -> list[str]:
        """Return the endpoint's one answer.

        Raises:
            AdviceFaultError: There is none.
        """
        run = CURRENT_RUN.get()
        head, tail = self._frames[run.step]
        try:
            reply = await self._asked(head + canonical_bytes(messages) + tail, run)
        except AdviceFaultError as fault:
            run.fault = run.fault or fault
            raise
        known = run.tokens is not None and reply.tokens is not None
        run.tokens = (run.tokens or 0) + (reply.tokens or 0) if known else None
        return [reply.content]

    @override
    def __call__(
        self, prompt: str | None = None, *, messages: Sequence[Said] = (), **_wanted: object
    ) -> list[str]:
        """Refuse: whoever serves advice may not wait in the loop's own thread."""
        message = "advice is asked for asynchronously"
        raise NotImplementedError(message)

    async def _asked(self, body: bytes, run: QuestionRun) -> Reply:
        """Return the reply to a request, and take the call down whatever becomes of it.

        Raises:
            AdviceFaultError: There is none that can be read.
        """
        begun_ns = self._steady.now_ns()
        raw: bytes | None = None
        reply: Reply | None = None
        code = CANCELLED
        try:
            raw = await self._caller.call(body, step=run.step, deadline_ns=run.deadline_ns)
            reply = read_reply(raw, model=self._parameters.model)
            code = ""
        except AdviceFaultError as fault:
            code = fault.code
            raise
        except Exception:
            code = AnswerMalformedError.code  # as which it is told
            raise
        finally:
            run.transcript.calls.append(
                Call(
                    step=run.step,
                    request=sha256_hex(body),
                    reply=raw,
                    tokens=None if reply is None else reply.tokens,
                    elapsed_ns=self._steady.now_ns() - begun_ns,
                    code=code,
                )
            )
        return reply


def _frame(parameters: ModelParameters, step: StepName) -> tuple[bytes, bytes]:
    """Return what the endpoint is sent before the messages of a step and behind them."""
    body: JsonObject = {
        "model": parameters.model,
        "messages": [],
        "temperature": parameters.temperature,
        "max_tokens": parameters.max_tokens,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": step, "strict": True, "schema": answer_schema(step)},
        },
        **({} if parameters.seed is None else {"seed": parameters.seed}),
    }
    before, after = canonical_bytes(body).split(_NONE_YET, 1)  # nothing before it says anything
    return before + _NONE_YET[:-2], after
