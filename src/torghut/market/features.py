"""Features of one symbol: its quote with every context, its moving statistics once per sample.

All are exponentially weighted means over samples of the mid price. The first n samples weigh
alike (weight 1/n until the declared weight is smaller), so a mean has no memory of its start.
"""

from __future__ import annotations

import math
from typing import Final

from torghut.kernel.exact import log
from torghut.kernel.native.compiled import compiled
from torghut.schemas.codes import ContextFlag, Stream
from torghut.schemas.rows import ContextRow, ParameterRow, StateRow

_QUOTE: Final = int(Stream.QUOTE)
_BAR: Final = int(Stream.BAR)
_EVENT_ASSUMED: Final = int(ContextFlag.EVENT_TIME_ASSUMED)
_QUOTE_ASSUMED: Final = int(ContextFlag.QUOTE_ASSUMED)

_STILL: Final = 1e-9
"""Returns below this, as a ratio of price, cannot be told from rounding."""

VOLATILITY_RATIO: Final = 0
"""Feature 0: log of short over long volatility; rising with stress. The states' order."""
EFFICIENCY: Final = 1
"""Feature 1: |mean return| over mean |return|, in [0, 1]; near 1 in a clean trend."""
SURPRISE: Final = 2
"""Feature 2: the last return in long volatilities, |z| / (1 + |z|), in [0, 1)."""


@compiled
def take_quote(context: ContextRow, state: StateRow, parameters: ParameterRow) -> None:
    """Remember the quote that ``context`` brings, widened where it was assumed."""
    stream = int(context.stream)
    if stream not in (_QUOTE, _BAR):
        return
    state.bid = context.bid
    state.ask = context.ask
    state.mid = 0.5 * (context.bid + context.ask)
    if context.marks & _QUOTE_ASSUMED:
        state.bid = state.mid * (1.0 - parameters.half_spread_ratio)
        state.ask = state.mid * (1.0 + parameters.half_spread_ratio)
    state.quote_ns = context.receive_ns
    if not context.marks & _EVENT_ASSUMED:
        happened_ns = context.event_ns - parameters.clock_offset_ns
        state.quote_ns = min(context.receive_ns, happened_ns)


@compiled
def sample(context: ContextRow, state: StateRow, parameters: ParameterRow) -> bool:
    """Move the features on if a sample is due; return whether they moved.

    A sample is taken at a context's receive time with what was known then, its own quote
    included, never at a grid point before it. A pause beyond ``sample_gap_ns`` is not a return.
    """
    now = context.receive_ns
    if state.samples == 0:
        _begin(state, now)
        return False
    pause = now - state.sample_ns
    if pause < parameters.sample_ns:
        return False
    if pause > parameters.sample_gap_ns:
        state.sample_ns = now
        state.sample_mid = state.mid
        return False
    _move(state, parameters)
    state.sample_ns = now
    return True


@compiled
def volatility(state: StateRow) -> float:
    """Return the standard deviation of one sample's return; 0 while it is unknown.

    A price that stands still leaves a variance of rounding residue, which is no volatility: what
    is divided by it would be noise blown up to certainty.
    """
    deviation = math.sqrt(state.variance_slow)
    return deviation if deviation >= _STILL else 0.0


@compiled
def _begin(state: StateRow, now: int) -> None:
    """Take the first sample: prices have a level but no return yet."""
    state.samples = 1
    state.sample_ns = now
    state.sample_mid = state.mid
    state.fast = state.mid
    state.slow = state.mid
    state.channel_high = state.mid
    state.channel_low = state.mid


@compiled
def _move(state: StateRow, parameters: ParameterRow) -> None:
    """Fold the return since the last sample into every statistic."""
    change = state.mid / state.sample_mid - 1.0
    square = change * change
    start = 1.0 / state.samples
    fast = max(parameters.alpha_fast, start)
    slow = max(parameters.alpha_slow, start)
    # The channel is of earlier samples only: a breakout must leave what was there before it.
    high = state.channel_high - parameters.alpha_channel * (state.channel_high - state.slow)
    low = state.channel_low - parameters.alpha_channel * (state.channel_low - state.slow)
    state.channel_high = max(high, state.sample_mid)
    state.channel_low = min(low, state.sample_mid)
    state.fast += fast * (state.mid - state.fast)
    state.slow += slow * (state.mid - state.slow)
    surprise = 0.0
    if state.variance_slow > 0.0:
        size = abs(change) / math.sqrt(state.variance_slow)
        surprise = size / (1.0 + size)
    state.variance_fast += fast * (square - state.variance_fast)
    state.variance_slow += slow * (square - state.variance_slow)
    state.net_move += slow * (change - state.net_move)
    state.path_length += slow * (abs(change) - state.path_length)
    state.samples += 1
    state.sample_mid = state.mid
    state.features[SURPRISE] = surprise
    state.features[VOLATILITY_RATIO] = 0.0
    state.features[EFFICIENCY] = 0.0
    if state.variance_fast > 0.0 and state.variance_slow > 0.0:
        state.features[VOLATILITY_RATIO] = 0.5 * log(state.variance_fast / state.variance_slow)
    if state.path_length > 0.0:
        state.features[EFFICIENCY] = abs(state.net_move) / state.path_length
