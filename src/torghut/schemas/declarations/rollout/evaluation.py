"""How a candidate is evaluated: how much must be seen, how time is split, what counts as better."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Count, Milliseconds, Ratio, Why
from torghut.schemas.types import Message

_SHARES_SUM: Final = 1e-9

Alpha = Annotated[float, Field(gt=0, le=0.2, description="One-sided probability of a wrong yes.")]


class EvaluationMinimums(Message):
    """With less than this nothing is said: insufficient, which is no pass."""

    signals: Annotated[Count, Field(description="Contexts that came in.")]
    decisions: Annotated[Count, Field(description="Steps that every arm decided.")]
    per_regime: Annotated[Count, Field(description="Steps in each regime that occurs.")]
    differing_blocks: Annotated[
        Count, Field(ge=10, description="Blocks in which candidate and baseline differ at all.")
    ]


class SplitPolicy(Message):
    """How a window is cut by time: fit, embargo, select, embargo, test."""

    fit_ratio: Annotated[Ratio, Field(gt=0)]
    select_ratio: Annotated[Ratio, Field(gt=0)]
    test_ratio: Annotated[Ratio, Field(gt=0)]
    embargo_ms: Annotated[
        Milliseconds, Field(ge=1, description="At least; a longer label horizon makes it longer.")
    ]

    @model_validator(mode="after")
    def _shares_the_whole(self) -> Self:
        if abs(self.fit_ratio + self.select_ratio + self.test_ratio - 1.0) > _SHARES_SUM:
            message = "ratios that sum to 1"
            raise ValueError(message)
        return self


class BlockPolicy(Message):
    """The pieces of time that are resampled whole, because steps near each other are alike."""

    contexts_min: Annotated[
        Count, Field(ge=10, description="Steps in a block; it also spans the label horizon.")
    ]
    blocks_max: Annotated[Count, Field(ge=40, description="Where there are more, blocks grow.")]
    run_blocks: Annotated[
        float, Field(ge=1, le=20, description="Mean length of a run of neighbouring blocks.")
    ]
    resamples_min: Annotated[Count, Field(ge=999)]
    resamples_max: Annotated[
        Count, Field(description="With more trials than these can resolve nothing passes.")
    ]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.resamples_max < self.resamples_min:
            message = "resamples_max at or above resamples_min"
            raise ValueError(message)
        return self


class SignificancePolicy(Message):
    """When a difference counts."""

    alpha: Annotated[Alpha, Field(description="Of a promotion, shared by all trials.")]
    denial_alpha: Annotated[Alpha, Field(description="Of a denial; trials do not soften it.")]
    trials_correction: Annotated[
        Literal["bonferroni"], Field(description="Alpha of one trial = alpha / trials.")
    ]
    margin_sd: Annotated[
        float,
        Field(ge=0, le=1, description="In standard deviations of a step's difference, by blocks."),
    ]


class TailPolicy(Message):
    """When rare large losses stop a candidate, whatever it earns on average."""

    decisions_min: Annotated[Count, Field(ge=1500)]
    quantile: Annotated[
        float, Field(ge=0.8, le=0.999, description="Losses of blocks beyond it are the tail.")
    ]
    limit_ratio: Annotated[
        float, Field(ge=1, le=10, description="Of the champion's tail; at most this much.")
    ]
    alpha: Annotated[Alpha, Field(description="Of each of its tests.")]


class EvaluationPolicy(Message):
    """Everything that binds the evaluation of a candidate."""

    kind: Literal["evaluation-policy.v1"]
    why: Why
    minimums: EvaluationMinimums
    split: SplitPolicy
    blocks: BlockPolicy
    significance: SignificancePolicy
    tail: TailPolicy
    lookahead_cuts_min: Annotated[Count, Field(ge=30)]
    budget_tolerance_ratio: Ratio
