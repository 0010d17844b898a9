"""What would flip each cause that holds a decision back: the value, the moment or the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np

from torghut.decisions.explaining.binding import Cause
from torghut.decisions.explaining.words import TRIGGERS, number, span
from torghut.decisions.render_context import RenderContext
from torghut.kernel.times import moment
from torghut.kernel.units import NS_PER_S
from torghut.schemas.codes import Domain, Gate, Reason, Trigger, published_names
from torghut.schemas.leaf import DecisionFields
from torghut.schemas.rows import RowArray

_DAY_NS: Final = 86_400 * NS_PER_S
_OPPOSITE: Final = {"<=": ">", ">=": "<", "==": "!="}
_DOMAINS: Final = published_names(Domain)
_STALE: Final = (Reason.STALE_MARKET, Reason.STALE_NEWS, Reason.STALE_FUNDAMENTALS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A decision with what it was judged by.

    Attributes:
        row: The decision.
        context: What its rendering needs: names, units and thresholds.
        parameters: The symbol's row of dtype ``PARAMETERS`` that was in force.
        sessions: Its calendar's openings, dtype ``SESSION``; empty where it is always open.
        wish: The position that the score asked for.
    """

    row: DecisionFields
    context: RenderContext
    parameters: np.void
    sessions: RowArray
    wish: float


def threshold_of(judged: Judged, gate: Gate) -> float:
    """Return what the value of ``gate`` was compared with."""
    if gate is Gate.ALLOTMENT:
        return judged.row.allotment
    return judged.row.notional_cap if gate is Gate.NOTIONAL else judged.context.thresholds[gate]


def flip_of(judged: Judged, cause: Cause) -> str:
    """Return what held in the row, and what would have to hold for ``cause`` to be gone."""
    if cause in _SPECIAL:
        return _SPECIAL[cause](judged)
    extra = _EXTRA[cause](judged) if cause in _EXTRA else ""
    return _compared(judged, Gate[cause.name]) + (f"; {extra}" if extra else "")


def margin_of(judged: Judged, gate: Gate) -> str:
    """Return where a gate that passed would have failed."""
    if gate in _MARGINS:
        return _MARGINS[gate](judged)
    _, comparator, _ = judged.context.gates[gate]
    return f"would fail at {_OPPOSITE[comparator]} {number(threshold_of(judged, gate))}"


def unit_of(judged: Judged, gate: Gate) -> str:
    """Return the unit of a gate's value, with the instrument's own names for base and quote."""
    names = {"base": judged.context.unit, "quote": judged.context.currency}
    _, _, unit = judged.context.gates[gate]
    return names.get(unit, unit)


def _compared(judged: Judged, gate: Gate) -> str:
    """Return a failed comparison and the one that would pass."""
    name, comparator, _ = judged.context.gates[gate]
    value, threshold = judged.row.gate_value[gate], threshold_of(judged, gate)
    shown, limit = number(value), number(threshold)
    if shown == limit:
        shown, limit = repr(value), repr(threshold)
    unit = unit_of(judged, gate)
    return (
        f"{name} {shown} {_OPPOSITE[comparator]} {limit} {unit}: would pass at {comparator} {limit}"
    )


def _stopped(_judged: Judged) -> str:
    return "trading is stopped: would pass once every `switch` stop and `stop` latch is released"


def _closed(judged: Judged) -> str:
    opens = judged.sessions["open_ns"]
    later = opens[opens > judged.row.decided_ns]
    if len(later):
        return f"the session is closed: would pass from {moment(int(later[0]))} on"
    return "the session is closed, and no later one is declared"


def _closes(judged: Judged) -> str:
    closes = judged.sessions["close_ns"]
    later = closes[closes >= judged.row.decided_ns]
    return f"would fail after {moment(int(later[0]))}" if len(later) else "would fail once closed"


def _reconciled(judged: Judged) -> str:
    patience = span(int(judged.parameters["reconcile_ns"]))
    return (
        f"would fail once they are further than {_tolerance(judged)} apart for {patience}, or the "
        f"position is reported longer than {_oldest(judged)} ago"
    )


