"""What a package of a reasoning program holds: what each step is told, and examples of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import StepName
from torghut.schemas.types import Message, Sha256

Optimizer = Literal["bootstrap-few-shot", "gepa", "mipro-v2"]
"""Optimisers of DSPy that compile programs here."""

DEMOS_MAX: Final = 64
DEMO_TEXT_MAX: Final = 16_384
"""Longest input of an example, in characters."""


class Demo(Message):
    """An example that a step is shown before its question."""

    given: Annotated[
        dict[str, Annotated[str, Field(max_length=DEMO_TEXT_MAX)]],
        Field(description="Each input, as JSON text."),
    ]
    answer: Annotated[dict[str, JsonValue], Field(description="As the step's schema has it.")]


class StepProgram(Message):
    """One step of the committee."""

    step: StepName
    instructions: Annotated[str, Field(min_length=1, max_length=20_000)]
    demos: Annotated[tuple[Demo, ...], Field(max_length=DEMOS_MAX)]


class ProgramFile(Message):
    """``program.json``: what was compiled."""

    type: Literal["reasoning.program.v1"] = "reasoning.program.v1"
    optimizer: Annotated[Optimizer, Field(description="What made it.")]
    steps: Annotated[tuple[StepProgram, ...], Field(min_length=4, max_length=4)]


class SchemaFile(Message):
    """``schemas.json``: what goes in and what must come out, as JSON Schema."""

    type: Literal["reasoning.program-schemas.v1"] = "reasoning.program-schemas.v1"
    context: dict[str, JsonValue]
    answers: dict[StepName, dict[str, JsonValue]]


class RenderingFile(Message):
    """``rendering.json``: how a fixed question is put into requests, so that a change shows."""

    type: Literal["reasoning.program-rendering.v1"] = "reasoning.program-rendering.v1"
    parameters: ModelParameters
    requests: Annotated[
        dict[StepName, Sha256], Field(description="Digest of each step's canonical request.")
    ]
