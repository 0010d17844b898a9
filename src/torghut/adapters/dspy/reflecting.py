"""Whoever reflects: instructions of a step rewritten by one strict call, as every step is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from torghut.adapters.dspy.apart import CALL_S, Apart
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.replies import read_answer, read_reply
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import InstructionsAnswer
from torghut.workflows.reasoning.ports import Caller

_REFLECT: Final = (
    "You improve the instructions of one step of a committee that advises on trades. You are given "
    "them, and questions that the step was asked, what it answered, and what hindsight says of it. "
    "Keep every rule about citations, untrusted text and the form of answers. Answer with one JSON "
    "object that has the key instructions and nothing else."
)
_REFLECTED_MAX: Final = 60_000
"""Characters of what is shown to whoever reflects: as many questions as fit, each whole."""
_REWRITTEN_TOKENS: Final = 4000


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


def instructed(
    endpoints: Endpoints, instructions: str, seen: Sequence[Mapping[str, Any]], apart: Apart
) -> str:
    """Return what whoever reflects would tell a step instead.

    Args:
        endpoints: The teacher reflects.
        instructions: That the step is told.
        seen: What it was asked and answered, and what hindsight says of it.
        apart: Where calls are made.

    Raises:
        AdviceFaultError: There is no answer.
    """
    deadline_ns = apart.steady.now_ns() + int(CALL_S * NS_PER_S)
    return apart.run(_instructed(endpoints, instructions, seen, deadline_ns=deadline_ns))


def _shown(instructions: str, seen: list[Mapping[str, Any]]) -> str:
    """Return what is shown to whoever reflects."""
    text = json.dumps({"instructions": instructions, "seen": seen}, default=str)
    while len(text) > _REFLECTED_MAX and seen:
        seen = seen[:-1]
        text = json.dumps({"instructions": instructions, "seen": seen}, default=str)
    return text


async def _instructed(
    endpoints: Endpoints,
    instructions: str,
    seen: Sequence[Mapping[str, Any]],
    *,
    deadline_ns: int,
) -> str:
    """Return the same, asked in the loop of whoever makes calls."""
    parameters = endpoints.teacher
    asked = _shown(instructions, list(seen))
    body: JsonObject = {
        "model": parameters.model,
        "messages": [
            {"role": "system", "content": _REFLECT},
            {"role": "user", "content": asked},
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
    raw = await endpoints.caller.call(
        canonical_bytes(body), step="instructions", deadline_ns=deadline_ns
    )
    reply = read_reply(raw, model=parameters.model)
    return read_answer(reply.content, "instructions", InstructionsAnswer).instructions
