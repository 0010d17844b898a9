"""The decision kernel: rows of contexts in, one explained row or one refusal code each out.

Pure: reads the row, the symbol's state and its parameters, and nothing else. The same functions
run compiled and, as their oracle, interpreted (``torghut.kernel.native.compiled``).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from torghut.decisions.kernel.book import paper_equity, settle
from torghut.decisions.kernel.concluding import conclude
from torghut.decisions.kernel.gates import FALLBACK, judge_confidence, judge_market, judge_state
from torghut.kernel.exact import exp, whole
from torghut.kernel.native.compiled import compiled
from torghut.market.admission import admit, judge_place
from torghut.market.features import sample, take_quote, volatility
from torghut.router.experts import score_experts
from torghut.router.regime import filter_step, leaving_probability, likeliest, outdate
from torghut.router.weights import blend, lead_expert, variance_between, weigh_experts
from torghut.schemas.codes import Domain, Gate, Intent, Path, Reason, Switch, Trigger
from torghut.schemas.rows import (
    LEAF_VERSION,
    Bytes,
    ContextRow,
    DecisionRow,
    Integers,
    ParameterRow,
    Rows,
    SessionRow,
    SourceRow,
    StateRow,
)

KERNEL_VERSION: Final = 5
"""Raised whenever any golden log would change; named in lineage and control records."""

_LEAF_VERSION: Final = LEAF_VERSION
_ABSTAIN: Final = int(Intent.ABSTAIN)
_FAST: Final = int(Path.FAST)
_SLOW: Final = int(Path.SLOW)
_GATES: Final = len(Gate)
_DOMAINS: Final = len(Domain)
_DETERMINISTIC_SWITCH: Final = 1 << Switch.DETERMINISTIC_ONLY

_BY_ENTROPY: Final = 1 << Trigger.ENTROPY
_BY_DISAGREEMENT: Final = 1 << Trigger.DISAGREEMENT
_BY_TRANSITION: Final = 1 << Trigger.TRANSITION
_BY_NEWS: Final = 1 << Trigger.NEWS
_BY_NOTIONAL: Final = 1 << Trigger.CRITICAL_NOTIONAL

_REASONING_OFF: Final = np.uint64(1 << Reason.REASONING_OFF)
_DETERMINISTIC: Final = np.uint64(1 << Reason.DETERMINISTIC_ONLY)
_ONE: Final = np.uint64(1)


@compiled
def decide_rows(  # noqa: PLR0913, PLR0917 - one call a batch: every array is its own argument
    contexts: Rows[ContextRow],
    states: Rows[StateRow],
    parameters: Rows[ParameterRow],
    sources: Rows[SourceRow],
    sessions: Rows[SessionRow],
    due_ns: Integers,
    decisions: Rows[DecisionRow],
    outcomes: Bytes,
) -> tuple[int, int]:
    """Decide ``contexts`` in order; return how many were taken, and how many were decided.

    ``outcomes[i]`` becomes the refusal code of context i, 0 where it was decided; the decided
    ones fill ``decisions`` from the front. Stops before a context at which a control record is
    due. Takes -1 if an index is outside its table. Call through ``engine``, which checks the rest.
    """
    if not _are_inside(contexts, len(parameters), len(sources)):
        return -1, 0
    written = 0
    for i in range(len(contexts)):
        context = contexts[i]
        symbol = context.symbol
        state = states[symbol]
        is_due = 0 < due_ns[symbol] <= context.receive_ns
        if is_due and judge_place(context, state, parameters[symbol]) == 0:
            return i, written
        refusal = admit(context, state, parameters[symbol])
        outcomes[i] = refusal
        if refusal != 0:
            continue
        decision = decisions[written]
        _identify(context, sources[context.source], parameters[symbol], decision)
        _decide(context, state, parameters[symbol], sessions, decision)
        written += 1
    return len(contexts), written


@compiled
def _are_inside(contexts: Rows[ContextRow], symbols: int, sources: int) -> bool:
    """Return whether every context names a known symbol and a known source."""
    for i in range(len(contexts)):
        if contexts[i].symbol >= symbols or contexts[i].source >= sources:
            return False
    return True


@compiled
def _identify(
    context: ContextRow, source: SourceRow, parameters: ParameterRow, decision: DecisionRow
) -> None:
    """Write which context this decision answers."""
    decision.tag = 0
    decision.version = _LEAF_VERSION
    decision.stream = context.stream
    decision.symbol_key = parameters.symbol_key
    decision.source_low = source.key_low
    decision.source_high = source.key_high
    decision.source_sequence = context.sequence
    decision.event_ns = context.event_ns
    decision.receive_ns = context.receive_ns
    decision.decided_ns = context.receive_ns
    decision.valid_until_ns = context.receive_ns + parameters.lifetime_ns


@compiled
def _decide(
    context: ContextRow,
    state: StateRow,
    parameters: ParameterRow,
    sessions: Rows[SessionRow],
    decision: DecisionRow,
) -> None:
    """Observe, route, judge and conclude one admitted context."""
    now = context.receive_ns
    take_quote(context, state, parameters)
    sampled_ns = state.sample_ns
    if sample(context, state, parameters):
        filter_step(state, parameters)
    elif state.sample_ns != sampled_ns:  # begun anew after a pause
        outdate(state)
    settle(now, state, parameters)
    decision.reasons = state.notes
    deviation = volatility(state)
    score_experts(deviation, state, parameters, decision)
    decision.reasons |= weigh_experts(state, parameters, decision)
    decision.score = blend(decision)
    _explain(state, parameters, decision)
    risk = deviation * math.sqrt(parameters.horizon_samples)
    wish = size_position(decision.score, risk, state, parameters)
    effects = judge_state(now, state, parameters, sessions, decision)
    effects |= judge_market(now, risk, state, parameters, decision)
    confidence = _confidence(abs(decision.score), risk, state, parameters)
    effects |= judge_confidence(confidence, parameters, decision)
    effects |= _take_path(now, wish, state, parameters, decision)
    conclude(now, wish, effects, state, parameters, decision)
    decision.confidence = 0.0
    if decision.intent != _ABSTAIN and decision.target != 0.0:
        along = decision.score if decision.target > 0.0 else -decision.score
        decision.confidence = _confidence(along, risk, state, parameters)
    state.sequence += _ONE
    decision.sequence = state.sequence


@compiled
def _explain(state: StateRow, parameters: ParameterRow, decision: DecisionRow) -> None:
    """Write the row's account of the market, the regime and the book."""
    decision.mode = state.mode
    decision.bid = state.bid
    decision.ask = state.ask
    decision.reference_price = state.mid
    decision.notional_cap = state.notional_cap
    decision.allotment = state.allotment
    decision.regime = likeliest(state, parameters)
    decision.entropy = state.entropy
    decision.transition = leaving_probability(state, parameters)
    decision.equity = paper_equity(state, parameters)
    decision.lead = lead_expert(decision)
    decision.disagreement = math.sqrt(variance_between(decision, decision.score))
    for j in range(len(decision.posterior)):
        decision.posterior[j] = state.posterior[j]
    for w in range(len(decision.lineage)):
        decision.lineage[w] = state.lineage[w]


