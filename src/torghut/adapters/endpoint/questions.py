"""What a request asks: the step that it is about, and the context that it shows."""

from __future__ import annotations

import json
from typing import Final

from pydantic import ValidationError

from torghut.adapters.endpoint.chat import ChatRequest
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.steps import STEPS, StepName

_BEGINS: Final = '{"event_ns":'
"""How canonical JSON of an advice context begins."""


def step_of(request: ChatRequest) -> StepName | None:
    """Return which step a request is about: the schema that it names is called after it."""
    return next((step for step in STEPS if request.schema == step), None)


def context_of(request: ChatRequest) -> AdviceContext | None:
    """Return the context that a request shows; the last one where it shows examples too."""
    found = (context_in(text) for _, text in reversed(request.messages))
    return next((one for one in found if one is not None), None)


def context_in(text: str) -> AdviceContext | None:
    """Return the last context that a text shows; None where it shows none."""
    decoder = json.JSONDecoder()
    begin = text.rfind(_BEGINS)
    while begin >= 0:
        try:
            _, end = decoder.raw_decode(text, begin)
            return AdviceContext.model_validate_json(text[begin:end])
        except (json.JSONDecodeError, ValidationError):
            begin = text.rfind(_BEGINS, 0, begin)
    return None
