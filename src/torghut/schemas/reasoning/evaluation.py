"""What a program was asked on a frozen suite, so that anybody can judge it again from the replies.

No figure stands in it. Each answer is cited by the digest of its record, which has the replies as
they came; the suite follows from the decision log that it was cut from.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.context import ContextIdText
from torghut.schemas.control import Share
from torghut.schemas.types import Message, Nanoseconds, SafeCount, Sha256

QUESTIONS_MAX: Final = 100_000


class QuestionEvaluated(Message):
    """One question of the suite, asked once, and some of them once more."""

    context_id: ContextIdText
    record: Annotated[Sha256, Field(description="Of what was asked and answered.")]
    again: Annotated[
        Sha256 | None, Field(description="Of the same, asked again; null: it was asked once.")
    ]
    elapsed_ns: Annotated[Nanoseconds, Field(description="Until the first answer, or its fault.")]


class ProgramEvaluation(Message):
    """A program's answers to a suite. Its name is its sha256."""

    type: Literal["reasoning.program-evaluation.v1"] = "reasoning.program-evaluation.v1"
    program: Annotated[
        Sha256 | None, Field(description="Digest of its package; null: as it comes, uncompiled.")
    ]
    suite: Annotated[Sha256, Field(description="Of the questions and what became of the market.")]
    partition: Annotated[int, Field(ge=0, lt=2**31, strict=True)]
    log_block: Annotated[
        SafeCount, Field(description="Last block of the log that it was cut from.")
    ]
    log_head: Annotated[Sha256, Field(description="Its digest, which covers all blocks before.")]
    budget_ms: Annotated[SafeCount, Field(ge=1, description="Of each question.")]
    confidence_min: Annotated[Share, Field(description="Of advice that counts.")]
    answers: Annotated[tuple[QuestionEvaluated, ...], Field(min_length=1, max_length=QUESTIONS_MAX)]
