"""The regime filter: which state is the market in, given only what has been seen so far?

One step of the forward algorithm of a Gaussian hidden Markov model (Rabiner 1989, eq. 19-20),
normalised at every step. Smoothing and Viterbi use the future and are not here on purpose.
"""

from __future__ import annotations

import math
from typing import Final

from torghut.kernel.exact import exp, log
from torghut.kernel.native.compiled import compiled
from torghut.schemas.codes import MAX_REGIMES, REGIME_FEATURES
from torghut.schemas.rows import ParameterRow, StateRow

VALID: Final = 1
"""``regime_valid`` of a posterior that follows from the features of the last sample."""
OUTDATED: Final = 2
"""``regime_valid`` of one from before a pause in which the market was not seen."""

_REGIMES: Final = MAX_REGIMES
_FEATURES: Final = REGIME_FEATURES
_LOG_COUNT: Final = (1.0, 1.0, 0.6931471805599453, 1.0986122886681098, 1.3862943611198906)
"""log(n) by n; a certain posterior's entropy of 0 may be divided by anything."""


@compiled
def filter_step(state: StateRow, parameters: ParameterRow) -> None:
    """Move ``state.posterior`` on by one sample, with the features of that sample.

    Also sets ``regime_shock`` (total variation distance between the posteriors before and after,
    in [0, 1]) and ``entropy`` (Shannon's, in nats over ``log(count)``: 0 certain, 1 uniform; 0
    where there is only one regime). A likelihood that is zero or not finite everywhere leaves the
    start distribution and ``regime_valid`` = 0, for this sample.
    """
    count = parameters.regimes
    state.regime_valid = 0
    if count == 0:
        return
    l0, l1, l2, l3 = (
        _log_likelihood(0, count, state, parameters),
        _log_likelihood(1, count, state, parameters),
        _log_likelihood(2, count, state, parameters),
        _log_likelihood(3, count, state, parameters),
    )
    best = max(l0, l1, l2, l3)
    p0, p1, p2, p3 = (
        _predicted(0, state, parameters) * exp(l0 - best),
        _predicted(1, state, parameters) * exp(l1 - best),
        _predicted(2, state, parameters) * exp(l2 - best),
        _predicted(3, state, parameters) * exp(l3 - best),
    )
    total = p0 + p1 + p2 + p3
    if not 0.0 < total < math.inf:
        reset_posterior(state, parameters)
        return
    shock, nats = 0.0, 0.0
    for j, share in enumerate((p0 / total, p1 / total, p2 / total, p3 / total)):
        shock += abs(share - state.posterior[j])
        nats += _surprise(share)
        state.posterior[j] = share
    state.regime_shock = 0.5 * shock
    state.entropy = min(1.0, max(0.0, nats / _LOG_COUNT[count]))
    state.regime_valid = VALID


@compiled
def outdate(state: StateRow) -> None:
    """Remember that nothing was seen for so long that the posterior, if any, is of another time."""
    if state.regime_valid != 0:
        state.regime_valid = OUTDATED


@compiled
def reset_posterior(state: StateRow, parameters: ParameterRow) -> None:
    """Return to the model's start distribution: nothing is known about the regime."""
    for j in range(_REGIMES):
        state.posterior[j] = parameters.start[j]
    state.regime_shock = 0.0
    state.entropy = 1.0


@compiled
def _log_likelihood(j: int, count: int, state: StateRow, parameters: ParameterRow) -> float:
    """Return the log density of the current features in regime ``j``; -inf beyond the last."""
    if j >= count:
        return -math.inf
    total = 0.0
    for f in range(_FEATURES):
        distance = state.features[f] - parameters.regime_mean[j * _FEATURES + f]
        total += distance * distance * parameters.regime_precision[j * _FEATURES + f]
    return float(parameters.log_norm[j]) - 0.5 * total


@compiled
def _predicted(j: int, state: StateRow, parameters: ParameterRow) -> float:
    """Return the share of regime ``j`` before this sample's features are looked at.

    All places are summed: those beyond the last regime hold transitions of 0.
    """
    predicted = 0.0
    for i in range(_REGIMES):
        predicted += state.posterior[i] * parameters.transition[i * _REGIMES + j]
    return predicted


@compiled
def _surprise(share: float) -> float:
    """Return what a regime of this share adds to the Shannon entropy, in nats."""
    return -share * log(share) if share > 0.0 else 0.0


@compiled
def leaving_probability(state: StateRow, parameters: ParameterRow) -> float:
    """Return the probability that the next sample is in another regime than this one."""
    staying = 0.0
    for j in range(parameters.regimes):
        staying += state.posterior[j] * parameters.transition[j * _REGIMES + j]
    return min(1.0, max(0.0, 1.0 - staying))


@compiled
def likeliest(state: StateRow, parameters: ParameterRow) -> int:
    """Return the index of the likeliest regime, the first on ties; 255 without a valid one."""
    if state.regime_valid == 0:
        return 255
    best = 0
    for j in range(1, parameters.regimes):
        if state.posterior[j] > state.posterior[best]:
            best = j
    return best
