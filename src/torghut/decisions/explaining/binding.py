"""What held a decision back, found by taking causes away and concluding again.

The kernel's own functions conclude, interpreted, from what stands in the row and the parameters in
force. A cause binds alone if the decision would be another without it; several bind together if
none of them does alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf, nan
from types import SimpleNamespace
from typing import Final, cast

import numpy as np

from torghut.decisions.kernel.concluding import conclude
from torghut.decisions.kernel.deciding import size_position
from torghut.decisions.kernel.gates import (
    ABSTAIN,
    ADVISED,
    CANCEL,
    FALLBACK,
    FLATTEN,
    FREEZE,
    NO_INCREASE,
)
from torghut.schemas.codes import Gate, GateStatus, Intent, Mode, OnStop, Reason
from torghut.schemas.leaf import DecisionFields
from torghut.schemas.rows import DecisionRow, ParameterRow, StateRow


class Cause(StrEnum):
    """What can hold a decision back: a gate that failed, or one of eleven other things."""

    KILL_SWITCH = "kill-switch"
    FRESHNESS = "freshness"
    SESSION = "session"
    WARM_UP = "warm-up"
    SPREAD = "spread"
    VOLATILITY = "volatility"
    DRAWDOWN = "drawdown"
    CONFIDENCE_FLOOR = "confidence-floor"
    RECONCILIATION = "reconciliation"
    TURNOVER = "turnover"
    DWELL = "dwell"
    ALLOTMENT = "allotment"
    NOTIONAL = "notional"
    CONTEXT_LATE = "context-late"
    GOVERNANCE_SILENT = "governance-silent"
    REVISION_FENCED = "revision-fenced"
    FALLBACK = "fallback"
    ADVICE_IN_FLIGHT = "advice-in-flight"
    ADVICE_APPROVED = "advice-approved"
    ADVICE_ADJUSTED = "advice-adjusted"
    ADVICE_VETOED = "advice-vetoed"
    ADVICE_SUPERSEDED = "advice-superseded"
    ORDER_IN_FLIGHT = "order-in-flight"
    MINIMUM_CHANGE = "minimum-change"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What would have to be otherwise for the decision to be another.

    Attributes:
        causes: One that binds alone, or several of which all would have to go.
        instead: The target without them; None to abstain all the same.
    """

    causes: tuple[Cause, ...]
    instead: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a decision was bound by.

    Attributes:
        wish: The position that the score asked for, before any gate.
        bindings: Each by itself explains it; none where the decision is what was wished. Where
            ``sure`` is not, they hold if no order was in flight and a stop reduces only.
        sure: Whether the row says if an order was in flight, and what a stop does matters nowhere:
            not when abstaining, not live where something cancels orders, and not where the row
            could come of several situations.
        reproduced: Whether concluding again gave the decision in the row. Where it did not there
            are no bindings: what the state knew does not all stand in a row.
    """

    wish: float
    bindings: tuple[Binding, ...]
    sure: bool
    reproduced: bool


_ABSTAINING: Final = (Gate.FRESHNESS, Gate.SESSION, Gate.WARM_UP)
_CLAMPS: Final = (Gate.ALLOTMENT, Gate.NOTIONAL)
_EFFECTS: Final[Mapping[Cause, int]] = {
    **{Cause[gate.name]: NO_INCREASE for gate in Gate if gate not in _CLAMPS},
    **{Cause[gate.name]: ABSTAIN for gate in _ABSTAINING},
    Cause.KILL_SWITCH: NO_INCREASE | CANCEL,
    Cause.RECONCILIATION: NO_INCREASE | CANCEL,
    Cause.CONTEXT_LATE: NO_INCREASE | CANCEL,
    Cause.GOVERNANCE_SILENT: NO_INCREASE | CANCEL,
    Cause.REVISION_FENCED: ABSTAIN,
    Cause.FALLBACK: FALLBACK,
    Cause.ADVICE_IN_FLIGHT: NO_INCREASE,
    Cause.ADVICE_APPROVED: ADVISED,
    Cause.ADVICE_ADJUSTED: ADVISED,
    Cause.ADVICE_VETOED: NO_INCREASE,
    Cause.ADVICE_SUPERSEDED: FREEZE,
}
_ON_STOP: Final = {OnStop.REDUCE_ONLY: 0, OnStop.FREEZE: FREEZE, OnStop.FLATTEN: FLATTEN}
_SCALE: Final = 2.0**40
"""By a power of two products keep their bits: what is relative to the allotment stays the same."""


def find_bound(row: DecisionFields, parameters: np.void) -> Bound:
    """Return what bound the decision in ``row``.

    Args:
        row: The decision.
        parameters: The symbol's row of dtype ``PARAMETERS`` that was in force.
    """
    wish = wished(row, parameters)
    acting = tuple(_acting(row, float(parameters["lot"])))
    decided = None if row.intent == Intent.ABSTAIN else row.target
    situations = list(_situations(row, parameters, wish, acting))
    same = [one for one in situations if one.conclude() == decided]
    accounts = [
        tuple(_bindings(situation, decided))
        for situation in [one for one in same if one.finds_as_small()] or same
    ]
    if not accounts:
        return Bound(wish=wish, bindings=(), sure=False, reproduced=False)
    cancels = any(_EFFECTS.get(cause, 0) & CANCEL for cause in acting)
    cancelled_live = cancels and row.mode == Mode.LIVE
    agree = all(one == accounts[0] for one in accounts)
    sure = decided is not None and not cancelled_live and agree
    return Bound(wish=wish, bindings=accounts[0], sure=sure, reproduced=True)


def wished(row: DecisionFields, parameters: np.void) -> float:
    """Return the position that the score asks for, in whole lots, before any gate."""
    volatility = row.gate_value[Gate.VOLATILITY]
    state = cast("StateRow", SimpleNamespace(mid=row.reference_price, allotment=row.allotment))
    return size_position(row.score, volatility, state, _plain(parameters))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Situation:
    """A decision about to be concluded.

    Attributes:
        acting: Every cause that is there.
        on_stop: What a stop does; it stands in no row, so it is tried.
        worked: Whether an order for the standing target is being worked on; tried likewise.
    """

    row: DecisionFields
    parameters: np.void
    wish: float
    acting: tuple[Cause, ...]
    on_stop: OnStop
    worked: bool

    def finds_as_small(self) -> bool:
        """Return whether the kernel finds the change too small where the row says so, only there.

        A change from a target that is not known is never small, whatever the row says.
        """
        found = int(self._concluded(frozenset()).reasons) ^ self.row.reasons
        return not found >> Reason.BELOW_MINIMUM_CHANGE & 1

    def conclude(self, without: frozenset[Cause] = frozenset()) -> float | None:
        """Return the target that the kernel concludes without some causes; None to abstain."""
        return _target(self._concluded(without))

    def _concluded(self, without: frozenset[Cause]) -> DecisionRow:
        """Return what the kernel writes of its conclusion without some causes."""
        row, parameters = self.row, _plain(self.parameters)
        effects = 0
        for cause in self.acting:
            if cause not in without:
                effects |= _EFFECTS.get(cause, 0)
                effects |= _ON_STOP[self.on_stop] if cause is Cause.KILL_SWITCH else 0
        state = self._state(without)
        if Cause.MINIMUM_CHANGE in without:
            parameters.minimum_change_ratio = 0.0
        if Cause.ALLOTMENT in without:
            state.allotment *= _SCALE
            parameters.minimum_change_ratio /= _SCALE
            parameters.fallback_raise_ratio /= _SCALE
            parameters.advised_raise_ratio /= _SCALE
        decision = SimpleNamespace(
            stream=row.stream,
            source_low=row.source_low,
            source_high=row.source_high,
            source_sequence=row.source_sequence,
            reasons=np.uint64(0),
            gate_value=[0.0] * len(Gate),
            gate_status=[0] * len(Gate),
        )
        concluded = cast("DecisionRow", decision)
        # By how much advice adjusted is not in the row; what came of it is.
        adjusted = Cause.ADVICE_ADJUSTED in self.acting and Cause.ADVICE_ADJUSTED not in without
        wish = row.target if adjusted else self.wish
        conclude(row.decided_ns, wish, effects, state, parameters, concluded)
        return concluded

    def _state(self, without: frozenset[Cause]) -> StateRow:
        """Return the state as far as the row knows it; where no order is in flight that is all.

        A target that was held is in the row. One that was changed was the paper book's position,
        because every order is filled whole or taken back; live, where the row holds the reported
        one, it is not known, and no number: no change from there is small.
        """
        row = self.row
        changed_from = nan if row.mode == Mode.LIVE else row.position
        in_flight = Cause.ORDER_IN_FLIGHT in self.acting
        state = SimpleNamespace(
            mode=row.mode,
            mid=row.reference_price,
            target=row.target if row.intent == Intent.HOLD else changed_from,
            target_ns=row.decided_ns,
            target_open=int(self.worked),
            allotment=row.allotment,
            notional_cap=inf if Cause.NOTIONAL in without else row.notional_cap,
            paper_position=row.position,
            reported_position=row.position,
            reported_known=int(row.position_age_ns >= 0),
            reported_ns=row.decided_ns - max(0, row.position_age_ns),
            order_live=int(in_flight and Cause.ORDER_IN_FLIGHT not in without),
            order_quantity=row.target - row.position if in_flight else 0.0,
            order_due_ns=0,
        )
        return cast("StateRow", state)


def _situations(
    row: DecisionFields, parameters: np.void, wish: float, acting: tuple[Cause, ...]
) -> Iterator[_Situation]:
    """Yield every situation in which the decision may have been concluded, likelier ones first."""
    beyond = abs(row.target) > abs(row.position) or row.target * row.position < 0.0
    # A live target that grew no further, though above the position, was being worked on, unless
    # the change to a smaller one was too small.
    worked = row.mode == Mode.LIVE and row.intent == Intent.HOLD and beyond
    for on_stop in _ON_STOP if Cause.KILL_SWITCH in acting else (OnStop.REDUCE_ONLY,):
        for tried in (True, False) if worked else (False,):
            yield _Situation(
                row=row,
                parameters=parameters,
                wish=wish,
                acting=acting,
                on_stop=on_stop,
                worked=tried,
            )


def _target(concluded: DecisionRow) -> float | None:
    """Return the target that was concluded; None to abstain."""
    return None if concluded.intent == Intent.ABSTAIN else float(concluded.target)


def _acting(row: DecisionFields, lot: float) -> Iterator[Cause]:
    """Yield every cause that is there, whether it binds or not."""
    for gate in Gate:
        if row.gate_status[gate] == GateStatus.FAIL:
            yield Cause[gate.name]
    for reason, cause in (
        (Reason.CONTEXT_LATE, Cause.CONTEXT_LATE),
        (Reason.GOVERNANCE_SILENT, Cause.GOVERNANCE_SILENT),
        (Reason.REVISION_FENCED, Cause.REVISION_FENCED),
        (Reason.BELOW_MINIMUM_CHANGE, Cause.MINIMUM_CHANGE),
    ):
        if row.reasons >> reason & 1:
            yield cause
    if (slow := _slow_cause(row)) is not None:
        yield slow
    # A stop that freezes or flattens does not say whether an order is in flight; the books do.
    stopped = row.gate_status[Gate.KILL_SWITCH] == GateStatus.FAIL and row.intent == Intent.HOLD
    apart = row.mode != Mode.LIVE and abs(row.target - row.position) > lot / 2.0
    if row.reasons >> Reason.ORDER_IN_FLIGHT & 1 or (stopped and apart):
        yield Cause.ORDER_IN_FLIGHT


def _slow_cause(row: DecisionFields) -> Cause | None:
    """Return how the slow path held the decision back; None where it was not taken."""

    def says(*reasons: Reason) -> bool:
        return any(row.reasons >> reason & 1 for reason in reasons)

    if says(Reason.ADVICE_IN_FLIGHT):
        return Cause.ADVICE_IN_FLIGHT
    if not row.triggers:
        return None
    if says(Reason.ADVICE_SUPERSEDED):
        return Cause.ADVICE_SUPERSEDED
    if says(Reason.DETERMINISTIC_ONLY, Reason.REASONING_OFF, Reason.REASONING_SHADOW):
        return Cause.FALLBACK
    for reason, cause in (
        (Reason.ADVICE_VETOED, Cause.ADVICE_VETOED),
        (Reason.ADVICE_APPROVED, Cause.ADVICE_APPROVED),
        (Reason.ADVICE_ADJUSTED, Cause.ADVICE_ADJUSTED),
    ):
        if says(reason):
            return cause
    return Cause.FALLBACK


def _bindings(situation: _Situation, decided: float | None) -> Iterator[Binding]:
    """Yield each cause that binds alone; if none does, one smallest set that binds together."""
    alone = 0
    for cause in situation.acting:
        instead = situation.conclude(frozenset({cause}))
        if instead != decided:
            alone += 1
            yield Binding(causes=(cause,), instead=instead)
    together = frozenset(situation.acting)
    if alone or situation.conclude(together) == decided:
        return
    for cause in situation.acting:
        fewer = together - {cause}
        if situation.conclude(fewer) != decided:
            together = fewer
    causes = tuple(cause for cause in situation.acting if cause in together)
    yield Binding(causes=causes, instead=situation.conclude(together))


def _plain(parameters: np.void) -> ParameterRow:
    """Return the parameters that conclude a decision, as the interpreted kernel reads them."""
    names = (
        *("lot", "multiplier", "risk_ratio", "minimum_change_ratio"),
        *("fallback_raise_ratio", "advised_raise_ratio"),
    )
    values = {name: float(parameters[name]) for name in names}
    times = {name: int(parameters[name]) for name in ("latency_ns", "reconcile_ns")}
    return cast("ParameterRow", SimpleNamespace(**values, **times))
