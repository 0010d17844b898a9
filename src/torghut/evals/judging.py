"""The judge: whether a candidate is better than everything it could be left for, or nothing is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from typing_extensions import override

from torghut.evals.errors import TrialsRefusedError
from torghut.evals.pairing import PairedArms
from torghut.evals.statistics.bounds import Levels, resolves
from torghut.evals.statistics.differences import Comparison, arm_differences, regime_differences
from torghut.evals.statistics.figuring import paired_figures
from torghut.evals.statistics.resampling import Resampling
from torghut.evals.tails import judge_tails
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.reviewing.paired import PairedFigures
from torghut.schemas.rollout.evaluation import (
    ArmDifference,
    EvaluationVerdict,
    RegimeDifference,
    TailFigures,
)
from torghut.schemas.rollout.gates import SHORT_OF

BEYOND_RESOLUTION: Final = "trials-beyond-resolution"
"""Reason where so many trials were made that the declared draws cannot tell one from chance."""

_DRAWS_BEYOND: Final = 4
"""Draws expected beyond a bound; fewer make the bound itself a matter of chance."""


_ON_TAIL: Final[Mapping[str, EvaluationVerdict]] = MappingProxyType(
    {"pass": "promote", "fail": "deny", "insufficient": "insufficient"}
)
"""What a candidate that is better on average comes to, by its tail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge found.

    Attributes:
        verdict: Promote only if better than every baseline, nowhere shown to be worse than the
            champion by more than the margin, and within its tail. Deny if worse than the
            champion, or if only the tail speaks against a promotion. Insufficient where something
            could not be judged; no-op otherwise.
        reason: A code; which finding decided.
        judge: Which one it was.
        policy: What it judged by.
        trials: As counted, this one among them.
        seed: Of the draws.
        resamples: How many draws.
        n: Steps that every arm decided.
        differences: To each baseline.
        regimes: To the champion, by regime.
        tail: Of the candidate beside the champion's.
    """

    verdict: EvaluationVerdict
    reason: str
    judge: str
    policy: EvaluationPolicy
    trials: int
    seed: int
    resamples: int
    n: int
    differences: tuple[ArmDifference, ...]
    regimes: tuple[RegimeDifference, ...]
    tail: TailFigures


class Judge(Protocol):
    """Decides about a candidate from paired steps."""

    def judge(
        self, paired: PairedArms, policy: EvaluationPolicy, *, trials: int, seed: int
    ) -> Judgement:
        """Return what ``paired`` shows under ``policy``; the same input gives the same judgement.

        Args:
            paired: All arms on the same held-out contexts.
            policy: Declared.
            trials: How many candidates were tried on this time, this one among them, by the ledger.
            seed: Of whatever the judge draws.

        Raises:
            TrialsRefusedError: ``trials`` is below 1.
        """
        ...


class FixedSampleJudge(Judge):
    """Judges once, on a sample fixed beforehand; looking again on more of it would be a new trial.

    Each baseline is tested one-sided at alpha / trials (Bonferroni: holds however the trials depend
    on each other). All four tests must show it, so no further correction is due between them
    (Berger, Multiparameter Hypothesis Testing and Acceptance Sampling, Technometrics 24, 1982).
    """

    name: Final = "fixed-sample.v1"

    @override
    def judge(
        self, paired: PairedArms, policy: EvaluationPolicy, *, trials: int, seed: int
    ) -> Judgement:
        return judge_figures(paired_figures(paired, policy), policy, trials=trials, seed=seed)


def judge_figures(
    figures: PairedFigures, policy: EvaluationPolicy, *, trials: int, seed: int
) -> Judgement:
    """Return what ``FixedSampleJudge`` makes of figures, wherever they were kept meanwhile.

    Raises:
        TrialsRefusedError: ``trials`` is below 1.
    """
    if trials < 1:
        raise TrialsRefusedError(found=trials)
    alpha = policy.significance.alpha / trials
    compared = Comparison(
        policy=policy,
        levels=Levels(alpha=alpha, denial_alpha=policy.significance.denial_alpha),
        resampling=Resampling(
            blocks=len(figures.counts),
            resamples=draws_of(policy, trials),
            run_blocks=policy.blocks.run_blocks,
            seed=seed,
        ),
    )
    differences = arm_differences(figures, compared)
    regimes = regime_differences(figures, compared)
    tail = judge_tails(figures, policy, seed=seed)
    resamples = compared.resampling.resamples
    resolved = resolves(resamples, alpha)
    verdict, reason = _verdict(policy, differences, regimes, tail, resolved=resolved)
    return Judgement(
        verdict=verdict,
        reason=reason,
        judge=FixedSampleJudge.name,
        policy=policy,
        trials=trials,
        seed=seed,
        resamples=resamples,
        n=figures.steps,
        differences=differences,
        regimes=regimes,
        tail=tail,
    )


def short_difference(difference: ArmDifference, policy: EvaluationPolicy) -> str:
    """Return why a difference could not be judged; a code."""
    if difference.n < policy.minimums.decisions:
        return f"{SHORT_OF}{policy.minimums.decisions}"
    if difference.differing_blocks < policy.minimums.differing_blocks:
        return f"{SHORT_OF}{policy.minimums.differing_blocks}"
    return BEYOND_RESOLUTION


def draws_of(policy: EvaluationPolicy, trials: int) -> int:
    """Return how many draws it takes to tell alpha / trials, within what is declared.

    The least where even the most could not: nothing passes then, and nobody waits for it.
    """
    alpha = policy.significance.alpha / trials
    if not resolves(policy.blocks.resamples_max, alpha):
        return policy.blocks.resamples_min
    wanted = math.ceil(_DRAWS_BEYOND / alpha)
    return min(policy.blocks.resamples_max, max(policy.blocks.resamples_min, wanted))


def _verdict(
    policy: EvaluationPolicy,
    differences: tuple[ArmDifference, ...],
    regimes: tuple[RegimeDifference, ...],
    tail: TailFigures,
    *,
    resolved: bool,
) -> tuple[EvaluationVerdict, str]:
    """Return the verdict and the finding that decided it."""
    if any(one.baseline == "champion" and one.finding == "worse" for one in differences):
        return "deny", "worse-than-champion"
    shortage = next(_shortages(policy, differences, regimes), None)
    if shortage is not None or not resolved:
        return "insufficient", shortage if resolved and shortage else BEYOND_RESOLUTION
    objection = next(_objections(differences, regimes), None)
    if objection is not None:
        return "no-op", objection
    return _ON_TAIL[tail.status], tail.reason or "better-than-every-baseline"


def _shortages(
    policy: EvaluationPolicy,
    differences: tuple[ArmDifference, ...],
    regimes: tuple[RegimeDifference, ...],
) -> Iterator[str]:
    """Yield what there is too little of."""
    for difference in differences:
        if difference.finding == "insufficient":
            yield short_difference(difference, policy)
    for regime in regimes:
        if regime.n < policy.minimums.per_regime:
            yield f"regime-{regime.regime}-{SHORT_OF}{policy.minimums.per_regime}"


def _objections(
    differences: tuple[ArmDifference, ...], regimes: tuple[RegimeDifference, ...]
) -> Iterator[str]:
    """Yield what speaks against a promotion, the champion first."""
    for difference in differences:
        if difference.finding != "better":
            yield f"not-better-than-{difference.baseline}"
    for regime in regimes:
        if regime.worse:
            yield f"worse-in-regime-{regime.regime}"
