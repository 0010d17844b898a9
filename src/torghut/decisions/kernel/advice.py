"""Advice: which contexts ask for it, what those do meanwhile, and what an answer may change.

Advice only bounds what the gates leave: it never makes a target larger than the kernel's own. It is
heeded on the state at the time it comes, and not at all if that is too far from what it was
asked about.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from torghut.decisions.kernel.gates import (
    ABSTAIN,
    ADVISED,
    FALLBACK,
    FLATTEN,
    FREEZE,
    NO_INCREASE,
)
from torghut.kernel.native.compiled import compiled
from torghut.router.regime import likeliest
from torghut.schemas.codes import Path, Reason, ReasoningMode, Resolution, Switch, Trigger
from torghut.schemas.rows import LEAF_VERSION, DecisionRow, ParameterRow, StateRow

_LEAF_VERSION: Final = LEAF_VERSION
_FAST: Final = int(Path.FAST)
_SLOW: Final = int(Path.SLOW)
_DETERMINISTIC_SWITCH: Final = 1 << Switch.DETERMINISTIC_ONLY
_OFF: Final = int(ReasoningMode.OFF)
_SHADOW: Final = int(ReasoningMode.SHADOW)
_ACTIVE: Final = int(ReasoningMode.ACTIVE)
_APPROVE: Final = int(Resolution.APPROVE)
_DEFER: Final = int(Resolution.DEFER)
_VETO: Final = int(Resolution.VETO)
_SETTLED: Final = ABSTAIN | NO_INCREASE | FLATTEN | FREEZE
"""Effects under which no advice could change anything for the better."""

_BY_ENTROPY: Final = 1 << Trigger.ENTROPY
_BY_DISAGREEMENT: Final = 1 << Trigger.DISAGREEMENT
_BY_TRANSITION: Final = 1 << Trigger.TRANSITION
_BY_NEWS: Final = 1 << Trigger.NEWS
_BY_NOTIONAL: Final = 1 << Trigger.CRITICAL_NOTIONAL

_REASONING_OFF: Final = np.uint64(1 << Reason.REASONING_OFF)
_DETERMINISTIC: Final = np.uint64(1 << Reason.DETERMINISTIC_ONLY)
_IN_FLIGHT: Final = np.uint64(1 << Reason.ADVICE_IN_FLIGHT)
_MOOT: Final = np.uint64(1 << Reason.ADVICE_MOOT)
_SHADOWED: Final = np.uint64(1 << Reason.REASONING_SHADOW)
_RESOLVED: Final = np.uint64(1 << Resolution.APPROVE.reason)
_SUPERSEDED: Final = np.uint64(1 << Reason.ADVICE_SUPERSEDED)
_MISSED: Final = np.uint64(1 << Reason.BUDGET_MISSED)


@compiled
def take_path(effects: int, state: StateRow, decision: DecisionRow) -> tuple[bool, int]:
    """Return whether the context waits for advice, and the effects of its path if it does not."""
    decision.path = _FAST
    if state.pending:
        decision.reasons |= _IN_FLIGHT
        return False, NO_INCREASE
    if decision.triggers == 0:
        return False, 0
    decision.path = _SLOW
    if state.switches & _DETERMINISTIC_SWITCH:
        decision.reasons |= _DETERMINISTIC
    elif state.reasoning_mode == _OFF:
        decision.reasons |= _REASONING_OFF
    elif effects & _SETTLED:
        decision.reasons |= _MOOT
    elif state.reasoning_mode == _SHADOW:
        decision.reasons |= _SHADOWED
    else:
        return True, 0
    return False, FALLBACK


@compiled
def follow_path(state: StateRow, decision: DecisionRow) -> int:
    """Return the effects of the path of a context that does not wait, in an arm that follows.

    Nobody is asked for such an arm; while the context that it follows waits, it may open as little.
    """
    decision.path = _FAST
    if state.pending:
        decision.reasons |= _IN_FLIGHT
        return NO_INCREASE
    if decision.triggers == 0:
        return 0
    decision.path = _SLOW
    if state.switches & _DETERMINISTIC_SWITCH:
        decision.reasons |= _DETERMINISTIC
    else:
        decision.reasons |= _REASONING_OFF
    return FALLBACK


@compiled
def await_advice(now_ns: int, state: StateRow, decision: DecisionRow) -> None:
    """Remember which context waits, and what its advice is asked about."""
    decision.path = _SLOW
    state.pending = 1
    state.pending_stream = decision.stream
    state.pending_low = decision.source_low
    state.pending_high = decision.source_high
    state.pending_sequence = decision.source_sequence
    state.pending_event_ns = decision.event_ns
    state.pending_ns = now_ns
    state.pending_notes = state.notes
    state.pending_triggers = decision.triggers
    state.pending_regime = decision.regime
    state.pending_mid = state.mid
    state.pending_target = state.target


@compiled
def identify_pending(
    now_ns: int, state: StateRow, parameters: ParameterRow, decision: DecisionRow
) -> None:
    """Write which context this decision answers: the one that waited."""
    decision.tag = 0
    decision.version = _LEAF_VERSION
    decision.stream = state.pending_stream
    decision.symbol_key = parameters.symbol_key
    decision.source_low = state.pending_low
    decision.source_high = state.pending_high
    decision.source_sequence = state.pending_sequence
    decision.event_ns = state.pending_event_ns
    decision.receive_ns = state.pending_ns
    decision.decided_ns = now_ns
    decision.valid_until_ns = state.pending_ns + parameters.lifetime_ns
    decision.triggers = state.pending_triggers
    decision.path = _SLOW
    decision.reasons = state.pending_notes


@compiled
def heed_advice(
    now_ns: int, state: StateRow, parameters: ParameterRow, decision: DecisionRow
) -> int:
    """Return the effects that what became of the question leaves.

    Without a verdict, or where advice does not count any more, the deterministic fallback answers.
    A decision that comes after its own lifetime keeps the target: nobody would act on another.
    """
    advice = state.advice
    if advice:
        decision.reasons |= _RESOLVED << np.uint64(advice - _APPROVE)
    if now_ns - state.pending_ns > parameters.advice_budget_ns:
        decision.reasons |= _MISSED
    counts = _is_asked_for(state, decision)
    is_verdict = counts and 0 < advice <= _VETO
    if now_ns > decision.valid_until_ns or (is_verdict and _is_superseded(state, parameters)):
        decision.reasons |= _SUPERSEDED
        return FREEZE
    if not is_verdict or advice == _DEFER:
        return FALLBACK
    if advice == _VETO:
        return NO_INCREASE
    return ADVISED


@compiled
def _is_asked_for(state: StateRow, decision: DecisionRow) -> bool:
    """Return whether advice still counts; where it does not, the decision says why."""
    if state.switches & _DETERMINISTIC_SWITCH:
        decision.reasons |= _DETERMINISTIC
        return False
    if state.reasoning_mode == _ACTIVE:
        return True
    decision.reasons |= _SHADOWED if state.reasoning_mode == _SHADOW else _REASONING_OFF
    return False


@compiled
def _is_superseded(state: StateRow, parameters: ParameterRow) -> bool:
    """Return whether price, regime or target are not what the advice was asked about any more."""
    if abs(state.mid - state.pending_mid) > parameters.superseded_move_ratio * state.pending_mid:
        return True
    if likeliest(state, parameters) != state.pending_regime:
        return True
    return state.target != state.pending_target


@compiled
def triggers(
    now_ns: int, wish: float, state: StateRow, parameters: ParameterRow, decision: DecisionRow
) -> int:
    """Return which declared thresholds this decision crosses, as trigger bits."""
    triggers = 0
    if decision.entropy > parameters.trigger_entropy:
        triggers |= _BY_ENTROPY
    if decision.disagreement > parameters.trigger_disagreement:
        triggers |= _BY_DISAGREEMENT
    if decision.transition > parameters.trigger_transition:
        triggers |= _BY_TRANSITION
    news_age_ns = now_ns - state.news_relevant_ns
    if state.news_relevant_ns > 0 and news_age_ns <= parameters.trigger_news_ns:
        triggers |= _BY_NEWS
    notional = abs(wish) * state.mid * parameters.multiplier
    if notional > parameters.trigger_notional_ratio * state.notional_cap:
        triggers |= _BY_NOTIONAL
    return triggers
