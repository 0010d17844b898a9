"""A model that knows nothing but what it is told and shown: what compiling a program is tried on.

It answers as the example nearest to its question was answered, by the numbers that both show.
Without an example it approves everything but what it is told, in these words, to veto. Who reflects
on its answers tells it that. None of them is a model, and their answers say so.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from typing import Final

from pydantic import ValidationError

from torghut.adapters.endpoint.chat import ChatRequest
from torghut.adapters.endpoint.questions import context_in
from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.steps import STEPS, InstructionsAnswer, StepName
from torghut.schemas.types import Message

PUPIL: Final = "torghut-pupil-v1"
"""The model's name."""

OBEYED: Final = "Veto where regime:leaving is above 0.5."
"""The one instruction that it understands."""

_LEAVING: Final = 0.5
_SAYS: Final = "A pupil without a model: it answers as its nearest example does."
_EXAMPLE: Final = 2
"""Turns of an example: its question, and its answer."""


def pupil_content(step: StepName, shown: AdviceContext, request: ChatRequest) -> str:
    """Return the pupil's answer as JSON.

    Args:
        step: That is asked.
        shown: The context of the question.
        request: With the examples.
    """
    nearest = min(_examples(step, request), key=lambda one: _distance(one[0], shown), default=None)
    if nearest is not None:
        answer = _as_taught(step, nearest[1], shown)
    else:
        told = any(role == "system" and OBEYED in text for role, text in request.messages)
        answer = _untaught(step, shown, vetoes=told and _leaves(shown))
    return canonical_bytes(answer.model_dump(mode="json")).decode()


def _examples(
    step: StepName, request: ChatRequest
) -> Iterator[tuple[AdviceContext, dict[str, object]]]:
    """Yield the contexts and answers of a request's examples."""
    turns = [one for one in request.messages if one[0] in {"user", "assistant"}]
    for (asked, question), (answered, answer) in zip(
        turns[::_EXAMPLE], turns[1::_EXAMPLE], strict=False
    ):
        if (asked, answered) != ("user", "assistant"):
            continue
        shown = context_in(question)
        try:
            said = STEPS[step].model_validate_json(answer)
        except ValidationError:
            continue
        if shown is not None:
            yield shown, said.model_dump()


def _distance(one: AdviceContext, other: AdviceContext) -> float:
    """Return how far the numbers of two contexts are from each other."""
    mine = {f.id: f.value for f in one.facts if isinstance(f.value, float)}
    theirs = {f.id: f.value for f in other.facts if isinstance(f.value, float)}
    scales = {name: abs(mine[name]) + abs(theirs[name]) for name in mine.keys() & theirs.keys()}
    return math.fsum(
        abs(mine[name] - theirs[name]) / scale for name, scale in scales.items() if scale > 0.0
    )


def reflection(request: ChatRequest) -> str:
    """Return new instructions, as JSON: those that were given, and the one it understands."""
    given = ""
    for role, text in request.messages:
        if role == "user":
            with contextlib.suppress(ValueError, AttributeError):
                given = str(json.loads(text).get("instructions", ""))
    told = given if OBEYED in given else f"{given} {OBEYED}".strip()
    answer = InstructionsAnswer(instructions=told)
    return canonical_bytes(answer.model_dump(mode="json")).decode()


def _leaves(shown: AdviceContext) -> bool:
    """Say whether the regime is likely to be left."""
    values = [one.value for one in shown.facts if one.id == "regime:leaving"]
    return any(isinstance(value, float) and value > _LEAVING for value in values)


def _untaught(step: StepName, shown: AdviceContext, *, vetoes: bool) -> Message:
    """Return what it says without an example."""
    cited = [shown.facts[0].id]
    answers: dict[StepName, dict[str, object]] = {
        "signal": {"stance": "long", "strength": 1.0, "summary": _SAYS},
        "counter": {"objection": _SAYS, "severity": 0.0},
        "risk": {"veto": vetoes, "exposure_factor": 1.0, "flags": [], "rationale": _SAYS},
        "advice": {
            "verdict": "approve",
            "factor": None,
            "confidence": 0.6,
            "rationale": _SAYS,
            "risk_flags": [],
            "abstain_reason": None,
        },
    }
    return STEPS[step].model_validate({**answers[step], "citations": cited})


def _as_taught(step: StepName, answer: dict[str, object], shown: AdviceContext) -> Message:
    """Return what an example says, citing what this question shows."""
    cited = answer.get("citations")
    known = [one for one in cited if one in shown.citable] if isinstance(cited, tuple) else []
    return STEPS[step].model_validate({**answer, "citations": known or [shown.facts[0].id]})
