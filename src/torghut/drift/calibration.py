"""Drift of the model's calibration: is a confidence still worth what it says?

Brier's score is what the check is about. Spiegelhalter's z tells a miscalibrated model from an
unlucky window; the expected calibration error is only shown, because it is far from 0 for a
perfect model too (about .06 at 500 outcomes in 10 bins).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.schemas.rows import Floats, Integers

Flags = npt.NDArray[np.bool_]

BINS: Final = 10
"""Of the expected calibration error, all as wide."""


@dataclass(slots=True, kw_only=True)
class PromiseTally:
    """Probabilities that were promised, against what came.

    Attributes:
        count: Outcomes.
        square: Sum of squared errors.
        slope: Sum of (outcome - promise)(1 - 2 promise).
        variance: Sum of (1 - 2 promise)^2 promise (1 - promise): what ``slope`` varies by.
        binned: Shape (3, bins): outcomes, sum of promises, sum of what came.
    """

    count: int = 0
    square: float = 0.0
    slope: float = 0.0
    variance: float = 0.0
    binned: Floats = field(default_factory=lambda: np.zeros((3, BINS)))

    def take(self, promised: Floats, came: Flags) -> None:
        """Count promises, shape (n,), in [0, 1], and whether each came.

        A promise that is no number makes everything that is said of the window no number.
        """
        outcome = came.astype(np.float64)
        slope = 1.0 - 2.0 * promised
        self.count += len(promised)
        self.square += float(((promised - outcome) ** 2).sum())
        self.slope += float(((outcome - promised) * slope).sum())
        self.variance += float((slope * slope * promised * (1.0 - promised)).sum())
        places = _bins(promised)
        for row, weights in enumerate((np.ones(len(promised)), promised, outcome)):
            self.binned[row] += np.bincount(places, weights=weights, minlength=BINS)

    def readings(self) -> Mapping[DriftCode, Reading]:
        """Return the Brier score, in [0, 1], 0 best (Brier 1950)."""
        score = self.square / self.count if self.count else None
        return {"model_calibration_error_exceeded": reading_of(score, samples=self.count)}

    def z(self) -> Reading:
        """Return Spiegelhalter's z: standard normal if each promise is the true probability.

        The Brier score less its own expectation, over its standard deviation (Spiegelhalter 1986,
        Statistics in Medicine 5, 421-433). None where nothing could have come otherwise.
        """
        wrong = math.isnan(self.variance)
        value = self.slope / math.sqrt(self.variance) if self.variance > 0.0 else None
        return reading_of(math.nan if wrong else value, samples=self.count)

    def expected_error(self) -> Reading:
        """Return the mean distance of promise and outcome in bins of promise, in [0, 1]."""
        _, promised, came = self.binned
        error = float(np.abs(promised - came).sum()) / self.count if self.count else None
        return reading_of(error, samples=self.count)


def _bins(promised: Floats) -> Integers:
    """Return the bin of each promise; what is no number goes into the first."""
    places: Integers = np.nan_to_num(promised * BINS).astype(np.int64).clip(0, BINS - 1)
    return places
