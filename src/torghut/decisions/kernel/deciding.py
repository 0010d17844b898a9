"""The decision kernel: rows of contexts in, one explained row or one refusal code each out.

A context that asks for advice waits, one of each symbol at a time, and is decided when its
resolution comes: on the state as it is by then, never on the one it was asked on.

Pure: reads the row, the symbol's state and its parameters, and nothing else. The same functions
run compiled and, as their oracle, interpreted (``torghut.kernel.native.compiled``).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from torghut.decisions.kernel.advice import (
    await_advice,
    follow_path,
    heed_advice,
    identify_pending,
    take_path,
    triggers,
)
from torghut.decisions.kernel.book import paper_equity, settle
from torghut.decisions.kernel.concluding import adjust, conclude, propose
from torghut.decisions.kernel.gates import ADVISED, judge_confidence, judge_market, judge_state
from torghut.kernel.exact import exp, whole
from torghut.kernel.native.compiled import compiled
from torghut.market.admission import admit, judge_place
from torghut.market.features import sample, take_quote, volatility
from torghut.router.experts import score_experts
from torghut.router.regime import filter_step, leaving_probability, likeliest, outdate
from torghut.router.weights import blend, lead_expert, variance_between, weigh_experts
from torghut.schemas.codes import PENDING, SHADOWED, Gate, Intent, Reason, Resolution
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
_ADJUST: Final = int(Resolution.ADJUST)
_PENDING: Final = PENDING
_SHADOWED: Final = SHADOWED
_SHADOW: Final = np.uint64(1 << Reason.REASONING_SHADOW)
_ONE: Final = np.uint64(1)
_VOLATILITY: Final = int(Gate.VOLATILITY)
_ASKS: Final = 0
_GOES_ON: Final = 1
_WAITS: Final = 2

LEADING: Final = 0
"""Role of the arm that serves: it says which contexts wait for advice."""
FOLLOWING: Final = 1
"""Role of every other arm: its rows are of the same contexts, in the same order."""
RESOLVING: Final = 2
"""Role of a call that decides the pending context of one symbol."""


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
    role: int,
) -> tuple[int, int]:
    """Decide ``contexts`` in order; return how many were taken, and how many rows were written.

    ``outcomes[i]`` becomes the refusal code of context i, 0 where it was decided, 255 where it
    waits for advice, 254 where it was decided and advice is asked beside it. ``decisions`` is
    filled from the front, with a row of each context that was not refused: where it waits, with
    what is known when advice is asked; where advice is asked beside it, with that and, behind it,
    the decision. Where the role is ``FOLLOWING``, those wait that ``outcomes`` says already; where
    it is ``RESOLVING``, each row names a symbol whose pending context is decided and, as its
    receive time, now. Stops before a context at which a control record is due. Takes -1 if an
    index is outside its table. Call through ``engine``, which checks the rest.
    """
    if not _are_inside(contexts, len(parameters), len(sources)):
        return -1, 0
    written = 0
    for i in range(len(contexts)):
        context = contexts[i]
        symbol = context.symbol
        state = states[symbol]
        if role == RESOLVING:
            outcomes[i] = 0
            _resolve(context.receive_ns, state, parameters[symbol], sessions, decisions[written])
            written += 1
            continue
        is_due = 0 < due_ns[symbol] <= context.receive_ns
        if is_due and judge_place(context, state, parameters[symbol]) == 0:
            return i, written
        said = outcomes[i]
        refusal = admit(context, state, parameters[symbol])
        outcomes[i] = refusal
        if refusal != 0:
            continue
        _identify(context, sources[context.source], parameters[symbol], decisions[written])
        outcomes[i], written = _decide(
            context, role, said, state, parameters[symbol], sessions, decisions, written
        )
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
def _decide(  # noqa: PLR0913, PLR0917 - what a context is decided on
    context: ContextRow,
    role: int,
    said: int,
    state: StateRow,
    parameters: ParameterRow,
    sessions: Rows[SessionRow],
    decisions: Rows[DecisionRow],
    written: int,
) -> tuple[int, int]:
    """Decide one admitted context; return its outcome, and how many rows are written by then.

    ``said`` is its outcome in the arm that serves, where this one follows.
    """
    now = context.receive_ns
    decision = decisions[written]
    asking = _ASKS
    if role == FOLLOWING:
        asking = _WAITS if said == _PENDING else _GOES_ON
    waits, wish, effects = _consider(context, asking, state, parameters, sessions, decision)
    if waits:
        await_advice(now, state, decision)
        propose(now, wish, state, parameters, decision)
        return _PENDING, written + 1
    if role == FOLLOWING or not decision.reasons & _SHADOW:
        _finish(now, wish, effects, state, parameters, decision)
        return _SHADOWED if role == FOLLOWING and said == _SHADOWED else 0, written + 1
    decisions[written + 1] = decision
    decision.reasons ^= _SHADOW  # whoever advises is shown what is shown where a context waits
    propose(now, wish, state, parameters, decision)
    _finish(now, wish, effects, state, parameters, decisions[written + 1])
    return _SHADOWED, written + 2


@compiled
def _consider(
    context: ContextRow,
    asking: int,
    state: StateRow,
    parameters: ParameterRow,
    sessions: Rows[SessionRow],
    decision: DecisionRow,
) -> tuple[bool, float, int]:
    """Observe, route and judge one admitted context; return whether it waits, wish and effects.

    ``asking`` is whether it may ask for advice, or waits, or goes on, as the arm that serves does.
    """
    now = context.receive_ns
    take_quote(context, state, parameters)
    sampled_ns = state.sample_ns
    if sample(context, state, parameters):
        filter_step(state, parameters)
    elif state.sample_ns != sampled_ns:  # begun anew after a pause
        outdate(state)
    settle(now, state, parameters)
    decision.reasons = state.notes
    wish, effects = _judge(now, state, parameters, sessions, decision)
    decision.triggers = triggers(now, wish, state, parameters, decision)
    waits = asking == _WAITS
    if asking == _ASKS:
        waits, more = take_path(effects, state, decision)
        effects |= more
    elif not waits:
        effects |= follow_path(state, decision)
    return waits, wish, effects


@compiled
def _resolve(
    now_ns: int,
    state: StateRow,
    parameters: ParameterRow,
    sessions: Rows[SessionRow],
    decision: DecisionRow,
) -> None:
    """Decide the pending context on the state as it is now."""
    identify_pending(now_ns, state, parameters, decision)
    wish, effects = _judge(now_ns, state, parameters, sessions, decision)
    effects |= heed_advice(now_ns, state, parameters, decision)
    if effects & ADVISED and state.advice == _ADJUST:
        wish = adjust(now_ns, wish, effects, state, parameters, decision)
    _finish(now_ns, wish, effects, state, parameters, decision)
    state.pending = 0
    state.advice = 0


@compiled
def _judge(
    now_ns: int,
    state: StateRow,
    parameters: ParameterRow,
    sessions: Rows[SessionRow],
    decision: DecisionRow,
) -> tuple[float, int]:
    """Route and judge; return the wish, and the effects of the gates."""
    deviation = volatility(state)
    score_experts(deviation, state, parameters, decision)
    decision.reasons |= weigh_experts(state, parameters, decision)
    decision.score = blend(decision)
    _explain(state, parameters, decision)
    risk = deviation * math.sqrt(parameters.horizon_samples)
    wish = size_position(decision.score, risk, state, parameters)
    effects = judge_state(now_ns, state, parameters, sessions, decision)
    effects |= judge_market(now_ns, risk, state, parameters, decision)
    confidence = _confidence(abs(decision.score), risk, state, parameters)
    effects |= judge_confidence(confidence, parameters, decision)
    return wish, effects


@compiled
def _finish(
    now_ns: int,
    wish: float,
    effects: int,
    state: StateRow,
    parameters: ParameterRow,
    decision: DecisionRow,
) -> None:
    """Conclude, and number the decision."""
    risk = decision.gate_value[_VOLATILITY]
    conclude(now_ns, wish, effects, state, parameters, decision)
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
