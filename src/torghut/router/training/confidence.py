"""Confidence as a package carries it: coefficients, where they come from and how they did."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from torghut.router.training.reliability import Reliability
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
