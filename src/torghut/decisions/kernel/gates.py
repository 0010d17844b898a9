"""The gates: every check between what the experts want and what is decided.

A gate writes its value and status into the row. What failing does is one of: abstain, no increase
of the absolute position, or clamp of the target. Thresholds come from the declarations.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from torghut.kernel.exact import whole
from torghut.kernel.native.compiled import compiled
from torghut.schemas.codes import Domain, Gate, GateStatus, Mode, OnStop, Reason, Switch
from torghut.schemas.rows import DecisionRow, ParameterRow, Rows, SessionRow, StateRow

ABSTAIN: Final = 1
"""Effect: there is no target; open nothing, cancel what rests."""
NO_INCREASE: Final = 2
"""Effect: the absolute position may not grow."""
FLATTEN: Final = 4
"""Effect: the target is zero."""
FREEZE: Final = 8
"""Effect: the target stays."""
FALLBACK: Final = 16
"""Effect: without advice the absolute position grows by the declared share at most."""
CANCEL: Final = 32
"""Effect: an order in flight that would raise the absolute position is taken back."""
ADVISED: Final = 64
"""Effect: on advice the absolute position grows by the share declared for that at most."""

_NOT_APPLICABLE: Final = int(GateStatus.NOT_APPLICABLE)
_PASS: Final = int(GateStatus.PASS)
_FAIL: Final = int(GateStatus.FAIL)
_LIVE: Final = int(Mode.LIVE)
_STOPPED: Final = (1 << Switch.STOP) | (1 << Switch.STOP_LATCH)
_FENCED: Final = 1 << Switch.REVISION_FENCE
_ON_STOP_FREEZE: Final = int(OnStop.FREEZE)
_ON_STOP_FLATTEN: Final = int(OnStop.FLATTEN)
_DOMAINS: Final = len(Domain)
_MARKET: Final = int(Domain.MARKET)
_NS: Final = 1e-9

_KILL_SWITCH: Final = int(Gate.KILL_SWITCH)
_FRESHNESS: Final = int(Gate.FRESHNESS)
_SESSION: Final = int(Gate.SESSION)
_WARM_UP: Final = int(Gate.WARM_UP)
_SPREAD: Final = int(Gate.SPREAD)
_VOLATILITY: Final = int(Gate.VOLATILITY)
_DRAWDOWN: Final = int(Gate.DRAWDOWN)
_CONFIDENCE: Final = int(Gate.CONFIDENCE_FLOOR)
_RECONCILIATION: Final = int(Gate.RECONCILIATION)
_TURNOVER: Final = int(Gate.TURNOVER)
_DWELL: Final = int(Gate.DWELL)
_ALLOTMENT: Final = int(Gate.ALLOTMENT)
_NOTIONAL: Final = int(Gate.NOTIONAL)

_STALE: Final = np.uint64(1 << Reason.STALE_MARKET)
_STOPPED_NOTE: Final = np.uint64(1 << Reason.STOPPED)
_CLOSED: Final = np.uint64(1 << Reason.SESSION_CLOSED)
_WARMING: Final = np.uint64(1 << Reason.WARMING_UP)
_WIDE: Final = np.uint64(1 << Reason.SPREAD_WIDE)
_VOLATILE: Final = np.uint64(1 << Reason.VOLATILITY_HIGH)
_DOWN: Final = np.uint64(1 << Reason.DRAWDOWN_LIMIT)
_UNSURE: Final = np.uint64(1 << Reason.CONFIDENCE_LOW)
_UNRECONCILED: Final = np.uint64(1 << Reason.POSITION_UNRECONCILED)
_TURNED_OVER: Final = np.uint64(1 << Reason.TURNOVER_LIMIT)
_DWELLING: Final = np.uint64(1 << Reason.DWELL)
_ALLOTTED: Final = np.uint64(1 << Reason.ALLOTMENT_CLAMPED)
_CAPPED: Final = np.uint64(1 << Reason.NOTIONAL_CLAMPED)
_LATE: Final = np.uint64(1 << Reason.CONTEXT_LATE)
_SILENT: Final = np.uint64(1 << Reason.GOVERNANCE_SILENT)
_FENCED_NOTE: Final = np.uint64(1 << Reason.REVISION_FENCED)
_REPORTED_LONG_AGO: Final = np.uint64(1 << Reason.POSITION_STALE)


@compiled
def judge_state(
    now_ns: int,
    state: StateRow,
    parameters: ParameterRow,
    sessions: Rows[SessionRow],
    decision: DecisionRow,
) -> int:
    """Judge what does not depend on the candidate; return the effects of what fails."""
    effects = _judge_control(now_ns, state, decision)
    effects |= _judge_switches(state, decision)
    effects |= _judge_freshness(now_ns, state, parameters, decision)
    effects |= _judge_session(now_ns, state, parameters, sessions, decision)
    warm = float(state.samples)
    if _passes(_WARM_UP, warm, warm >= parameters.warm_up_samples, _WARMING, decision):
        return effects
    return effects | ABSTAIN


@compiled
def judge_market(
    now_ns: int,
    volatility: float,
    state: StateRow,
    parameters: ParameterRow,
    decision: DecisionRow,
) -> int:
    """Judge spread, volatility, drawdown, reconciliation, turnover and dwell."""
    spread = (state.ask - state.bid) / state.mid
    fine = _passes(_SPREAD, spread, spread <= parameters.spread_max, _WIDE, decision)
    calm = volatility <= parameters.volatility_max
    fine &= _passes(_VOLATILITY, volatility, calm, _VOLATILE, decision)
    up = state.drawdown <= parameters.drawdown_max
    fine &= _passes(_DRAWDOWN, state.drawdown, up, _DOWN, decision)
    effects = _judge_reconciliation(now_ns, state, parameters, decision)
    turnover = 0.0
    if state.allotment > 0.0:
        turnover = state.traded_notional / state.allotment
    slow = turnover <= parameters.turnover_max
    fine &= _passes(_TURNOVER, turnover, slow, _TURNED_OVER, decision)
    dwelt_ns = now_ns - state.target_ns
    dwelt = dwelt_ns >= parameters.dwell_ns
    fine &= _passes(_DWELL, dwelt_ns * _NS, dwelt, _DWELLING, decision)
    return effects if fine else effects | NO_INCREASE


@compiled
def judge_confidence(confidence: float, parameters: ParameterRow, decision: DecisionRow) -> int:
    """Judge the candidate's confidence before any position is taken from it."""
    sure = confidence >= parameters.confidence_min
    return 0 if _passes(_CONFIDENCE, confidence, sure, _UNSURE, decision) else NO_INCREASE