@compiled
def size_position(score: float, risk: float, state: StateRow, parameters: ParameterRow) -> float:
    """Return the position, in whole lots, that risks the declared share of the allotment.

    At |score| = 1 a move of one standard deviation over the horizon costs ``risk_ratio`` of the
    allotment; the notional never exceeds the allotment. 0 while ``risk``, that
    standard deviation, is unknown.
    """
    if not risk > 0.0:
        return 0.0
    notional = min(1.0, parameters.risk_ratio / risk) * state.allotment
    quantity = score * notional / (state.mid * parameters.multiplier)
    lots = whole(abs(quantity) / parameters.lot)
    return math.copysign(lots * parameters.lot, quantity) + 0.0


@compiled
def _confidence(along: float, risk: float, state: StateRow, parameters: ParameterRow) -> float:
    """Return the probability that a position gains net of costs.

    A logistic model, fitted with the package, of the score along the position (negative where
    the experts would hold the opposite) and of the round trip's cost, in standard deviations of
    the return over the horizon.
    """
    if not risk > 0.0:
        return 0.0
    spread = (state.ask - state.bid) / state.mid
    cost = spread + 2.0 * (parameters.fee_ratio + parameters.slippage_ratio)
    logit = (
        parameters.confidence_bias
        + parameters.confidence_score * along
        - parameters.confidence_cost * (cost / risk)
    )
    return 1.0 / (1.0 + exp(-logit))


@compiled
def _take_path(
    now_ns: int, wish: float, state: StateRow, parameters: ParameterRow, decision: DecisionRow
) -> int:
    """Record what asks for advice; without advice the declared fallback limits the increase."""
    decision.triggers = _triggers(now_ns, wish, state, parameters, decision)
    if decision.triggers == 0:
        decision.path = _FAST
        return 0
    decision.path = _SLOW
    if state.switches & _DETERMINISTIC_SWITCH:
        decision.reasons |= _DETERMINISTIC
    else:
        decision.reasons |= _REASONING_OFF
    return FALLBACK


@compiled
def _triggers(
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
