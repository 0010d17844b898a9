"""The router: how much each expert's word counts, from the regime posterior.

Whatever makes the posterior untrustworthy ends in the declared defensive weights, with a reason.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from torghut.kernel.native.compiled import compiled
from torghut.router.regime import OUTDATED
from torghut.schemas.codes import Expert, Reason, RouterMode, Switch
from torghut.schemas.rows import DecisionRow, Floats, ParameterRow, StateRow

_EXPERTS: Final = len(Expert)
_LIVE: Final = int(RouterMode.LIVE)
_DEFENSIVE_SWITCH: Final = 1 << Switch.DEFENSIVE_WEIGHTS

_NO_REASON: Final = np.uint64(0)
_STATIC: Final = np.uint64(1 << Reason.STATIC_WEIGHTS)
_SWITCHED: Final = np.uint64(1 << Reason.DEFENSIVE_WEIGHTS)
_MISSING: Final = np.uint64(1 << Reason.PACKAGE_MISSING)
_INVALID: Final = np.uint64(1 << Reason.POSTERIOR_INVALID)
_STALE: Final = np.uint64(1 << Reason.FEATURES_STALE)
_SHOCK: Final = np.uint64(1 << Reason.TRANSITION_SHOCK)
_ENTROPY: Final = np.uint64(1 << Reason.ENTROPY_HIGH)


@compiled
def weigh_experts(state: StateRow, parameters: ParameterRow, decision: DecisionRow) -> np.uint64:
    """Write the serving weights into ``decision.weights`` and return the reason bits.

    Weights are in [0, 1] and sum to 1. Clipping to each expert's bounds comes before the last
    normalisation, so a bound holds up to the factor that makes the sum 1.
    """
    if state.switches & _DEFENSIVE_SWITCH:
        _copy(parameters.defensive_weights, decision)
        return _SWITCHED
    if state.router_mode != _LIVE:
        _copy(parameters.static_weights, decision)
        return _STATIC
    distrust = _distrust(state, parameters)
    if distrust != _NO_REASON:
        _copy(parameters.defensive_weights, decision)
        return distrust
    total = 0.0
    for e in range(_EXPERTS):
        share = 0.0
        for j in range(parameters.regimes):
            share += state.posterior[j] * parameters.affinity[j * _EXPERTS + e]
        share = min(parameters.weight_max[e], max(parameters.weight_min[e], share))
        decision.weights[e] = share
        total += share
    for e in range(_EXPERTS):
        decision.weights[e] /= total
    return _NO_REASON


@compiled
def _distrust(state: StateRow, parameters: ParameterRow) -> np.uint64:
    """Return why the posterior may not serve, as one reason bit; none where it may."""
    if parameters.regimes == 0:
        return _MISSING
    if state.regime_valid == 0:
        return _INVALID
    if state.regime_valid == OUTDATED:
        return _STALE
    if state.regime_shock > parameters.shock_max:
        return _SHOCK
    if state.entropy > parameters.entropy_max:
        return _ENTROPY
    return _NO_REASON


@compiled
def _copy(weights: Floats, decision: DecisionRow) -> None:
    """Write declared weights into the decision."""
    for e in range(_EXPERTS):
        decision.weights[e] = weights[e]


@compiled
def lead_expert(decision: DecisionRow) -> int:
    """Return the expert with the largest weight, the first on ties."""
    best = 0
    for e in range(1, _EXPERTS):
        if decision.weights[e] > decision.weights[best]:
            best = e
    return best


@compiled
def blend(decision: DecisionRow) -> float:
    """Return the weighted mean of the experts' scores, in [-1, 1]."""
    total = 0.0
    for e in range(_EXPERTS):
        total += decision.weights[e] * decision.scores[e]
    return total


@compiled
def variance_between(decision: DecisionRow, score: float) -> float:
    """Return the weighted variance of the experts' scores around ``score``, in [0, 1]."""
    total = 0.0
    for e in range(_EXPERTS):
        distance = decision.scores[e] - score
        total += decision.weights[e] * distance * distance
    return total