@compiled
def clamp(target: float, state: StateRow, parameters: ParameterRow, decision: DecisionRow) -> float:
    """Return ``target`` brought under the allotment and the notional cap, in whole lots."""
    unit = state.mid * parameters.multiplier
    notional = abs(target) * unit
    if not _passes(_ALLOTMENT, notional, notional <= state.allotment, _ALLOTTED, decision):
        target = _largest(state.allotment, target, unit, parameters.lot)
    notional = abs(target) * unit
    if not _passes(_NOTIONAL, notional, notional <= state.notional_cap, _CAPPED, decision):
        target = _largest(state.notional_cap, target, unit, parameters.lot)
    return target


@compiled
def _largest(limit: float, target: float, unit: float, lot: float) -> float:
    """Return the largest whole-lot position with the sign of ``target`` under ``limit``."""
    lots = whole(limit / unit / lot)
    # The quotient may have been rounded up to the next whole lot.
    if lots * lot * unit > limit:
        lots -= 1.0
    return math.copysign(max(0.0, lots * lot), target) + 0.0


@compiled
def _passes(gate: int, value: float, good: bool, note: np.uint64, decision: DecisionRow) -> bool:  # noqa: FBT001
    """Record one gate and return whether it passed."""
    decision.gate_value[gate] = value
    if good:
        decision.gate_status[gate] = _PASS
        return True
    decision.gate_status[gate] = _FAIL
    decision.reasons |= note
    return False


@compiled
def _skip(gate: int, decision: DecisionRow) -> None:
    """Record that a gate does not apply, as declared."""
    decision.gate_value[gate] = 0.0
    decision.gate_status[gate] = _NOT_APPLICABLE


