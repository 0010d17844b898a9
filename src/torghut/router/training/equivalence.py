"""Whether two fits are the same model: by tolerance and held-out likelihood, never by digest.

The same data, plan and seed give other last digits with another number of threads or on another
processor, so equal digests prove equality and unequal ones prove nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from torghut.router.training.likelihood import Regimes, mean_log_likelihood
from torghut.router.training.sequences import FeatureSequence
from torghut.schemas.rows import Floats

Verdict = Literal["identical", "equivalent", "different"]


class Confident(Regimes, Protocol):
    """A regime model with its labels and confidence coefficients."""

    @property
    def labels(self) -> tuple[str, ...]:
        """By rising volatility ratio."""
        ...

    @property
    def confidence_bias(self) -> float:
        """Log-odds of a gain at score 0 and without cost."""
        ...

    @property
    def confidence_score(self) -> float:
        """Log-odds added by a score of 1."""
        ...

    @property
    def confidence_cost(self) -> float:
        """Log-odds taken by a round trip that costs one sigma."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far two equivalent fits may be apart.

    Attributes:
        mean: In the larger standard deviation of the two, for each feature and regime.
        variance: Of the logarithms.
        transition: Of each probability; the start distribution is judged by likelihood alone,
            because each sequence shows it only once.
        confidence: Of each coefficient, in log-odds.
        likelihood: Of the mean log-likelihood of a held-out observation, in nats.
    """

    mean: float = 0.02
    variance: float = 0.02
    transition: float = 0.005
    confidence: float = 0.02
    likelihood: float = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalence:
    """The judgement of two fits.

    Attributes:
        verdict: ``identical`` if every parameter is equal to the last bit.
        apart: The largest distance of each kind, in the units of ``Tolerance``.
        beyond: The kinds whose distance is beyond tolerance, sorted; ``labels`` where the models
            do not even have the same regimes.
    """

    verdict: Verdict
    apart: Mapping[str, float]
    beyond: tuple[str, ...]


def equivalent(
    one: Confident,
    other: Confident,
    held_out: Sequence[FeatureSequence],
    tolerance: Tolerance,
) -> Equivalence:
    """Return whether ``one`` and ``other`` are the same model, judged on ``held_out``."""
    if one.labels != other.labels:
        return Equivalence(verdict="different", apart={}, beyond=("labels",))
    apart = _apart(one, other, held_out)
    limits = {name: float(getattr(tolerance, name)) for name in apart}
    # Written so that a distance that is no number is beyond every limit.
    beyond = tuple(sorted(name for name, far in apart.items() if not far <= limits[name]))
    same = not beyond and _parameters(one) == _parameters(other)
    verdict: Verdict = "identical" if same else "equivalent"
    return Equivalence(verdict="different" if beyond else verdict, apart=apart, beyond=beyond)


def _apart(
    one: Confident, other: Confident, held_out: Sequence[FeatureSequence]
) -> Mapping[str, float]:
    """Return the largest distance of each kind."""
    variance, other_variance = np.array(one.variance), np.array(other.variance)
    deviation = np.sqrt(np.maximum(variance, other_variance))
    likelihood = mean_log_likelihood(one, held_out) - mean_log_likelihood(other, held_out)
    coefficients = (
        one.confidence_bias - other.confidence_bias,
        one.confidence_score - other.confidence_score,
        one.confidence_cost - other.confidence_cost,
    )
    return {
        "mean": _largest((np.array(one.mean) - np.array(other.mean)) / deviation),
        "variance": _largest(np.log(variance / other_variance)),
        "transition": _largest(np.array(one.transition) - np.array(other.transition)),
        "confidence": _largest(np.array(coefficients)),
        "likelihood": abs(likelihood) if math.isfinite(likelihood) else math.inf,
    }


def _largest(distances: Floats) -> float:
    """Return the largest distance, whatever its sign."""
    return float(np.abs(distances).max())


def _parameters(model: Confident) -> tuple[object, ...]:
    """Return everything that decides."""
    return (
        model.start,
        model.transition,
        model.mean,
        model.variance,
        model.confidence_bias,
        model.confidence_score,
        model.confidence_cost,
    )
