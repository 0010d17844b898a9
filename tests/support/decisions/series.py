"""Made-up series with known dependence, for detectors that must not take it for change."""

from __future__ import annotations

import math

import numpy as np

from torghut.schemas.rows import Floats


def autoregressive(generator: np.random.Generator, count: int, phi: float) -> Floats:
    """Return an AR(1) series with variance 1, shape (count,)."""
    noise = generator.standard_normal(count) * math.sqrt(1.0 - phi * phi)
    values = np.empty(count)
    last = float(generator.standard_normal())
    for place, one in enumerate(noise.tolist()):
        last = phi * last + one
        values[place] = last
    return values


def clustering(generator: np.random.Generator, count: int) -> Floats:
    """Return a GARCH(1, 1) series with mean variance 1, shape (count,): calm and wild by turns."""
    values, variance = np.empty(count), 1.0
    for place, one in enumerate(generator.standard_normal(count).tolist()):
        values[place] = math.sqrt(variance) * one
        variance = 0.02 + 0.08 * float(values[place]) ** 2 + 0.90 * variance
    return values
