"""What a program of the reasoning path must show, and what making and judging one may cost.

No decision is made under it: a limit that changes must not change what decisions cite.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Count, Milliseconds, Ratio, Why
from torghut.schemas.types import Message

Seconds = Annotated[int, Field(ge=1, le=604_800)]
Tokens = Annotated[int, Field(ge=1, le=10_000_000_000)]


class ProgramLimits(Message):
    """What must hold of a program on a frozen suite of questions whose outcome is known."""

    questions_min: Annotated[Count, Field(description="In the suite; with fewer nothing is said.")]
    each_min: Annotated[
        Count, Field(description="Answered questions that paid, and that lost; likewise.")
    ]
    schema_validity_min_ratio: Annotated[
        Ratio, Field(description="Of the answers that came; readable, and citing what was shown.")
    ]
    unanswered_max_ratio: Annotated[
        Ratio,
        Field(
            description="Of the questions; late, refused, unreachable or unreadable: the fallback "
            "answers."
        ),
    ]
    veto_alignment_min_ratio: Annotated[
        Ratio, Field(description="Of what lost; kept from being raised.")
    ]
    false_veto_max_ratio: Annotated[Ratio, Field(description="Of what paid; kept from it too.")]
    same_again_min_ratio: Annotated[
        Ratio, Field(description="Of what was asked twice; the same was said.")
    ]
    latency_p95_max_ms: Annotated[
        Milliseconds, Field(ge=1, description="Of all questions, the unanswered ones too.")
    ]
    calibration_brier_max: Annotated[
        float, Field(gt=0, le=1, description="Mean squared error of the stated confidence.")
    ]

    @model_validator(mode="after")
    def _tells_apart(self) -> Self:
        if self.false_veto_max_ratio >= self.veto_alignment_min_ratio:
            message = (
                "false_veto_max_ratio below veto_alignment_min_ratio: what vetoes everything "
                "tells nothing apart"
            )
            raise ValueError(message)
        return self


class ProgramBudget(Message):
    """What one compilation or one evaluation may cost, whatever an hour's share allows."""

    calls_max: Annotated[Count, Field(description="Of the endpoint; a question has one a step.")]
    tokens_max: Annotated[
        Tokens, Field(description="A call that does not say how many counts as declared for one.")
    ]
    seconds_max: Seconds


class ProgramPolicy(Message):
    """Everything that binds whoever compiles, evaluates and promotes programs."""

    kind: Literal["program-policy.v1"]
    why: Why
    compiling: ProgramBudget
    evaluating: ProgramBudget
    limits: ProgramLimits
