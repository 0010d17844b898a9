"""Fits how confident the router may be: the odds that a decision gained more than it cost.

The model is the kernel's: log-odds = bias + score * |score| - cost * (round trip / one sigma).
Every label is asked at its own cost and at declared other ones: the same future answers whether it
would have paid for those too, and a window whose costs hardly vary says little otherwise.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from torghut.router.training.confidence import Calibration, Coefficients, Origin
from torghut.router.training.environment import FIT_THREADS
from torghut.router.training.labels import Labels
from torghut.router.training.plan import CalibrationPlan
from torghut.router.training.reliability import Reliability, reliability
from torghut.schemas.rows import Floats


def calibrate(
    labels: Labels, *, split_ns: int, unmeasured: Coefficients, plan: CalibrationPlan
) -> Calibration:
    """Return the coefficients fitted on what ended before ``split_ns``, judged on what began after.

    A label whose horizon holds ``split_ns`` is in neither part.

    Args:
        labels: Of the decisions in the window.
        split_ns: Where the held-out part begins.
        unmeasured: What holds where nothing was measured: low enough to open nothing.
        plan: Declared.
    """
    fitted = labels.where(labels.ended_ns < split_ns)
    held_out = labels.where(labels.decided_ns >= split_ns)
    coefficients, origin = _fit(fitted, unmeasured, plan)
    gained_ratio = float(fitted.gained.mean()) if len(fitted) else 0.0
    return Calibration(
        coefficients=coefficients,
        origin=origin,
        labels=len(fitted),
        gained_ratio=gained_ratio,
        reliability=judge(coefficients, held_out, constant=gained_ratio, bins=plan.bins),
    )


def _fit(
    labels: Labels, unmeasured: Coefficients, plan: CalibrationPlan
) -> tuple[Coefficients, Origin]:
    """Return coefficients whose score and cost do not have the wrong sign, and their origin."""
    if len(labels) < plan.labels_min:
        return unmeasured, "unmeasured"
    fitted = _regress(labels, plan, scored=True)
    if fitted.score >= 0.0:
        return fitted, "fitted"
    return _regress(labels, plan, scored=False), "fitted-without-score"


def _regress(labels: Labels, plan: CalibrationPlan, *, scored: bool) -> Coefficients:
    """Return the logistic regression of gaining, asked at every cost; a label weighs 1 in all."""
    asked = [labels.cost, *(np.full(len(labels), cost) for cost in plan.asked_costs)]
    cost = np.concatenate(asked)
    score = np.tile(labels.score if scored else np.zeros(len(labels)), len(asked))
    gained = np.tile(labels.gain, len(asked)) > cost
    with threadpool_limits(limits=FIT_THREADS):
        model = LogisticRegression().fit(
            np.column_stack([score, -cost]), gained, np.full(len(cost), 1.0 / len(asked))
        )
    weights = cast("Floats", model.coef_)[0]
    intercept = cast("Floats", model.intercept_)
    return Coefficients(
        bias=float(intercept[0]), score=float(weights[0]), cost=max(0.0, float(weights[1]))
    )


def judge(
    coefficients: Coefficients, labels: Labels, *, constant: float, bins: int
) -> Reliability | None:
    """Return how ``coefficients`` do on ``labels``; None without any.

    Args:
        coefficients: Not fitted on these labels.
        labels: At their own costs.
        constant: The one probability to compare with.
        bins: Of the reliability table.
    """
    if not len(labels):
        return None
    promised = coefficients.probability(labels.score, labels.cost)
    return reliability(promised, labels.gained, constant=constant, bins=bins)
