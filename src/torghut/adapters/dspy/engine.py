"""DSPy's way to the endpoint: one attempt, the question's own deadline, one strict reading."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

from dspy.lm15 import Message, Request, Response, TextPart, Usage
from typing_extensions import override

from torghut.adapters.dspy.speaking import answer_schema
from torghut.kernel.canonical import JsonObject, JsonValue, canonical_bytes
from torghut.kernel.clock import SteadyClock
from torghut.kernel.digests import sha256_hex
from torghut.reasoning.errors import CANCELLED, AdviceFaultError, AnswerMalformedError
from torghut.reasoning.replies import Reply, read_reply
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import StepName
from torghut.workflows.reasoning.ports import Call, Caller, Transcript


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


class ChatEngine:
    """An engine of DSPy's, for an OpenAI-compatible endpoint.

    Args:
        caller: Brings a request there, and its reply back.
        parameters: Of the model.
        steady: Measures calls.
    """

    def __init__(self, caller: Caller, parameters: ModelParameters, steady: SteadyClock) -> None:
        self._caller = caller
        self._parameters = parameters
        self._steady = steady

    async def complete(self, request: Request) -> Response:
        """Return the endpoint's one answer.

        Raises:
            AdviceFaultError: There is none.
        """
        run = CURRENT_RUN.get()
        try:
            body = canonical_bytes(request_body(request, self._parameters, run.step))
            reply = await self._asked(body, run)
        except AdviceFaultError as fault:
            run.fault = run.fault or fault
            raise
        known = run.tokens is not None and reply.tokens is not None
        run.tokens = (run.tokens or 0) + (reply.tokens or 0) if known else None
        return Response(
            id=None,
            model=self._parameters.model,
            message=Message.assistant([TextPart(reply.content)]),
            finish_reason="stop",
            usage=Usage(),
        )

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


class Blocking(Protocol):
    """An engine for calls that block."""

    def complete(self, request: Request) -> Response:
        """Return the one answer."""
        ...


class NoBlocking(Blocking):
    """The engine that DSPy wants for calls that block: there are none."""

    @override
    def complete(self, request: Request) -> Response:
        """Refuse."""
        message = "advice is asked for asynchronously"
        raise NotImplementedError(message)


def request_body(request: Request, parameters: ModelParameters, step: StepName) -> JsonObject:
    """Return what the endpoint is sent."""
    system = request.system
    told = system if isinstance(system, str) else "".join(p.text for p in system or ())
    messages: list[JsonValue] = [{"role": "system", "content": told}] if told else []
    messages += [{"role": one.role, "content": one.text or ""} for one in request.messages]
    body: JsonObject = {
        "model": parameters.model,
        "messages": messages,
        "temperature": parameters.temperature,
        "max_tokens": parameters.max_tokens,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": step, "strict": True, "schema": answer_schema(step)},
        },
    }
    return body if parameters.seed is None else {**body, "seed": parameters.seed}
