"""The tail gate: large losses judged apart, because a mean hides what is rare.

Three tests, each of which alone stops a candidate: its mean shortfall in the worst blocks beside
the champion's (expected shortfall: Acerbi and Tasche, Journal of Banking and Finance 26, 2002),
bounded by resampling blocks; losses far beyond everything the champion ever lost, counted; and the
largest position it held, because a loss that has not happened yet shows nowhere else. A loss is
what falls short of the arm's own mean, so that steady gains do not pay for it.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from torghut.evals.statistics.bounds import series_of
from torghut.evals.statistics.resampling import Resampling
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy, TailPolicy
from torghut.schemas.reviewing.paired import PairedFigures
from torghut.schemas.rollout.evaluation import TailFigures
from torghut.schemas.rollout.gates import SHORT_OF
from torghut.schemas.rows import Floats

RARE_LOSSES: Final = "rare-losses-above-limit"
EXPOSURE: Final = "exposure-above-limit"

TailStatus = Literal["pass", "fail", "insufficient"]

CANNOT_SEE: Final = (
    "a loss that did not happen in the window, at no larger a position than the champion's",
    "a large loss that came once or twice, while the worst blocks together stay within the limit",
    "what a larger position would have lost between two steps",
    "whether the champion's own tail is one to be measured by",
    "a tail that both arms share: only the difference is judged",
)
"""What no test of this kind can find, whatever its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shortfalls:
    """Mean shortfall in the worst blocks, of both arms, and how large their ratio may well be."""

    candidate: float
    champion: float
    ratio_upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _RareLosses:
    """Losses apart from each other beyond the limit, and how likely so many were by chance."""

    count: int
    probability: float


def judge_tails(figures: PairedFigures, policy: EvaluationPolicy, *, seed: int) -> TailFigures:
    """Return whether the candidate's tail stays within the declared multiple of the champion's.

    Fails closed: where too little was decided, the champion never lost anything to compare with,
    or an exposure is not given, it is insufficient.

    Args:
        figures: Of the arms.
        policy: Declared.
        seed: Of the draws.
    """
    tail = policy.tail
    resampling = Resampling(
        blocks=len(figures.counts),
        resamples=policy.blocks.resamples_min,
        run_blocks=policy.blocks.run_blocks,
        seed=seed,
    )
    shortfalls = _shortfalls(figures, resampling, tail)
    rare = _rare_losses(figures, policy)
    exposures = figures.candidate.exposure, figures.champion.exposure
    status, reason = _status(figures.steps, tail, shortfalls, rare, exposures)
    return TailFigures(
        status=status,
        reason=reason,
        n=figures.steps,
        least=tail.decisions_min,
        quantile=tail.quantile,
        limit_ratio=tail.limit_ratio,
        alpha=tail.alpha,
        candidate_shortfall=shortfalls.candidate,
        champion_shortfall=shortfalls.champion,
        ratio_upper=shortfalls.ratio_upper,
        worst_loss=figures.worst_loss,
        history=figures.history,
        rare_losses=rare.count,
        rare_probability=rare.probability,
        candidate_exposure=exposures[0],
        champion_exposure=exposures[1],
        cannot_see=CANNOT_SEE,
    )


def _shortfalls(figures: PairedFigures, drawn: Resampling, tail: TailPolicy) -> _Shortfalls:
    """Return both arms' shortfalls by blocks; the bound is None where a ratio would be by nothing.

    The bound is the quantile of the ratio over draws: both arms lose in the same blocks.
    """
    losses = [
        -series_of(arm.sums, figures.counts, arm.scale).deviations
        for arm in (figures.candidate, figures.champion)
    ]
    worst = max(1, math.ceil((1.0 - tail.quantile) * len(figures.counts)))
    own, other = (float(_worst_mean(one[None, :], worst)[0]) for one in losses)
    if other <= 0.0:
        return _Shortfalls(candidate=own, champion=other, ratio_upper=None)
    ratios = []
    for draw in drawn.draws():
        above, below = (_worst_mean(one[draw], worst) for one in losses)
        ratios.append(np.where(below > 0.0, above / np.where(below > 0.0, below, 1.0), np.inf))
    upper = float(np.quantile(np.concatenate(ratios), 1.0 - tail.alpha, method="higher"))
    return _Shortfalls(
        candidate=own, champion=other, ratio_upper=upper if math.isfinite(upper) else None
    )


def _worst_mean(losses: Floats, worst: int) -> Floats:
    """Return the mean of the ``worst`` largest of each row of ``losses``, shape (rows,)."""
    first = losses.shape[1] - worst
    return np.asarray(np.partition(losses, first, axis=1)[:, first:].mean(axis=1))


def _rare_losses(figures: PairedFigures, policy: EvaluationPolicy) -> _RareLosses:
    """Return the candidate's losses beyond the limit times the worst that the champion ever had.

    Under arms that lose alike, each of the largest losses of all is the candidate's with the share
    of its steps, so k of them with that to the power of k. Losses of one block count once. Of more
    losses than figures keep, the largest are counted.
    """
    limit = policy.tail.limit_ratio * figures.worst_loss
    beyond = [one.step for one in figures.losses if one.loss > limit]
    apart = sum(two - one >= policy.blocks.contexts_min for one, two in itertools.pairwise(beyond))
    count = apart + 1 if beyond else 0
    share = figures.steps / (2 * figures.steps + figures.history)
    return _RareLosses(count=count, probability=share**count)


def _status(
    steps: int,
    tail: TailPolicy,
    shortfalls: _Shortfalls,
    rare: _RareLosses,
    exposures: tuple[float | None, float | None],
) -> tuple[TailStatus, str | None]:
    """Return what the three tests come to, and the first reason not to pass."""
    if steps < tail.decisions_min:
        return "insufficient", f"{SHORT_OF}{tail.decisions_min}"
    if shortfalls.ratio_upper is None:
        return "insufficient", "champion-without-losses"
    if shortfalls.ratio_upper > tail.limit_ratio:
        return "fail", "shortfall-above-limit"
    if rare.probability <= tail.alpha:
        return "fail", RARE_LOSSES
    return _exposure_status(*exposures, tail.limit_ratio)


def _exposure_status(
    own: float | None, other: float | None, limit: float
) -> tuple[TailStatus, str | None]:
    """Return what the largest positions of candidate and champion come to."""
    if own is None or other is None:
        return "insufficient", "exposure-not-given"
    return ("fail", EXPOSURE) if own > limit * other else ("pass", None)
