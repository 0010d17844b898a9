"""How advice stood in a cycle: the mode in force, what changed it, and what became of questions."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.control import ReasoningModeName, ResolutionName
from torghut.schemas.governing.fields import Reading
from torghut.schemas.reasoning.standing import AdviceRollback, ReasoningChange
from torghut.schemas.types import Message, SafeCount

CHANGES_MAX: Final = 50
"""Of a window that are told one by one."""

UnaskedReason = Literal["advice-moot", "deterministic-only", "reasoning-off", "reasoning-shadow"]
"""Why a decision on the slow path waited for nobody."""


class AdviceCounts(Message):
    """What became of the decisions of a window that took the slow path."""

    slow: Annotated[SafeCount, Field(description="Decisions that wanted advice.")]
    asked: Annotated[SafeCount, Field(description="Of them, those that waited for it.")]
    resolved: Annotated[
        dict[ResolutionName, SafeCount], Field(description="How those waits ended.")
    ]
    superseded: Annotated[
        SafeCount, Field(description="Of them, those that had moved on when it came.")
    ]
    unasked: Annotated[
        dict[UnaskedReason, SafeCount], Field(description="Why the others waited for nobody.")
    ]
    shadowed: Annotated[
        dict[ResolutionName, SafeCount],
        Field(description="How questions ended that were asked beside decisions."),
    ]
    unanswered_ratio: Annotated[
        Reading, Field(description="Of all questions that ended, those without a verdict.")
    ]


class AdviceNoted(Message):
    """How advice stands at the end of a cycle's window, and what happened to it in the window."""

    mode: Annotated[ReasoningModeName, Field(description="In force; the most that a symbol has.")]
    deterministic_only: Annotated[
        bool, Field(strict=True, description="The switch overrides it, for every symbol.")
    ]
    changes: Annotated[
        tuple[ReasoningChange, ...],
        Field(max_length=CHANGES_MAX, description="In the window, the newest last."),
    ]
    changes_before: Annotated[SafeCount, Field(description="Older ones of it, not told here.")]
    counts: AdviceCounts
    rollback: Annotated[
        AdviceRollback | None, Field(description="The last one by the switch; null without one.")
    ]
