"""The experts: what each would do, from -1 (fully short) to 1 (fully long).

Every score is a dimensionless distance x in long-run volatilities, squashed by x / sqrt(1 + x^2).
"""

from __future__ import annotations

import math
from typing import Final

from torghut.kernel.native.compiled import compiled
from torghut.schemas.codes import Expert
from torghut.schemas.rows import DecisionRow, ParameterRow, StateRow

_TREND: Final = int(Expert.TREND)
_REVERSAL: Final = int(Expert.REVERSAL)
_BREAKOUT: Final = int(Expert.BREAKOUT)
_DEFENSIVE: Final = int(Expert.DEFENSIVE)


@compiled
def score_experts(
    deviation: float, state: StateRow, parameters: ParameterRow, decision: DecisionRow
) -> None:
    """Write each expert's score into ``decision.scores``; all 0 while ``deviation`` is.

    ``deviation`` is the standard deviation of one sample's return, the measure of every distance.

    Trend follows the fast mean against the slow one, reversal expects the price back at the fast
    mean, breakout follows a price outside the channel of earlier samples, and defensive is flat.
    """
    for e in range(len(decision.scores)):
        decision.scores[e] = 0.0
    if not deviation > 0.0:
        return
    gain = parameters.score_gain
    trend = (state.fast / state.slow - 1.0) / deviation
    stretch = (state.mid / state.fast - 1.0) / deviation
    decision.scores[_TREND] = _squash(gain[_TREND] * trend)
    decision.scores[_REVERSAL] = _squash(-gain[_REVERSAL] * stretch)
    decision.scores[_BREAKOUT] = _squash(gain[_BREAKOUT] * _outside(state) / deviation)
    decision.scores[_DEFENSIVE] = 0.0


@compiled
def _outside(state: StateRow) -> float:
    """Return how far the price is outside its channel, as a ratio; 0 inside."""
    if state.mid > state.channel_high:
        return state.mid / state.channel_high - 1.0
    if state.mid < state.channel_low:
        return state.mid / state.channel_low - 1.0
    return 0.0


@compiled
def _squash(x: float) -> float:
    """Return ``x`` drawn into (-1, 1), without the sign of a zero."""
    return x / math.sqrt(1.0 + x * x) + 0.0
