"""How a step is put into messages, and its answer read: strictly, in one call, never repaired."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, cast

import dspy
from typing_extensions import override

from torghut.kernel.canonical import JsonObject, canonical_text
from torghut.reasoning.replies import read_answer
from torghut.schemas.reasoning.steps import STEPS, StepName

_ANSWER: Final = "Answer with one JSON object and nothing else. It has to fit this schema:"


class StrictAdapter(dspy.Adapter):  # type: ignore[misc]  # it publishes no types
    """Renders inputs as JSON, and reads exactly one JSON object with exactly the step's keys."""

    @override
    def format_system_message(self, signature: type[dspy.Signature]) -> str:
        return f"{signature.instructions}\n\n{_ANSWER}\n{_schema_text(step_of(signature))}"

    @override
    def format_user_message_content(
        self,
        signature: type[dspy.Signature],
        inputs: Mapping[str, Any],
        prefix: str = "",
        suffix: str = "",
        main_request: bool = False,
    ) -> str:
        given = [f"{name}:\n{inputs[name]}" for name in signature.input_fields if name in inputs]
        return "\n\n".join([part for part in (prefix, *given, suffix) if part])

    @override
    def format_demos(
        self, signature: type[dspy.Signature], demos: list[Any]
    ) -> list[dict[str, Any]]:
        """Return examples as turns of a conversation; an answer that is null is one."""
        turns = [
            (
                ("user", self.format_user_message_content(signature, demo)),
                ("assistant", self.format_assistant_message_content(signature, demo)),
            )
            for demo in demos
        ]
        return [{"role": role, "content": text} for turn in turns for role, text in turn]

    @override
    def format_assistant_message_content(
        self,
        signature: type[dspy.Signature],
        outputs: Mapping[str, Any],
        missing_field_message: str | None = None,
    ) -> str:
        answer = STEPS[step_of(signature)].model_validate(
            {name: outputs[name] for name in signature.output_fields}
        )
        return canonical_text(cast("JsonObject", answer.model_dump(mode="json")))

    @override
    def parse(self, signature: type[dspy.Signature], completion: str) -> dict[str, Any]:
        step = step_of(signature)
        answer = read_answer(completion, step, STEPS[step])
        return {name: getattr(answer, name) for name in STEPS[step].model_fields}


def step_of(signature: type[dspy.Signature]) -> StepName:
    """Return the step that a signature is of, by what it is to answer."""
    wanted = set(signature.output_fields)
    return next(step for step, answer in STEPS.items() if set(answer.model_fields) == wanted)


@cache  # to make one takes a millisecond, a third of what a step costs its process
def answer_schema(step: StepName) -> JsonObject:
    """Return the JSON Schema of a step's answer, closed, and with all keys required; only read."""
    return cast("JsonObject", STEPS[step].model_json_schema())


@cache
def _schema_text(step: StepName) -> str:
    """Return the same as canonical JSON."""
    return canonical_text(answer_schema(step))
