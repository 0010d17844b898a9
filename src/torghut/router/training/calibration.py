"""Fits how confident the router may be: the odds that a decision gained more than it cost.

The model is the kernel's: log-odds = bias + score * |score| - cost * (round trip / one sigma).
Every label is asked at its own cost and at declared other ones: the same future answers whether it
would have paid for those too, and a window whose costs hardly vary says little otherwise.
"""

from __future__ import annotations

from typing import Annotated, Literal, cast

import numpy as np
from pydantic import Field
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from torghut.router.training.environment import FIT_THREADS
from torghut.router.training.labels import Labels
from torghut.router.training.plan import CalibrationPlan
from torghut.router.training.reliability import Reliability, reliability
from torghut.schemas.rows import Floats
from torghut.schemas.types import Message, Real, SafeCount

Origin = Literal["fitted", "fitted-without-score", "unmeasured"]


class Coefficients(Message):
    """log-odds = bias + score * abs(score) - cost * (round trip / one sigma)."""

    bias: Real
    score: Real
    cost: Real

    def probability(self, score: Floats, cost: Floats) -> Floats:
        """Return the probability of a gain net of costs, shape as the arguments."""
        logit = self.bias + self.score * score - self.cost * cost
        return np.asarray(1.0 / (1.0 + np.exp(-logit)), np.float64)


class Calibration(Message):
    """Confidence coefficients, where they come from and how they did."""

    coefficients: Annotated[Coefficients, Field(description="What the package carries.")]
    origin: Annotated[
        Origin,
        Field(
            description="fitted-without-score: a larger score did not mean better odds, so its "
            "coefficient is 0. unmeasured: too few labels."
        ),
    ]
    labels: Annotated[SafeCount, Field(description="Fitted on.")]
    gained_ratio: Annotated[Real, Field(description="Of those, net of their own cost.")]
    reliability: Annotated[
        Reliability | None, Field(description="Of labels not fitted on, at their own cost.")
    ]


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
        reliability=_judge(coefficients, held_out, gained_ratio, plan),
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


def _judge(
    coefficients: Coefficients, held_out: Labels, constant: float, plan: CalibrationPlan
) -> Reliability | None:
    """Return how the coefficients do on labels that were not fitted on; None without any."""
    if not len(held_out):
        return None
    promised = coefficients.probability(held_out.score, held_out.cost)
    return reliability(promised, held_out.gained, constant=constant, bins=plan.bins)
