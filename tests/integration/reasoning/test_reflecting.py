"""Whoever reflects is shown questions that are whole, as many of them as fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest
from typing_extensions import override

from torghut.adapters.dspy.apart import apart
from torghut.adapters.dspy.reflecting import Endpoints, instructed
from torghut.composition import standby
from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.reasoning.record import ModelParameters
from torghut.workflows.reasoning.ports import Caller

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

TEACHER: Final = ModelParameters(model="m1")
BETTER: Final = "Say less."


class Reflecting(Caller):
    """Tells the step something else, whatever it is shown.

    Attributes:
        shown: What it was.
    """

    shown: Mapping[str, Any]

    @override
    async def call(self, body: bytes, *, step: str, deadline_ns: int) -> bytes:
        asked = json.loads(body)
        self.shown = json.loads(asked["messages"][1]["content"])
        content = json.dumps({"instructions": BETTER})
        message = {"role": "assistant", "content": content}
        return canonical_bytes(
            {"model": asked["model"], "choices": [{"message": message, "finish_reason": "stop"}]}
        )


def shown(seen: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Return what is shown of so much that was seen."""
    caller = Reflecting()
    endpoints = Endpoints(caller=caller, student=TEACHER, teacher=TEACHER)
    with apart(standby.steady_clock()) as elsewhere:
        assert instructed(endpoints, "Say more.", seen, elsewhere) == BETTER
    found: Sequence[Mapping[str, Any]] = caller.shown["seen"]
    return found


def test_what_fits_is_shown_in_whole() -> None:
    seen = [{"question": number} for number in range(10)]

    assert shown(seen) == seen


def test_what_does_not_fit_is_left_out_and_nothing_is_cut() -> None:
    seen = [{"question": number, "text": "x" * 10_000} for number in range(10)]

    found = shown(seen)

    assert 0 < len(found) < len(seen)
    assert found == seen[: len(found)]
