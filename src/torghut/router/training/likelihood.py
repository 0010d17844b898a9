"""How likely observations are under a regime model, by the forward algorithm: no look-ahead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
from hmmlearn.hmm import GaussianHMM

from torghut.router.training.sequences import FeatureSequence, stacked
from torghut.schemas.rows import Floats


class Regimes(Protocol):
    """The mathematics of a regime model of k states, in raw feature units."""

    @property
    def start(self) -> tuple[float, ...]:
        """Distribution before the first sample, shape (k,)."""
        ...

    @property
    def transition(self) -> tuple[tuple[float, ...], ...]:
        """Row: from, column: to; shape (k, k)."""
        ...

    @property
    def mean(self) -> tuple[tuple[float, ...], ...]:
        """Of each feature in each regime, shape (k, features)."""
        ...

    @property
    def variance(self) -> tuple[tuple[float, ...], ...]:
        """As ``mean``; all above 0."""
        ...


def mean_log_likelihood(model: Regimes, sequences: Sequence[FeatureSequence]) -> float:
    """Return the mean log-likelihood of one observation, in nats; higher is better.

    Each sequence begins with the model's start distribution. NaN without observations.
    """
    features, lengths = stacked(sequences)
    if len(features) == 0:
        return float("nan")
    return float(cast("float", as_hmm(model).score(features, lengths))) / len(features)


def occupancy(model: Regimes, sequences: Sequence[FeatureSequence]) -> Floats:
    """Return the share of observations in each regime, by the smoothed posterior; shape (k,).

    Smoothed: it describes a model after the fact and never decides.
    """
    features, lengths = stacked(sequences)
    posterior = cast("Floats", as_hmm(model).predict_proba(features, lengths))
    return np.asarray(posterior.mean(axis=0), np.float64)


def as_hmm(model: Regimes) -> GaussianHMM:
    """Return ``model`` as hmmlearn's own, for its compiled forward pass."""
    hmm = GaussianHMM(len(model.start), covariance_type="diag")
    hmm.startprob_ = np.array(model.start)
    hmm.transmat_ = np.array(model.transition)
    hmm.means_ = np.array(model.mean)
    hmm.covars_ = np.array(model.variance)
    hmm.n_features = len(model.mean[0])
    return hmm