def _tolerance(judged: Judged) -> str:
    limit = number(threshold_of(judged, Gate.RECONCILIATION))
    return f"{limit} {unit_of(judged, Gate.RECONCILIATION)}"


def _oldest(judged: Judged) -> str:
    return span(int(judged.parameters["position_age_ns"]))


def _unreconciled(judged: Judged) -> str:
    row, limit = judged.row, _tolerance(judged)
    if row.position_age_ns < 0:
        return "no position was ever reported: would pass once one is"
    found: list[str] = []
    stale = row.reasons >> Reason.POSITION_STALE & 1
    if stale:
        age = f"the position was reported {span(row.position_age_ns)} ago"
        found.append(f"{age}, limit {_oldest(judged)}: would pass once a newer one is")
    if row.reasons >> Reason.POSITION_UNRECONCILED & 1:
        # The value of a stale position has no bound, so how far apart they were is not in the row.
        apart = f"more than {limit}" if stale else number(row.gate_value[Gate.RECONCILIATION])
        found.append(
            f"position and fills are {apart} apart: would pass at <= {limit}, "
            "once the missing `fill` comes or a `position` with `reconciled` writes it off"
        )
    return "; ".join(found)


def _late(_judged: Judged) -> str:
    return "the worker was late: would pass after the record `lag-end`"


def _silent(_judged: Judged) -> str:
    return (
        "governance was not heard, or too long ago: would pass after a record "
        "`governance-heartbeat` that has not expired"
    )


def _fenced(_judged: Judged) -> str:
    return (
        "the revision that decides is fenced: would pass once another one decides this log, or "
        "after the record `revision-fence` that releases it"
    )


def _in_flight(_judged: Judged) -> str:
    return "an order is in flight: its target stays until it is filled or taken back"


def _too_small(judged: Judged) -> str:
    currency = judged.context.currency
    least = float(judged.parameters["minimum_change_ratio"]) * judged.row.allotment
    return f"the change is below {number(least)} {currency}: would count from there on"


def _fallback(judged: Judged) -> str:
    row, parameters = judged.row, judged.parameters
    at_stake = abs(judged.wish) * row.reference_price * float(parameters["multiplier"])
    cap = float(parameters["trigger_notional_ratio"]) * row.notional_cap
    values = {
        Trigger.ENTROPY: (row.entropy, float(parameters["trigger_entropy"])),
        Trigger.DISAGREEMENT: (row.disagreement, float(parameters["trigger_disagreement"])),
        Trigger.TRANSITION: (row.transition, float(parameters["trigger_transition"])),
        Trigger.CRITICAL_NOTIONAL: (at_stake, cap),
    }
    asked: list[str] = []
    for trigger in Trigger:
        if row.triggers >> trigger & 1:
            value, limit = values.get(trigger, (0.0, 0.0))
            compared = f" ({number(value)} > {number(limit)})" if trigger in values else ""
            asked.append(f"{TRIGGERS[trigger]}{compared}")
    more = float(parameters["fallback_raise_ratio"]) * row.allotment
    return (
        f"advice was wanted, because {' and '.join(asked)}: the fallback may raise the position "
        f"by {number(more)} {judged.context.currency} at most"
    )


def _awaited(_: Judged) -> str:
    return "an earlier context of the symbol waits for advice: until then the position may not grow"


def _approved(judged: Judged) -> str:
    more = float(judged.parameters["advised_raise_ratio"]) * judged.row.allotment
    return (
        f"advice approved: it may raise the position by {number(more)} "
        f"{judged.context.currency} at most"
    )


def _adjusted(_: Judged) -> str:
    return "advice approved a share of the target; its record says which"


def _vetoed(_: Judged) -> str:
    return "advice vetoed any higher exposure"


def _superseded(judged: Judged) -> str:
    most = float(judged.parameters["superseded_move_ratio"])
    return (
        f"the price moved by more than {number(most * 100)} % since advice was asked, or regime, "
        "target or lifetime did not last: the target is held"
    )


