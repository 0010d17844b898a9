"""What is decided: the wish under the effects of the gates, as target, delta, intent and order."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from torghut.decisions.kernel.book import cancel_order, place_order
from torghut.decisions.kernel.gates import (
    ABSTAIN,
    ADVISED,
    CANCEL,
    FALLBACK,
    FLATTEN,
    FREEZE,
    NO_INCREASE,
    clamp,
)
from torghut.kernel.exact import whole
from torghut.kernel.native.compiled import compiled
from torghut.schemas.codes import Gate, Intent, Mode, Reason
from torghut.schemas.rows import DecisionRow, ParameterRow, StateRow

_ABSTAIN: Final = int(Intent.ABSTAIN)
_HOLD: Final = int(Intent.HOLD)
_BUY: Final = int(Intent.BUY)
_SELL: Final = int(Intent.SELL)
_LIVE: Final = int(Mode.LIVE)
_CONFIDENCE: Final = int(Gate.CONFIDENCE_FLOOR)
_NONE: Final = np.uint64(0)
_IN_FLIGHT: Final = np.uint64(1 << Reason.ORDER_IN_FLIGHT)
_SMALL: Final = np.uint64(1 << Reason.BELOW_MINIMUM_CHANGE)


@compiled
def conclude(
    now_ns: int,
    wish: float,
    effects: int,
    state: StateRow,
    parameters: ParameterRow,
    decision: DecisionRow,
) -> None:
    """Turn the wish and the gates' effects into target, delta and intent, and into an order."""
    position, age = _position(now_ns, state, decision)
    decision.position = position
    decision.position_age_ns = age
    if state.order_live and _is_called_back(effects, state):
        cancel_order(state)
    if effects & ABSTAIN:
        clamp(0.0, state, parameters, decision)
        decision.intent = _ABSTAIN
        decision.target = 0.0
        decision.delta = 0.0
        return
    target = _bounded(now_ns, wish, effects, position, state, parameters)
    if not effects & (FLATTEN | FREEZE):
        target = _kept(target, state, parameters, decision)
    # Limits and stops have the last word, over what is in flight or too small to change too.
    if effects & CANCEL:
        effects = NO_INCREASE | CANCEL
        target = _bounded(now_ns, target, effects, position, state, parameters)
    target = clamp(target, state, parameters, decision)
    if state.order_live:
        if target == state.target:
            decision.reasons |= _IN_FLIGHT
        else:
            cancel_order(state)
    _announce(now_ns, target, position, state, parameters, decision)


@compiled
def propose(
    now_ns: int, wish: float, state: StateRow, parameters: ParameterRow, decision: DecisionRow
) -> None:
    """Write what advice is asked about: the position, and the target that the limits leave."""
    position, age = _position(now_ns, state, decision)
    decision.position = position
    decision.position_age_ns = age
    target = clamp(wish, state, parameters, decision)
    decision.target = target
    decision.delta = target - position
    decision.intent = _HOLD
    if target != state.target:
        decision.intent = _BUY if target > state.target else _SELL
    decision.confidence = decision.gate_value[_CONFIDENCE]
    decision.sequence = _NONE


@compiled
def adjust(
    now_ns: int,
    wish: float,
    effects: int,
    state: StateRow,
    parameters: ParameterRow,
    decision: DecisionRow,
) -> float:
    """Return the share that advice leaves of what an approval would come to, in whole lots."""
    position, _ = _position(now_ns, state, decision)
    target = _bounded(now_ns, wish, effects, position, state, parameters)
    target = clamp(target, state, parameters, decision)
    lots = whole(abs(target) * state.advice_factor / parameters.lot)
    return math.copysign(lots * parameters.lot, target) + 0.0


@compiled
def _kept(target: float, state: StateRow, parameters: ParameterRow, decision: DecisionRow) -> float:
    """Return ``target``, or the standing one while an order is in flight or the change is small."""
    if state.order_live:
        return state.target
    if target != state.target and _is_small(target, state, parameters):
        decision.reasons |= _SMALL
        return state.target
    return target


@compiled
def _position(now_ns: int, state: StateRow, decision: DecisionRow) -> tuple[float, int]:
    """Return the position that counts in this mode, and its age (-1: never reported)."""
    if state.mode != _LIVE:
        decision.basis = 0
        return state.paper_position, 0
    decision.basis = 1
    if state.reported_known == 0:
        return 0.0, -1
    return state.reported_position, max(0, now_ns - state.reported_ns)


@compiled
def _is_called_back(effects: int, state: StateRow) -> bool:
    """Return whether the order in flight works against what the gates now demand."""
    if effects & FLATTEN and state.target != 0.0:
        return True
    after = state.paper_position + state.order_quantity
    opens = abs(after) > abs(state.paper_position) or after * state.paper_position < 0.0
    return opens and effects & (ABSTAIN | CANCEL) != 0


@compiled
def _bounded(
    now_ns: int,
    wish: float,
    effects: int,
    position: float,
    state: StateRow,
    parameters: ParameterRow,
) -> float:
    """Return the wish under the effects of the gates."""
    if effects & FLATTEN:
        return 0.0
    if effects & FREEZE:
        wish = state.target
    allowed = abs(position)
    if not effects & NO_INCREASE:
        if not effects & (FALLBACK | ADVISED):
            return wish
        unit = state.mid * parameters.multiplier
        ratio = parameters.advised_raise_ratio
        if effects & FALLBACK:
            ratio = parameters.fallback_raise_ratio
        more = ratio * state.allotment / unit
        allowed += whole(more / parameters.lot) * parameters.lot
    if wish * position < 0.0:
        allowed = 0.0
    if not effects & CANCEL and wish * state.target > 0.0 and _is_worked(now_ns, state, parameters):
        allowed = max(allowed, abs(state.target))
    return math.copysign(min(abs(wish), allowed), wish) + 0.0


@compiled
def _is_worked(now_ns: int, state: StateRow, parameters: ParameterRow) -> bool:
    """Return whether an order for a live target may still be filled, within the time to report.

    It is from the moment it is announced until its end is reported: a venue takes longer to answer
    than the next context to come. What was not to grow had not grown when it was decided; the order
    is not taken back for that.
    """
    if state.mode != _LIVE or state.target_open == 0:
        return False
    return now_ns - state.target_ns <= parameters.reconcile_ns


@compiled
def _is_small(target: float, state: StateRow, parameters: ParameterRow) -> bool:
    """Return whether the change is below the declared minimum, closing out excepted."""
    if target == 0.0:
        return False
    change = abs(target - state.target) * state.mid * parameters.multiplier
    return change < parameters.minimum_change_ratio * state.allotment


@compiled
def _announce(
    now_ns: int,
    target: float,
    position: float,
    state: StateRow,
    parameters: ParameterRow,
    decision: DecisionRow,
) -> None:
    """Write target, delta and intent, and send the change to the paper venue."""
    decision.target = target
    decision.delta = target - position
    decision.intent = _HOLD
    if target == state.target:
        return
    decision.intent = _BUY if target > state.target else _SELL
    state.target = target
    state.target_ns = now_ns
    state.target_stream = decision.stream
    state.target_low = decision.source_low
    state.target_high = decision.source_high
    state.target_sequence = decision.source_sequence
    state.target_open = 1 if state.mode == _LIVE else 0
    order = target - state.paper_position
    if order != 0.0:
        place_order(now_ns, order, state, parameters)
