"""What is said to bind a decision binds it: without it, the kernel decides otherwise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay.golden_decisions import golden_names, golden_row
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import (
    SECOND_NS,
    START_NS,
    RowArray,
    parameter_rows,
    state_rows,
    walk,
)
from torghut.decisions.explaining.account import Explanation, explain
from torghut.decisions.explaining.binding import Bound, Cause, find_bound
from torghut.decisions.explaining.refusals import RULES
from torghut.decisions.explaining.refused import explain_refusal
from torghut.decisions.explaining.thresholds import Judged, score_needed
from torghut.decisions.explaining.words import REASONS, TRIGGERS
from torghut.decisions.fold.lineage import Lineage, lineage_words
from torghut.decisions.kernel.engine import Tables
from torghut.decisions.render_context import RenderContext, render_context
from torghut.schemas.codes import (
    Domain,
    Gate,
    GateStatus,
    Intent,
    Mode,
    Reason,
    RefusalCode,
    Switch,
    Trigger,
)
from torghut.schemas.leaf import DecisionFields, decision_fields
from torghut.schemas.rows import CONTEXT, DECISION, SESSION, SOURCE

SYMBOL: Final = "fxcm:EURUSD"
BY_THRESHOLD: Final = {
    Cause.WARM_UP: ("warm_up_samples", Gate.WARM_UP),
    Cause.SPREAD: ("spread_max", Gate.SPREAD),
    Cause.VOLATILITY: ("volatility_max", Gate.VOLATILITY),
    Cause.DRAWDOWN: ("drawdown_max", Gate.DRAWDOWN),
    Cause.CONFIDENCE_FLOOR: ("confidence_min", Gate.CONFIDENCE_FLOOR),
    Cause.TURNOVER: ("turnover_max", Gate.TURNOVER),
}
"""The parameter that a gate's value is compared with, in the value's own unit."""

TELLING: Final = (100, 102, 115, 138, 142, 148)
"""Seeds of walks that show every cause together."""

IN_PARAMETERS: Final[dict[Cause, dict[str, float]]] = {
    Cause.SESSION: {"session_count": 0},
    Cause.MINIMUM_CHANGE: {"minimum_change_ratio": 0.0},
}
IN_STATE: Final[dict[Cause, dict[str, float]]] = {
    Cause.CONTEXT_LATE: {"late": 0},
    Cause.GOVERNANCE_SILENT: {"governance_until_ns": 2**62},
    Cause.RECONCILIATION: {"reported_known": 1, "mismatch_ns": 0, "reported_ns": 2**62},
}
"""What takes away a cause that is no comparison of a value."""

SWITCHED: Final = {
    Cause.KILL_SWITCH: 1 << Switch.STOP | 1 << Switch.STOP_LATCH,
    Cause.REVISION_FENCED: 1 << Switch.REVISION_FENCE,
}
"""Which switches are a cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One context, and everything that its decision depends on."""

    context: RowArray
    state: RowArray
    parameters: RowArray
    sessions: RowArray

    def decide(self) -> DecisionFields | None:
        """Return the decision that the kernel makes; None if it refuses."""
        decisions, outcomes = np.zeros(1, DECISION), np.zeros(1, np.uint8)
        shared = Tables(
            parameters=self.parameters.copy(),
            sources=np.array([(1, 2), (3, 4)], SOURCE),
            sessions=self.sessions.copy(),
            due_ns=np.zeros(1, np.int64),
        )
        kernel = compiled()
        _, written = kernel.decide(self.context.copy(), self.state, shared, decisions, outcomes)
        return decision_fields(decisions[0].tobytes()) if written else None


def drawn(seed: int) -> np.random.Generator:
    """Return a generator with a seed."""
    return np.random.Generator(np.random.PCG64(seed))


def strict_parameters(draw: np.random.Generator) -> RowArray:
    """Return parameters under which every gate fails now and then."""
    rows = parameter_rows()
    rows["spread_max"] = draw.choice([2e-5, 1.0, 1.0])
    rows["confidence_min"] = draw.choice([0.0, 0.48, 0.52])
    rows["dwell_ns"] = draw.choice([0, 0, 30]) * SECOND_NS
    rows["turnover_max"] = draw.choice([0.3, 1000.0, 1000.0])
    rows["drawdown_max"] = draw.choice([1e-5, 1e-4, 1.0])
    rows["volatility_max"] = draw.choice([1e-3, 1.0, 1.0])
    rows["age_limit_ns"][:, Domain.MARKET] = draw.choice([SECOND_NS // 2, 10 * SECOND_NS])
    rows["warm_up_samples"] = draw.choice([5, 30])
    rows["fallback_raise_ratio"] = draw.choice([0.0, 0.05])
    rows["trigger_entropy"] = draw.choice([0.5, 0.9])
    rows["trigger_notional_ratio"] = draw.choice([0.02, 0.9])
    rows["latency_ns"] = draw.choice([1, 2 * SECOND_NS])
    rows["lot"] = draw.choice([1000.0, 1.0])
    rows["minimum_change_ratio"] = draw.choice([0.02, 0.1])
    rows["position_age_ns"] = draw.choice([20, 3600]) * SECOND_NS
    rows["session_count"] = draw.choice([0, 1])
    return rows


def moments(seed: int, count: int = 500) -> Iterator[Moment]:
    """Yield every context of a walk with what its decision depends on, controls thrown between."""
    draw = drawn(seed)
    parameters, state = strict_parameters(draw), state_rows()
    state["notional_cap"] = draw.choice([1e6, 3e4])
    state["mode"] = draw.choice([Mode.PAPER, Mode.LIVE, Mode.SHADOW])
    governing = drawn(seed + 1_000_000)  # apart, so that what was drawn before stays
    state["governance_until_ns"] = governing.choice([2**62, 2**62, START_NS + 60 * SECOND_NS])
    opening = (START_NS + 50 * SECOND_NS, START_NS + 200 * SECOND_NS)
    for context in walk(count, seed=seed).reshape(-1, 1):
        if draw.random() < 0.01:
            state["switches"] ^= np.uint8(1 << draw.choice([Switch.STOP, Switch.STOP_LATCH]))
            state["on_stop"] = draw.integers(0, 3)
        if draw.random() < 0.01:
            state["late"] ^= 1
        if governing.random() < 0.004:
            state["switches"] ^= np.uint8(1 << Switch.REVISION_FENCE)
        if draw.random() < 0.02 and state["mode"][0] == Mode.LIVE:
            _report(state, draw, int(context["receive_ns"][0]))
        moment = Moment(
            context=context,
            state=state,
            parameters=parameters,
            sessions=np.array([opening], SESSION),
        )
        yield Moment(
            context=context,
            state=state.copy(),
            parameters=parameters,
            sessions=moment.sessions,
        )
        moment.decide()


def _report(state: RowArray, draw: np.random.Generator, now_ns: int) -> None:
    """Let the venue report a position, now and then another one than the fills make."""
    state["reported_fills"] = state["paper_position"]
    state["reported_position"] = state["paper_position"] + draw.choice([0.0, 0.0, 500.0])
    state["reported_known"], state["reported_ns"] = 1, now_ns
    agrees = state["reported_position"][0] == state["reported_fills"][0]
    state["mismatch_ns"] = 0 if agrees else now_ns


def without(moment: Moment, cause: Cause, row: DecisionFields) -> Moment:
    """Return the moment with the value of ``cause`` just across its threshold."""
    parameters, state = moment.parameters.copy(), moment.state.copy()
    if cause in BY_THRESHOLD:
        name, gate = BY_THRESHOLD[cause]
        parameters[name] = row.gate_value[gate]
    if cause is Cause.FRESHNESS:
        parameters["age_limit_ns"][:, Domain.MARKET] = row.age_ns[Domain.MARKET]
    if cause is Cause.DWELL:
        parameters["dwell_ns"] = row.decided_ns - int(state["target_ns"][0])
    if cause is Cause.FALLBACK:
        for name in ("entropy", "disagreement", "transition", "notional_ratio"):
            parameters[f"trigger_{name}"] = 1e300
    for name, value in IN_PARAMETERS.get(cause, {}).items():
        parameters[name] = value
    for name, value in IN_STATE.get(cause, {}).items():
        state[name] = value
    state["switches"] = int(moment.state["switches"][0]) & ~SWITCHED.get(cause, 0)
    return Moment(
        context=moment.context, state=state, parameters=parameters, sessions=moment.sessions
    )


def acting(row: DecisionFields) -> set[Cause]:
    """Return every cause that is there and that a test can take away."""
    found = {Cause[gate.name] for gate in Gate if row.gate_status[gate] == GateStatus.FAIL}
    found -= {Cause.ALLOTMENT, Cause.NOTIONAL}
    for reason in (Reason.CONTEXT_LATE, Reason.GOVERNANCE_SILENT, Reason.REVISION_FENCED):
        if row.reasons >> reason & 1:
            found.add(Cause[reason.name])
    if row.reasons >> Reason.BELOW_MINIMUM_CHANGE & 1:
        found.add(Cause.MINIMUM_CHANGE)
    return found | ({Cause.FALLBACK} if row.triggers else set())


def told(row: DecisionFields) -> float | None:
    """Return the target that was told; None to abstain."""
    return None if row.intent == Intent.ABSTAIN else row.target


def check(moment: Moment, seen: Counter[tuple[Cause, bool]]) -> None:
    """Check that what is said to bind alone does, and that nothing else does."""
    in_flight = bool(moment.state["order_live"][0])
    being_worked = int(moment.state["mode"][0]) == Mode.LIVE and bool(
        moment.state["target_open"][0]
    )
    row = Moment(
        context=moment.context,
        state=moment.state.copy(),
        parameters=moment.parameters,
        sessions=moment.sessions,
    ).decide()
    if row is None:
        return
    bound = find_bound(row, moment.parameters[0])
    if not bound.reproduced:  # a live target that was kept, then cut, stands in no row
        assert row.mode == Mode.LIVE
        assert row.intent != Intent.HOLD
        assert row.reasons >> Reason.BELOW_MINIMUM_CHANGE & 1
        return
    alone = {one.causes[0]: one.instead for one in bound.bindings if len(one.causes) == 1}
    for cause in acting(row):
        again = without(moment, cause, row).decide()
        assert again is not None
        changed = told(again) != told(row)
        seen[(cause, changed)] += 1
        untold = in_flight or (being_worked and not bound.sure)
        assert changed == (cause in alone) or untold, (cause, row, bound)
        if cause in alone and bound.sure:
            assert changed, (cause, row, bound)
        if cause in alone and bound.sure and not (in_flight or row.mode == Mode.LIVE):
            assert told(again) == alone[cause], (cause, row, bound)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_binding_cause_really_changes_the_decision_and_others_do_not(seed: int) -> None:
    seen: Counter[tuple[Cause, bool]] = Counter()

    for moment in moments(seed, 250):
        check(moment, seen)


@pytest.mark.parametrize(
    "seeds", [TELLING, pytest.param(range(100, 150), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_causes_are_seen_to_bind_and_not_to_bind(seeds: Sequence[int]) -> None:
    seen: Counter[tuple[Cause, bool]] = Counter()

    for seed in seeds:
        for moment in moments(seed, 250):
            check(moment, seen)

    bind = {cause for cause, changed in seen if changed}
    assert bind >= {
        Cause.KILL_SWITCH, Cause.FRESHNESS, Cause.SESSION, Cause.WARM_UP, Cause.VOLATILITY,
        Cause.CONFIDENCE_FLOOR, Cause.DWELL, Cause.CONTEXT_LATE, Cause.FALLBACK,
        Cause.MINIMUM_CHANGE, Cause.GOVERNANCE_SILENT, Cause.REVISION_FENCED,
    }  # fmt: skip
    assert {cause for cause, changed in seen if not changed} >= bind - {Cause.MINIMUM_CHANGE}


def bound_of(**fields: float | list[int] | list[float]) -> Bound:
    """Return what binds a hand-made decision of one instrument."""
    return find_bound(made(**fields), parameter_rows()[0])


def made(**fields: float | list[int] | list[float]) -> DecisionFields:
    """Return a decision that holds nothing at a price of 1.3, with some of it changed."""
    row = np.zeros(1, DECISION)
    row["version"], row["mode"], row["intent"], row["regime"] = 1, Mode.PAPER, Intent.HOLD, 255
    row["bid"], row["ask"], row["reference_price"] = 1.29999, 1.30001, 1.3
    row["allotment"], row["notional_cap"] = 1e5, 1e6
    row["weights"], row["lineage"] = 0.25, lineage_words(lineage().digest)
    row["receive_ns"] = row["decided_ns"] = START_NS
    row["gate_status"] = GateStatus.PASS
    row["gate_value"][:, Gate.VOLATILITY] = 0.002
    for name, value in fields.items():
        row[name] = value
    return decision_fields(row[0].tobytes())


def failing(*gates: Gate) -> list[int]:
    """Return gate statuses of which some fail."""
    return [GateStatus.FAIL if gate in gates else GateStatus.PASS for gate in Gate]


def lineage() -> Lineage:
    """Return what the hand-made decisions rest on."""
    return Lineage(
        arm="serving", kernel_version=1, declarations=shipped().digest, package="", control=""
    )


def context_of(parameters: RowArray) -> RenderContext:
    """Return what rendering a hand-made decision needs."""
    return render_context(
        instrument=shipped().instrument(SYMBOL),
        gates=shipped().gates,
        parameters=parameters[0],
        lineage=lineage(),
    )


def explained(row: DecisionFields, parameters: RowArray | None = None) -> Explanation:
    """Return the whole account of a hand-made decision."""
    held = parameter_rows() if parameters is None else parameters
    values = tuple(tuple(value) if isinstance(value, tuple) else value for value in (tuple(row)))
    stored = np.array([values], DECISION)[0].tobytes()
    return explain(stored, context_of(held), shipped().gates, held[0], np.zeros(0, SESSION))


def test_wish_without_gates_is_bound_by_nothing() -> None:
    bound = bound_of(score=0.5, target=38_000.0, delta=38_000.0, intent=Intent.BUY)

    assert bound.reproduced
    assert bound.wish == 38_000.0
    assert bound.bindings == ()


def test_single_gate_binds_alone_and_says_what_would_have_been() -> None:
    bound = bound_of(score=0.5, gate_status=failing(Gate.SPREAD))

    assert [(one.causes, one.instead) for one in bound.bindings] == [((Cause.SPREAD,), 38_000.0)]


def test_two_gates_bind_together_and_a_third_thing_does_not() -> None:
    bound = bound_of(
        score=0.5, gate_status=failing(Gate.SPREAD, Gate.DWELL), reasons=1 << Reason.LEVEL_SHIFT
    )

    (one,) = bound.bindings
    assert one.causes == (Cause.SPREAD, Cause.DWELL)
    assert one.instead == 38_000.0


def test_gate_that_fails_without_an_increase_to_stop_does_not_bind() -> None:
    fields = {"score": 0.1, "position": 38_000.0, "target": 7_000.0, "delta": -31_000.0}

    bound = bound_of(**fields, intent=Intent.SELL, gate_status=failing(Gate.SPREAD))

    assert bound.reproduced
    assert bound.bindings == ()


def test_order_in_flight_binds_whatever_the_gates_say() -> None:
    bound = bound_of(
        score=0.5, gate_status=failing(Gate.SPREAD), reasons=1 << Reason.ORDER_IN_FLIGHT
    )

    (one,) = bound.bindings
    assert set(one.causes) == {Cause.SPREAD, Cause.ORDER_IN_FLIGHT}


@pytest.mark.parametrize(("target", "binds"), [(0.0, True), (5_000.0, True), (38_000.0, False)])
def test_stop_binds_whatever_it_does_with_the_position(target: float, binds: bool) -> None:  # noqa: FBT001
    held = {"position": 5_000.0} if target == 5_000.0 else {"position": target}

    bound = bound_of(score=0.5, target=target, gate_status=failing(Gate.KILL_SWITCH), **held)

    assert bound.reproduced
    assert (Cause.KILL_SWITCH in {c for one in bound.bindings for c in one.causes}) == binds


def test_row_that_was_not_decided_so_is_not_explained() -> None:
    bound = bound_of(score=0.5, target=1_000.0, intent=Intent.BUY)

    assert not bound.reproduced
    assert bound.bindings == ()


def test_account_says_the_value_that_would_flip_a_gate() -> None:
    parameters = parameter_rows()
    row = made(score=0.5, gate_status=failing(Gate.CONFIDENCE_FLOOR))
    values = [*row.gate_value]
    values[Gate.CONFIDENCE_FLOOR] = 0.38
    account = explained(row._replace(gate_value=tuple(values)), parameters)

    (bound,) = account.bound
    assert bound.causes == ("confidence-floor",)
    assert bound.flips[0].startswith(
        "confidence-floor 0.38 < 0.4 probability: would pass at >= 0.4"
    )
    assert [gate.id for gate in account.gates if gate.binds] == ["confidence-floor"]


def test_account_never_rounds_a_failed_comparison_into_a_passed_one() -> None:
    row = made(score=0.5, gate_status=failing(Gate.SPREAD))
    values = [*row.gate_value]
    values[Gate.SPREAD] = float(np.nextafter(0.001, 1.0))

    account = explained(row._replace(gate_value=tuple(values)))

    assert "0.0010000000000000002 > 0.001 ratio" in account.bound[0].flips[0]


def test_account_says_from_when_on_a_dwell_passes() -> None:
    row = made(score=0.5, gate_status=failing(Gate.DWELL))
    values = [*row.gate_value]
    values[Gate.DWELL] = 2.0

    account = explained(row._replace(gate_value=tuple(values)))

    assert account.bound[0].flips[0].endswith("from 2014-05-13T16:53:23Z on")


_HEALED = "once the missing `fill` comes or a `position` with `reconciled` writes it off"


@pytest.mark.parametrize(
    ("reasons", "age_s", "value", "says"),
    [
        (
            [Reason.POSITION_STALE],
            3661,
            np.inf,
            "the position was reported 3,661 s ago, limit 3,600 s: would pass once a newer one is",
        ),
        (
            [Reason.POSITION_UNRECONCILED],
            1,
            500.0,
            f"position and fills are 500 apart: would pass at <= 7 EUR, {_HEALED}",
        ),
        (
            [Reason.POSITION_UNRECONCILED, Reason.POSITION_STALE],
            7200,
            np.inf,
            (
                "the position was reported 7,200 s ago, limit 3,600 s: would pass once a newer one "
                "is; position and fills are more than 7 EUR apart: would pass at <= 7 EUR, "
                f"{_HEALED}"
            ),
        ),
        (
            [Reason.POSITION_UNRECONCILED],
            None,
            np.inf,
            "no position was ever reported: would pass once one is",
        ),
    ],
)
def test_account_says_which_rule_of_reconciliation_failed(
    reasons: list[Reason], age_s: int | None, value: float, says: str
) -> None:
    parameters = parameter_rows()
    parameters["reconcile_quantity"] = 7.0
    row = made(
        score=0.5,
        mode=Mode.LIVE,
        gate_status=failing(Gate.RECONCILIATION),
        reasons=sum(1 << reason for reason in reasons),
        position_age_ns=-1 if age_s is None else age_s * SECOND_NS,
        gate_value=[value if gate is Gate.RECONCILIATION else 0.002 for gate in Gate],
    )

    account = explained(row, parameters)

    assert account.bound[0].causes == ("reconciliation",)
    assert account.bound[0].flips == (says,)
    (gate,) = [gate for gate in account.gates if gate.id == "reconciliation"]
    assert (gate.value, gate.unit) == (None if value == np.inf else value, "EUR")


@pytest.mark.parametrize("name", golden_names())
def test_every_golden_decision_has_an_account_in_words(name: str) -> None:
    raw, context = golden_row(name)
    policies = shipped().gates

    account = explain(raw, context, policies, parameter_rows()[0], np.zeros(0, SESSION))

    assert [step.name for step in account.steps] == [
        "regime", "weights", "scores", "score", "confidence", "wish", "gates", "target",
    ]  # fmt: skip
    assert len(account.gates) == len(Gate)
    assert not any(re.search(r"\bnan\b|\binf\b|None", step.says) for step in account.steps)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32))
def test_score_needed_for_confidence_is_where_the_kernel_turns(seed: int) -> None:
    draw = drawn(seed)
    parameters = parameter_rows()
    parameters["confidence_min"] = draw.uniform(0.3, 0.7)
    parameters["confidence_bias"] = draw.uniform(-1.0, 0.5)
    row = made(score=draw.uniform(-1.0, 1.0))
    judged = Judged(
        row=row,
        context=context_of(parameters),
        parameters=parameters[0],
        sessions=np.zeros(0, SESSION),
        wish=0.0,
    )
    needed = score_needed(judged)
    assert needed is not None

    logit = (
        float(parameters["confidence_bias"][0])
        + float(parameters["confidence_score"][0]) * abs(row.score)
        - float(parameters["confidence_cost"][0])
        * ((row.ask - row.bid) / row.reference_price + 6e-5)
        / row.gate_value[Gate.VOLATILITY]
    )
    confident = 1.0 / (1.0 + np.exp(-logit)) >= float(parameters["confidence_min"][0])
    assert confident == (abs(row.score) >= needed) or abs(abs(row.score) - needed) < 1e-9


def test_every_code_has_words() -> None:
    assert set(REASONS) == set(Reason)
    assert set(TRIGGERS) == set(Trigger)
    assert set(RULES) == set(RefusalCode) - {RefusalCode.NONE}


@pytest.mark.parametrize("code", [code for code in RefusalCode if code])
def test_every_refusal_says_its_rule(code: RefusalCode) -> None:
    context = np.zeros(1, CONTEXT)
    context["bid"], context["ask"], context["last"] = 1.3, 1.2, np.nan

    told = explain_refusal(context[0], code, parameter_rows()[0])

    assert told.code == code.code
    assert (told.rule, told.do) == (RULES[code].rule, RULES[code].do)
    if code is RefusalCode.CROSSED_BOOK:
        assert told.found == ("bid 1.3", "ask 1.2")
    if code is RefusalCode.TIME_LEAP:
        assert told.found == ("receive time 1970-01-01T00:00:00Z",)
        assert told.limit.startswith("240 h ahead of the symbol's last one, until 3 more contexts")
    if code is RefusalCode.WRONG_UNIT:
        assert told.limit == "from 0.1 to 100"


def test_a_target_kept_because_the_change_was_small_is_not_taken_for_one_being_worked_on() -> None:
    seen: Counter[tuple[Cause, bool]] = Counter()

    for moment in moments(8_388_608, 250):
        check(moment, seen)

    assert seen[Cause.MINIMUM_CHANGE, True]