@compiled
def _judge_control(now_ns: int, state: StateRow, decision: DecisionRow) -> int:
    """Judge lag, the revision's fence, and in live mode only whether governance is heard."""
    effects = 0
    if state.late:
        decision.reasons |= _LATE
        effects |= NO_INCREASE | CANCEL
    if state.switches & _FENCED != 0:
        decision.reasons |= _FENCED_NOTE
        effects |= ABSTAIN
    if state.mode == _LIVE and now_ns > state.governance_until_ns:
        decision.reasons |= _SILENT
        effects |= NO_INCREASE | CANCEL
    return effects


@compiled
def _judge_switches(state: StateRow, decision: DecisionRow) -> int:
    """Judge the stop switch and the stop latch."""
    stopped = state.switches & _STOPPED != 0
    if _passes(_KILL_SWITCH, 1.0 if stopped else 0.0, not stopped, _STOPPED_NOTE, decision):
        return 0
    effects = NO_INCREASE | CANCEL
    if state.on_stop == _ON_STOP_FREEZE:
        return effects | FREEZE
    if state.on_stop == _ON_STOP_FLATTEN:
        return effects | FLATTEN
    return effects


@compiled
def _judge_freshness(
    now_ns: int, state: StateRow, parameters: ParameterRow, decision: DecisionRow
) -> int:
    """Judge the age of every required domain against its limit; the worst ratio is the value."""
    worst = 0.0
    applicable = False
    for d in range(_DOMAINS):
        seen_ns = state.quote_ns if d == _MARKET else state.domain_ns[d]
        # What comes from the future beyond the tolerance says nothing about now.
        known = 0 < seen_ns <= now_ns + parameters.tolerance_ns
        age = max(0, now_ns - seen_ns) if known else -1
        decision.age_ns[d] = age
        if parameters.domain_required[d] == 0:
            continue
        applicable = True
        ratio = math.inf if age < 0 else age / parameters.age_limit_ns[d]
        if ratio > 1.0:
            decision.reasons |= _STALE << np.uint64(d)
        worst = max(worst, ratio)
    if not applicable:
        _skip(_FRESHNESS, decision)
        return 0
    fresh = worst <= 1.0
    # The reasons name the domains; the gate itself adds none.
    return 0 if _passes(_FRESHNESS, worst, fresh, np.uint64(0), decision) else ABSTAIN


@compiled
def _judge_session(
    now_ns: int,
    state: StateRow,
    parameters: ParameterRow,
    sessions: Rows[SessionRow],
    decision: DecisionRow,
) -> int:
    """Judge whether the instrument's session is open; the calendar's ends are both open."""
    if parameters.session_count == 0:
        _skip(_SESSION, decision)
        return 0
    first = parameters.session_first
    last = first + parameters.session_count - 1
    index = max(first, min(last, first + state.session_index))
    while index < last and now_ns > sessions[index].close_ns:
        index += 1
    while index > first and now_ns < sessions[index].open_ns:
        index -= 1
    state.session_index = index - first
    is_open = sessions[index].open_ns <= now_ns <= sessions[index].close_ns
    return 0 if _passes(_SESSION, 1.0 if is_open else 0.0, is_open, _CLOSED, decision) else ABSTAIN


@compiled
def _judge_reconciliation(
    now_ns: int, state: StateRow, parameters: ParameterRow, decision: DecisionRow
) -> int:
    """Judge, in live mode only, whether the reported position is known, of now, and the fills'."""
    if state.mode != _LIVE:
        _skip(_RECONCILIATION, decision)
        return 0
    known = state.reported_known == 1
    stale = known and now_ns - state.reported_ns > parameters.position_age_ns
    if stale:
        decision.reasons |= _REPORTED_LONG_AGO
    apart = abs(state.reported_position - state.reported_fills)
    waited = state.mismatch_ns > 0 and now_ns - state.mismatch_ns > parameters.reconcile_ns
    agrees = known and (apart <= parameters.reconcile_quantity or not waited)
    if not agrees:
        decision.reasons |= _UNRECONCILED
    # Without a position of now nothing bounds how far the venue's is from the fills.
    value = apart if known and not stale else math.inf
    good = agrees and not stale
    # The reasons tell the rules apart; the gate itself adds none.
    if _passes(_RECONCILIATION, value, good, np.uint64(0), decision):
        return 0
    return NO_INCREASE | CANCEL
