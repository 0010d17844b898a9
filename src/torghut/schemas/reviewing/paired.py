"""What arms came to by blocks of time: all that a judgement is computed from, and nothing else.

A judge reads these figures, whether they were just computed or read from a run's artifact, so that
whoever holds the artifact computes every bound again, to the last bit.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.rollout.evaluation import BaselineName
from torghut.schemas.rollout.run import RunId
from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount

LOSSES_MAX: Final = 256
"""Of the candidate's losses, so many of the largest are kept."""

Sums = Annotated[
    tuple[Real, ...], Field(description="By block, as ratios of the capital allotted.")
]
Counts = Annotated[tuple[SafeCount, ...], Field(min_length=1, description="Steps in each block.")]
Largest = Annotated[Real, Field(ge=0, description="Absolute net of a step.")]


class DifferenceBlocks(Message):
    """Candidate less one baseline."""

    baseline: BaselineName
    sums: Sums
    scale: Annotated[Largest, Field(description="Largest amount that it was computed from.")]


class ArmBlocks(Message):
    """What one arm came to."""

    sums: Sums
    scale: Largest
    exposure: Annotated[
        Real | None, Field(description="Largest, as a ratio of allotted capital; null: not given.")
    ]


class RegimeBlocks(Message):
    """Candidate less champion in the steps of one regime; blocks without any count 0."""

    regime: SafeCount
    name: Identifier
    sums: Sums
    counts: Counts


class StepLoss(Message):
    """A step that fell short of its arm's own mean."""

    step: Annotated[SafeCount, Field(description="Its place among the steps, from 0.")]
    loss: Real


class PairedFigures(Message):
    """The arms of a test, by blocks."""

    first_ns: Annotated[Nanoseconds, Field(description="Receive time of the first step.")]
    last_ns: Nanoseconds
    counts: Counts
    differences: tuple[DifferenceBlocks, ...]
    candidate: ArmBlocks
    champion: ArmBlocks
    regimes: tuple[RegimeBlocks, ...]
    worst_loss: Annotated[
        Real, Field(description="Champion's, before the window and in it, below its mean there.")
    ]
    history: Annotated[SafeCount, Field(description="Champion's steps before the window.")]
    losses: Annotated[
        tuple[StepLoss, ...],
        Field(max_length=LOSSES_MAX, description="Candidate's largest, by step."),
    ]

    @property
    def steps(self) -> int:
        """Return how many steps there are."""
        return sum(self.counts)


class PairedBlocks(Message):
    """The figures of a run's test, with what they were judged by."""

    type: Literal["evals.paired-blocks.v1"] = "evals.paired-blocks.v1"
    run_id: RunId
    candidate_id: Identifier
    policy: EvaluationPolicy
    figures: PairedFigures
