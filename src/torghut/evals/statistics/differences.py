"""Candidate less baseline, with what chance leaves of it: over all steps, and in each regime."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from torghut.evals.statistics.bounds import Bound, Levels, Series, bound, series_of, studentized
from torghut.evals.statistics.resampling import Resampling
from torghut.schemas.declarations.rollout.evaluation import EvaluationPolicy
from torghut.schemas.reviewing.paired import PairedFigures
from torghut.schemas.rollout.evaluation import ArmDifference, BaselineName, RegimeDifference

Finding = Literal["better", "worse", "not-different", "insufficient"]

_YEAR_NS: Final = 31_557_600_000_000_000
"""A Julian year, 365.25 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How arms are compared.

    Attributes:
        policy: Declared.
        levels: Of the tests, trials counted.
        resampling: The same draws for every baseline.
    """

    policy: EvaluationPolicy
    levels: Levels
    resampling: Resampling


def arm_differences(figures: PairedFigures, compared: Comparison) -> tuple[ArmDifference, ...]:
    """Return candidate less each baseline, in the order given."""
    series = [series_of(one.sums, figures.counts, one.scale) for one in figures.differences]
    distances = studentized(series, compared.resampling)
    yearly = _yearly_deviation(figures)
    names = [one.baseline for one in figures.differences]
    return tuple(
        _arm_difference(name, one, bound(one, far, compared.levels), compared, yearly)
        for name, one, far in zip(names, series, distances, strict=True)
    )


def regime_differences(
    figures: PairedFigures, compared: Comparison
) -> tuple[RegimeDifference, ...]:
    """Return candidate less champion in each regime.

    The probability of error is shared by the regimes (Bonferroni), so that more of them do not make
    a false finding likelier.
    """
    scale = max(figures.candidate.scale, figures.champion.scale)
    series = [series_of(one.sums, one.counts, scale) for one in figures.regimes]
    distances = studentized(series, compared.resampling)
    alpha = compared.levels.denial_alpha / len(series)
    levels = Levels(alpha=alpha, denial_alpha=alpha)
    return tuple(
        _regime_difference(
            told.regime,
            told.name,
            one,
            bound(one, far, levels) if _differing(one) >= _least(compared) else None,
            compared,
        )
        for told, one, far in zip(figures.regimes, series, distances, strict=True)
    )


def _differing(series: Series) -> int:
    """Return in how many blocks the arms differ by more than rounding."""
    return int((np.abs(series.sums) > series.rounding).sum())


def _least(compared: Comparison) -> int:
    """Return in how many blocks arms must differ."""
    return compared.policy.minimums.differing_blocks


def _arm_difference(
    name: BaselineName,
    series: Series,
    found: Bound | None,
    compared: Comparison,
    yearly: float | None,
) -> ArmDifference:
    """Return the difference to one baseline with its finding."""
    differing, steps = _differing(series), int(series.counts.sum())
    decided = steps >= compared.policy.minimums.decisions
    known = found if decided and differing >= _least(compared) else None
    margin = compared.policy.significance.margin_sd * series.step_deviation
    return ArmDifference(
        baseline=name,
        finding="not-different" if decided and differing == 0 else _finding(known),
        mean=series.mean,
        lower=known.lower if known else None,
        upper=known.upper if known else None,
        alpha=compared.levels.alpha,
        denial_alpha=compared.levels.denial_alpha,
        p_better=known.p_better if known else 1.0,
        non_inferior=known is not None and known.lower > -margin,
        n=steps,
        blocks=len(series.sums),
        differing_blocks=differing,
        detectable_edge=known.detectable if known else None,
        detectable_sharpe=known.detectable * yearly if known and yearly is not None else None,
    )


def _finding(found: Bound | None) -> Finding:
    """Return what bounds say of a difference."""
    if found is None:
        return "insufficient"
    if found.lower > 0.0:
        return "better"
    return "worse" if found.upper < 0.0 else "not-different"


def _regime_difference(
    number: int, name: str, series: Series, found: Bound | None, compared: Comparison
) -> RegimeDifference:
    """Return the difference to the champion in one regime."""
    steps = int(series.counts.sum())
    margin = compared.policy.significance.margin_sd * series.step_deviation if steps else 0.0
    return RegimeDifference(
        regime=number,
        name=name,
        n=steps,
        mean=series.mean if steps else None,
        lower=found.lower if found else None,
        upper=found.upper if found else None,
        margin=margin,
        worse=found is not None and found.upper < -margin,
    )


def _yearly_deviation(figures: PairedFigures) -> float | None:
    """Return what turns an edge of a step into annual standard deviations of the candidate.

    The square root of steps a year over the deviation of a step; steps a year as in the window,
    over its whole time. None where the window has no length or the candidate never varies.
    """
    span_ns = figures.last_ns - figures.first_ns
    own = figures.candidate
    deviation = series_of(own.sums, figures.counts, own.scale).step_deviation
    if span_ns == 0 or deviation == 0.0:
        return None
    return math.sqrt(figures.steps * (_YEAR_NS / span_ns)) / deviation
