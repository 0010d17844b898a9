"""A good answer to a request: the specialist's or the pupil's, to the step and context in it."""

from __future__ import annotations

import json
from typing import Final

from pydantic import ValidationError

from torghut.adapters.endpoint.chat import ChatRequest
from torghut.adapters.endpoint.pupil import PUPIL, pupil_content, reflection
from torghut.kernel.canonical import canonical_bytes
from torghut.reasoning.specialist import answer
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.steps import STEPS, StepName

_BEGINS: Final = '{"event_ns":'
"""How canonical JSON of an advice context begins."""


def good_content(request: ChatRequest) -> str | None:
    """Return an answer as JSON; None where the request is no question of ours.

    The pupil's where its model is asked for, and the specialist's otherwise.
    """
    if request.schema == "instructions":
        return reflection(request)
    step, shown = step_of(request), context_of(request)
    if step is None or shown is None:
        return None
    if request.model == PUPIL:
        return pupil_content(step, shown, request)
    return canonical_bytes(answer(step, shown).model_dump(mode="json")).decode()


def step_of(request: ChatRequest) -> StepName | None:
    """Return which step a request is about: the schema that it names is called after it."""
    return next((step for step in STEPS if request.schema == step), None)


def context_of(request: ChatRequest) -> AdviceContext | None:
    """Return the context that a request shows; the last one where it shows examples too."""
    decoder = json.JSONDecoder()
    for _, text in reversed(request.messages):
        begin = text.rfind(_BEGINS)
        while begin >= 0:
            try:
                _, end = decoder.raw_decode(text, begin)
                return AdviceContext.model_validate_json(text[begin:end])
            except (json.JSONDecodeError, ValidationError):
                begin = text.rfind(_BEGINS, 0, begin)
    return None
