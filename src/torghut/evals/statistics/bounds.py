"""Bounds of a mean per step, from the studentized bootstrap of its blocks.

The bootstrap-t of a ratio of sums (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
chapter 12): skewness of the blocks moves the bounds, as it should.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from torghut.evals.statistics.blocks import Places
from torghut.evals.statistics.resampling import Resampling
from torghut.schemas.rows import Floats

POWER: Final = 0.8
"""Probability with which a detectable edge shows; the usual convention."""

_BEYOND: Final = NormalDist().inv_cdf(POWER)
_LEAST: Final = 3
"""Blocks that it takes to speak of a deviation at all."""

_ROUNDING: Final = 1e-12
"""Of the largest amount: a smaller deviation is rounding, not chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A difference by blocks.

    Attributes:
        sums: float64 (blocks,).
        counts: float64 (blocks,); steps in each.
        scale: The largest absolute amount that it was computed from.
    """

    sums: Floats
    counts: Floats
    scale: float

    @property
    def mean(self) -> float:
        """Return the mean of a step."""
        return float(self.sums.sum()) / max(1.0, float(self.counts.sum()))

    @property
    def deviations(self) -> Floats:
        """Return what each block has beyond its steps' share of the mean, shape (blocks,)."""
        return self.sums - self.mean * self.counts

    @property
    def rounding(self) -> float:
        """Return what the sum of a block may be off, without anything being behind it."""
        return _ROUNDING * self.scale * float(self.counts.max())

    @property
    def step_deviation(self) -> float:
        """Return the standard deviation of a step, with what near steps have in common.

        By blocks; where neighbouring blocks are alike too, twice their covariance is added (Newey
        and West, Econometrica 55, 1987, of one lag, never less than none). 0 where nothing varies.
        """
        deviations, blocks = self.deviations, len(self.sums)
        if blocks < _LEAST or float(np.abs(deviations).max()) <= self.rounding:
            return 0.0
        own = float((deviations * deviations).sum())
        shared = max(0.0, float((deviations[1:] * deviations[:-1]).sum()))
        total = (own + 2.0 * shared) * blocks / (blocks - 1)
        return math.sqrt(total / max(1.0, float(self.counts.sum())))

    @property
    def error(self) -> float:
        """Return the standard error of the mean of a step."""
        return self.step_deviation / math.sqrt(max(1.0, float(self.counts.sum())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What chance leaves of a mean.

    Attributes:
        mean: Of a step.
        lower: At or below it the mean lies with probability alpha, one-sided.
        upper: At or above it the mean lies with probability denial_alpha.
        p_better: Share of draws, this one among them, that are as far above their mean.
        detectable: The least true mean whose lower bound is above 0 in 80 of 100 windows.
    """

    mean: float
    lower: float
    upper: float
    p_better: float
    detectable: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """One-sided probabilities of error.

    Attributes:
        alpha: Of calling better what is not, as shared by all trials.
        denial_alpha: Of calling worse what is not.
    """

    alpha: float
    denial_alpha: float


def resolves(resamples: int, alpha: float) -> bool:
    """Say whether so many draws can tell a probability as small as ``alpha``.

    Example:
        >>> resolves(1999, 0.05), resolves(1999, 0.0001)
        (True, False)
    """
    return _rank(resamples, alpha) >= 0


def studentized(series: Sequence[Series], resampling: Resampling) -> Sequence[Floats]:
    """Return how far each draw's mean lies from that of its series, in its own standard errors.

    All series are drawn alike. Each result is rising, shape (resamples,); a draw in which nothing
    varies is infinitely far, on its side.
    """
    deviations = [one.deviations for one in series]
    parts: list[list[Floats]] = [[] for _ in series]
    for draw in resampling.draws():
        for place, one in enumerate(series):
            parts[place].append(_distances(deviations[place], one.counts, draw))
    return [np.sort(np.concatenate(part)) for part in parts]


def bound(series: Series, distances: Floats, levels: Levels) -> Bound | None:
    """Return the bounds of ``series``'s mean, given its rising ``distances``; None without any.

    Each bound is the wider of two: by the draws, and by Student's distribution, because few blocks
    are drawn too much alike. There is none where no block differs from the others, or the draws or
    blocks are too few for the levels. ``lower > 0`` says the same as ``p_better <= alpha``.
    """
    error, resamples, freedom = series.error, len(distances), len(series.sums) - 1
    if error == 0.0 or not resolves(resamples, min(levels.alpha, levels.denial_alpha)):
        return None
    rank = resamples - 1 - _rank(resamples, levels.alpha)
    high = max(float(distances[rank]), _student(levels.alpha, freedom))
    low = min(
        float(distances[_rank(resamples, levels.denial_alpha)]),
        -_student(levels.denial_alpha, freedom),
    )
    if not (math.isfinite(high) and math.isfinite(low)):
        return None
    statistic = series.mean / error
    beyond = resamples - int(np.searchsorted(distances, statistic, side="left"))
    return Bound(
        mean=series.mean,
        lower=series.mean - high * error,
        upper=series.mean - low * error,
        p_better=max((1 + beyond) / (resamples + 1), _student_tail(statistic, freedom)),
        detectable=(high + _BEYOND) * error,
    )


def series_of(sums: Sequence[float], counts: Sequence[int], scale: float) -> Series:
    """Return what stands by blocks in figures."""
    return Series(sums=np.array(sums, np.float64), counts=np.array(counts, np.float64), scale=scale)


def _rank(resamples: int, alpha: float) -> int:
    """Return how many draws may lie beyond a bound at ``alpha``; below 0: not even none."""
    return int(np.floor(alpha * (resamples + 1) * (1.0 + _ROUNDING))) - 1


def _student_tail(statistic: float, freedom: int) -> float:
    """Return the probability that Student's t lies above ``statistic``.

    By the normal distribution (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.8).
    """
    shrunk = statistic * (1.0 - 0.25 / freedom) / math.sqrt(1.0 + statistic**2 / (2.0 * freedom))
    return NormalDist().cdf(-shrunk)


def _student(alpha: float, freedom: int) -> float:
    """Return what Student's t exceeds with probability ``alpha``, the inverse of the above.

    Infinite where the approximation does not reach that far.
    """
    normal = -NormalDist().inv_cdf(alpha)
    reach = (1.0 - 0.25 / freedom) ** 2 - normal**2 / (2.0 * freedom)
    return normal / math.sqrt(reach) if reach > 0.0 else math.inf


def _distances(deviations: Floats, counts: Floats, draw: Places) -> Floats:
    """Return the distance of each draw's mean, shape (rows,)."""
    blocks = draw.shape[1]
    drawn, steps = deviations[draw], counts[draw]
    total = np.maximum(steps.sum(axis=1), 1.0)  # where no step was drawn nothing deviates either
    apart = drawn.sum(axis=1) / total
    rest = drawn - apart[:, None] * steps
    variance = (rest * rest).sum(axis=1) * blocks / max(1, blocks - 1)
    error = np.sqrt(variance) / total
    far = np.where(apart == 0.0, 0.0, np.copysign(np.inf, apart))
    return np.where(error > 0.0, apart / np.where(error > 0.0, error, 1.0), far)