def _stale(judged: Judged) -> str:
    found: list[str] = []
    for domain, name in enumerate(_DOMAINS):
        limit_ns, age_ns = judged.context.limits_ns[domain], judged.row.age_ns[domain]
        if limit_ns is not None and judged.row.reasons >> _STALE[domain] & 1:
            age = f"{span(age_ns)} old" if age_ns >= 0 else "of no known age"
            found.append(f"{name} {age}, limit {span(limit_ns)}")
    return ", ".join(found)


def _warming(judged: Judged) -> str:
    missing = threshold_of(judged, Gate.WARM_UP) - judged.row.gate_value[Gate.WARM_UP]
    wait_ns = missing * int(judged.parameters["sample_ns"])
    after = f", after {span(wait_ns)} at the earliest" if wait_ns else ""
    return f"{number(missing)} more samples{after}"


def _dwelling(judged: Judged) -> str:
    rest_s = threshold_of(judged, Gate.DWELL) - judged.row.gate_value[Gate.DWELL]
    return f"from {moment(judged.row.decided_ns + round(rest_s * NS_PER_S))} on"


def _turned_over(judged: Judged) -> str:
    return f"counted anew from {moment((judged.row.decided_ns // _DAY_NS + 1) * _DAY_NS)} on"


def _unsure(judged: Judged) -> str:
    score = score_needed(judged)
    if score is None:
        return ""
    now = number(abs(judged.row.score))
    if score > 1.0:
        return f"at this cost and volatility no score reaches it; |score| is {now}"
    return f"at this cost and volatility from |score| {number(score)} on; it is {now}"


def score_needed(judged: Judged) -> float | None:
    """Return the |score| from which the confidence would reach its floor, all else being equal.

    None where no score can matter: volatility is unknown, or the floor is no probability.
    """
    row, parameters = judged.row, judged.parameters
    volatility, floor = row.gate_value[Gate.VOLATILITY], float(parameters["confidence_min"])
    gain = float(parameters["confidence_score"])
    if not (volatility > 0.0 and 0.0 < floor < 1.0 and gain > 0.0):
        return None
    spread = (row.ask - row.bid) / row.reference_price
    cost = spread + 2.0 * (float(parameters["fee_ratio"]) + float(parameters["slippage_ratio"]))
    logit = log(floor / (1.0 - floor)) - float(parameters["confidence_bias"])
    return max(0.0, (logit + float(parameters["confidence_cost"]) * (cost / volatility)) / gain)


_Says = Callable[[Judged], str]

_SPECIAL: Final[Mapping[Cause, _Says]] = {
    Cause.KILL_SWITCH: _stopped,
    Cause.SESSION: _closed,
    Cause.RECONCILIATION: _unreconciled,
    Cause.CONTEXT_LATE: _late,
    Cause.GOVERNANCE_SILENT: _silent,
    Cause.REVISION_FENCED: _fenced,
    Cause.ORDER_IN_FLIGHT: _in_flight,
    Cause.MINIMUM_CHANGE: _too_small,
    Cause.FALLBACK: _fallback,
    Cause.ADVICE_IN_FLIGHT: _awaited,
    Cause.ADVICE_APPROVED: _approved,
    Cause.ADVICE_ADJUSTED: _adjusted,
    Cause.ADVICE_VETOED: _vetoed,
    Cause.ADVICE_SUPERSEDED: _superseded,
}
"""What is not, or not only, a comparison of the value in the row."""

_EXTRA: Final[Mapping[Cause, _Says]] = {
    Cause.FRESHNESS: _stale,
    Cause.WARM_UP: _warming,
    Cause.CONFIDENCE_FLOOR: _unsure,
    Cause.TURNOVER: _turned_over,
    Cause.DWELL: _dwelling,
}

_MARGINS: Final[Mapping[Gate, _Says]] = {
    Gate.KILL_SWITCH: lambda _: "would fail once somebody stops trading",
    Gate.SESSION: _closes,
    Gate.RECONCILIATION: _reconciled,
}
"""Where passing is not a comparison of the value in the row."""
