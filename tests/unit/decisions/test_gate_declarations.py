"""What the gate policy says about a failing gate is what the kernel does."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

import numpy as np
import pytest

from tests.support.decisions.declared import shipped
from torghut.decisions.kernel.gates import (
    ABSTAIN,
    CANCEL,
    NO_INCREASE,
    clamp,
    judge_confidence,
    judge_market,
    judge_state,
)
from torghut.decisions.parameters import gate_thresholds, initial_states, parameter_rows
from torghut.schemas.codes import Gate, GateStatus, Mode, Reason
from torghut.schemas.rows import (
    DECISION,
    DecisionRow,
    ParameterRow,
    Rows,
    SessionRow,
    StateRow,
)

DECLARED: Final = {policy.id: policy for policy in shipped().gates.gates}
NOON: Final = 1_399_464_000 * 10**9  # Wednesday 2014-05-07, 12:00 UTC
LOT: Final = 1000.0


@dataclass(kw_only=True)
class Bench:
    """One symbol in order, whose gates all pass until something about it is changed."""

    state: StateRow
    parameters: ParameterRow
    sessions: Rows[SessionRow]
    decision: DecisionRow
    now_ns: int = NOON
    volatility: float = 0.0004
    confidence: float = 0.9
    wish: float = 2 * LOT
    target: float = field(default=0.0, init=False)

    def judge(self) -> int:
        """Apply every gate, and return the effects of those that fail."""
        args = (self.state, self.parameters)
        effects = judge_state(self.now_ns, *args, self.sessions, self.decision)
        effects |= judge_market(self.now_ns, self.volatility, *args, self.decision)
        effects |= judge_confidence(self.confidence, self.parameters, self.decision)
        self.target = clamp(self.wish, *args, self.decision)
        return effects

    def failed(self) -> set[str]:
        """Return the gates that failed, by their declared name."""
        status = self.decision.gate_status
        return {g.name.lower().replace("_", "-") for g in Gate if status[g] == GateStatus.FAIL}


def bench() -> Bench:
    """Return EURUSD at a good moment."""
    symbols = ["fxcm:EURUSD"]
    rows, sessions = parameter_rows(shipped(), {}, symbols)
    states = initial_states(shipped(), symbols)
    state = states.view(np.recarray)[0]
    state.bid, state.ask, state.mid = 1.3900, 1.3901, 1.39005
    state.quote_ns = NOON
    state.samples = 10_000
    state.governance_until_ns = NOON + 30 * 86_400 * 10**9
    return Bench(
        state=cast("StateRow", state),
        parameters=cast("ParameterRow", rows.view(np.recarray)[0]),
        sessions=cast("Rows[SessionRow]", sessions.view(np.recarray)),
        decision=cast("DecisionRow", np.zeros(1, DECISION).view(np.recarray)[0]),
    )


def stopped(one: Bench) -> None:
    one.state.switches = 1


def stale(one: Bench) -> None:
    one.state.quote_ns = NOON - one.parameters.age_limit_ns[0] - 1


def closed(one: Bench) -> None:
    one.now_ns += 4 * 86_400 * 10**9
    one.state.quote_ns = one.now_ns


def cold(one: Bench) -> None:
    one.state.samples = one.parameters.warm_up_samples - 1


def wide(one: Bench) -> None:
    one.state.ask = one.state.bid + 2 * one.parameters.spread_max * one.state.mid


def wild(one: Bench) -> None:
    one.volatility = 2 * one.parameters.volatility_max


def down(one: Bench) -> None:
    one.state.drawdown = 2 * one.parameters.drawdown_max


def unsure(one: Bench) -> None:
    one.confidence = one.parameters.confidence_min / 2


def unreconciled(one: Bench) -> None:
    one.state.mode = Mode.LIVE
    one.state.reported_known = 1
    one.state.reported_ns = one.now_ns
    one.state.reported_fills = 2 * one.parameters.reconcile_quantity + 1.0
    one.state.mismatch_ns = one.now_ns - one.parameters.reconcile_ns - 1


def reported_long_ago(one: Bench) -> None:
    one.state.mode = Mode.LIVE
    one.state.reported_known = 1
    one.state.reported_ns = one.now_ns - one.parameters.position_age_ns - 1


def never_reported(one: Bench) -> None:
    one.state.mode = Mode.LIVE


def turned_over(one: Bench) -> None:
    one.state.traded_notional = 2 * one.parameters.turnover_max * one.state.allotment


def hasty(one: Bench) -> None:
    one.state.target_ns = one.now_ns - one.parameters.dwell_ns + 1


def over_allotted(one: Bench) -> None:
    one.state.allotment = LOT * 1.5


def over_capped(one: Bench) -> None:
    one.state.notional_cap = LOT * 1.5


FAULTS: Final[Mapping[str, Callable[[Bench], None]]] = {
    "kill-switch": stopped,
    "freshness": stale,
    "session": closed,
    "warm-up": cold,
    "spread": wide,
    "volatility": wild,
    "drawdown": down,
    "confidence-floor": unsure,
    "reconciliation": unreconciled,
    "turnover": turned_over,
    "dwell": hasty,
    "allotment": over_allotted,
    "notional": over_capped,
}
EFFECTS: Final = {"abstain": ABSTAIN, "no-increase": NO_INCREASE, "clamp": 0}


def test_a_symbol_in_order_passes_every_gate() -> None:
    one = bench()

    assert one.judge() == 0
    assert one.failed() == set()
    assert one.target == one.wish


def test_every_declared_gate_has_its_fault() -> None:
    assert set(FAULTS) == set(DECLARED)


@pytest.mark.parametrize("gate", sorted(FAULTS))
def test_failing_gate_does_what_is_declared(gate: str) -> None:
    one = bench()
    FAULTS[gate](one)

    effects = one.judge()

    policy = next(policy for policy in DECLARED.values() if policy.id == gate)
    assert one.failed() == {gate}
    assert effects & ~CANCEL == EFFECTS[policy.on_fail]
    assert bool(effects & CANCEL) == (gate in {"kill-switch", "reconciliation"})
    assert (one.target == LOT) == (policy.on_fail == "clamp")


def both_at_once(one: Bench) -> None:
    unreconciled(one)
    reported_long_ago(one)


@pytest.mark.parametrize(
    ("fault", "reasons", "bounded"),
    [
        (unreconciled, {Reason.POSITION_UNRECONCILED}, True),
        (never_reported, {Reason.POSITION_UNRECONCILED}, False),
        (reported_long_ago, {Reason.POSITION_STALE}, False),
        (both_at_once, {Reason.POSITION_UNRECONCILED, Reason.POSITION_STALE}, False),
    ],
)
def test_reconciliation_says_which_of_its_rules_failed(
    fault: Callable[[Bench], None], reasons: set[Reason], *, bounded: bool
) -> None:
    one = bench()
    fault(one)

    effects = one.judge()

    assert effects == NO_INCREASE | CANCEL
    assert one.failed() == {"reconciliation"}
    assert {reason for reason in Reason if int(one.decision.reasons) >> reason & 1} == reasons
    # Without a position of now nothing bounds how far the venue's is from the fills.
    assert math.isfinite(one.decision.gate_value[Gate.RECONCILIATION]) == bounded


def test_position_as_old_as_its_limit_is_not_stale() -> None:
    one = bench()
    reported_long_ago(one)
    one.state.reported_ns += 1

    assert one.judge() == 0
    assert one.decision.gate_value[Gate.RECONCILIATION] == 0.0


def test_stale_position_of_the_venue_is_none_of_the_paper_books_business() -> None:
    one = bench()
    reported_long_ago(one)
    one.state.mode = Mode.PAPER

    assert one.judge() == 0


# Reconciliation is judged by how long a difference lasts, which its value does not show.
@pytest.mark.parametrize("gate", sorted(set(FAULTS) - {"reconciliation"}))
def test_value_and_threshold_compare_as_declared(gate: str) -> None:
    policy = next(policy for policy in DECLARED.values() if policy.id == gate)
    for fault in (None, FAULTS[gate]):
        one = bench()
        if fault is not None:
            fault(one)
        one.judge()
        number = Gate[gate.upper().replace("-", "_")]
        value = one.decision.gate_value[number]
        limits = gate_thresholds(
            cast("np.void", one.parameters),
            allotment=one.state.allotment,
            notional_cap=one.state.notional_cap,
        )
        verdicts = {
            "<=": value <= limits[number],
            ">=": value >= limits[number],
            "==": value == limits[number],
        }

        assert verdicts[policy.comparator] == (fault is None)
