"""What the evaluation of a candidate came to: the card that gates and pages are written from."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from torghut.schemas.rollout.gates import Reason
from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount, Sha256

BaselineName = Literal["champion", "static-trend", "best-expert", "no-op"]
"""What a candidate is compared with."""

BASELINES: Final[tuple[BaselineName, ...]] = get_args(BaselineName)

ArmName = Literal["candidate", "champion", "static-trend", "best-expert", "no-op"]
"""Whoever decides the contexts of an evaluation."""

ARMS: Final[tuple[ArmName, ...]] = get_args(ArmName)

EvaluationVerdict = Literal["promote", "no-op", "deny", "insufficient"]
ContaminationVerdict = Literal["clean", "contaminated", "unchecked"]

PerStep = Annotated[Real, Field(description="P&L of a step as a ratio of the allotted capital.")]


class TimeSpan(Message):
    """Time from first to last, both in, by the receive clock."""

    first_ns: Nanoseconds
    last_ns: Nanoseconds


class EvaluationWindows(Message):
    """How the window was split; between the pieces lies an embargo that nobody uses."""

    fit: TimeSpan
    select: TimeSpan
    test: TimeSpan
    embargo_ns: Nanoseconds


class ArmDifference(Message):
    """Candidate less one baseline, step by step."""

    baseline: BaselineName
    finding: Annotated[
        Literal["better", "worse", "not-different", "insufficient"],
        Field(description="Better at alpha, worse at denial_alpha, or neither shown."),
    ]
    mean: PerStep
    lower: Annotated[PerStep | None, Field(description="Exceeded with probability 1 - alpha.")]
    upper: Annotated[PerStep | None, Field(description="Not reached with 1 - denial_alpha.")]
    alpha: Annotated[Real, Field(description="One-sided, already shared by all trials.")]
    denial_alpha: Real
    p_better: Annotated[Real, Field(description="One-sided, of no difference; null hypothesis.")]
    non_inferior: Annotated[bool, Field(description="Shown not to be worse by the margin.")]
    n: Annotated[SafeCount, Field(description="Steps.")]
    blocks: SafeCount
    differing_blocks: SafeCount
    detectable_edge: Annotated[
        PerStep | None,
        Field(description="The least true mean that would show in 80 of 100 windows."),
    ]
    detectable_sharpe: Annotated[
        Real | None,
        Field(description="The same a year, in annual standard deviations of the candidate."),
    ]


class RegimeDifference(Message):
    """Candidate less champion in the steps of one regime."""

    regime: SafeCount
    name: Identifier
    n: SafeCount
    mean: PerStep | None
    lower: Annotated[PerStep | None, Field(description="By denial_alpha, shared by the regimes.")]
    upper: Annotated[PerStep | None, Field(description="By denial_alpha, shared by the regimes.")]
    margin: Annotated[PerStep, Field(description="By which the candidate may be worse.")]
    worse: Annotated[bool, Field(description="Shown to be worse by more than the margin.")]


class TailFigures(Message):
    """Large losses of the candidate beside the champion's."""

    status: Literal["pass", "fail", "insufficient"]
    reason: Reason | None
    n: Annotated[SafeCount, Field(description="Paired decisions.")]
    least: Annotated[SafeCount, Field(description="Of them, to judge at all.")]
    quantile: Real
    limit_ratio: Real
    alpha: Real
    candidate_shortfall: Annotated[
        PerStep, Field(description="Mean of the worst blocks, below the arm's own mean.")
    ]
    champion_shortfall: PerStep
    ratio_upper: Annotated[
        Real | None, Field(description="Of the two, not reached with 1 - alpha; null: no bound.")
    ]
    worst_loss: Annotated[PerStep, Field(description="Champion's worst step ever, below its mean.")]
    history: Annotated[SafeCount, Field(description="Champion's steps before the window.")]
    rare_losses: Annotated[
        SafeCount, Field(description="Candidate's, apart, beyond limit_ratio times worst_loss.")
    ]
    rare_probability: Annotated[
        Real, Field(description="Of so many, were they dealt out evenly to both arms' steps.")
    ]
    candidate_exposure: Annotated[
        Real | None, Field(description="Largest, as a ratio of allotted capital; null: not given.")
    ]
    champion_exposure: Real | None
    cannot_see: tuple[str, ...]


class EvaluationCard(Message):
    """Everything that a judgement rests on, and what it is."""

    type: Literal["evals.evaluation-card.v1"] = "evals.evaluation-card.v1"
    run_id: Identifier
    candidate_id: Identifier
    policy: Annotated[Sha256, Field(description="Digest of the evaluation policy.")]
    windows: EvaluationWindows
    arms: Annotated[tuple[Sha256, ...], Field(description="Digest of each arm's steps, in order.")]
    signals: SafeCount
    decisions: Annotated[SafeCount, Field(description="Steps that every arm decided.")]
    trials: Annotated[SafeCount, Field(description="Of the ledger, this one among them.")]
    trials_correction: Literal["bonferroni"]
    judge: Identifier
    seed: SafeCount
    resamples: SafeCount
    differences: tuple[ArmDifference, ...]
    regimes: tuple[RegimeDifference, ...]
    tail: TailFigures
    contamination: ContaminationVerdict
    reproducible: Annotated[bool | None, Field(description="Null: not run twice.")]
    verdict: EvaluationVerdict
    reason: Reason
