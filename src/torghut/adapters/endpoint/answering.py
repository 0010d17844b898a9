"""A good answer to a request: the specialist's or the pupil's, to the step and context in it."""

from __future__ import annotations

from torghut.adapters.endpoint.chat import ChatRequest
from torghut.adapters.endpoint.pupil import PUPIL, pupil_content, reflection
from torghut.adapters.endpoint.questions import context_of, step_of
from torghut.kernel.canonical import canonical_bytes
from torghut.reasoning.specialist import answer


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
