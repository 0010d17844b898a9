"""The whole account of one decision: from regime to target, what bound it, and its reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np

from torghut.decisions.explaining.binding import Bound, Cause, find_bound
from torghut.decisions.explaining.thresholds import (
    Judged,
    flip_of,
    margin_of,
    threshold_of,
    unit_of,
)
from torghut.decisions.explaining.words import REASONS, TRIGGERS, number, signed
from torghut.decisions.render_context import RenderContext
from torghut.schemas.codes import (
    Expert,
    Gate,
    GateStatus,
    Intent,
    Reason,
    Trigger,
    published_name,
    published_names,
)
from torghut.schemas.declarations.governance import GatePolicies
from torghut.schemas.leaf import DecisionFields, decision_fields
from torghut.schemas.rows import RowArray

_STATUSES: Final = published_names(GateStatus)
_EXPERTS: Final = published_names(Expert)
_WEIGHT_REASONS: Final = (
    Reason.ENTROPY_HIGH,
    Reason.FEATURES_STALE,
    Reason.TRANSITION_SHOCK,
    Reason.POSTERIOR_INVALID,
    Reason.PACKAGE_MISSING,
    Reason.DEFENSIVE_WEIGHTS,
    Reason.STATIC_WEIGHTS,
)
_NO_REGIME: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step on the way from the regime to the target."""

    name: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAccount:
    """One gate.

    Attributes:
        value: What was judged; None where it has no bound.
        on_fail: What failing does.
        flips: What would turn a failure into a pass, or a pass into a failure.
        binds: Whether the decision would be another, had it passed.
    """

    id: str
    status: str
    value: float | None
    comparator: str
    threshold: float
    unit: str
    on_fail: str
    flips: str
    binds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundAccount:
    """What would have to be otherwise for the decision to be another.

    Attributes:
        causes: One that binds alone, or several of which all would have to go.
        flips: What would flip each of them.
        instead: The target without them.
    """

    causes: tuple[str, ...]
    flips: tuple[str, ...]
    instead: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """A published code, and what it means."""

    code: str
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a decision is what it is.

    Attributes:
        intent: What was decided.
        target: The target position; None to abstain.
        wish: The position that the score asked for, before any gate.
        bound: What held it back; nothing where it is what was wished.
        sure: Whether ``bound`` holds as it stands; else if no order was in flight and a stop, where
            there is one, reduces only.
        reproduced: Whether concluding again from the row gave the row's target. Where it did not,
            ``bound`` is empty and means nothing.
        steps: The way from the regime to the target.
        gates: All of them, in the order applied.
        reasons: In fixed order.
        triggers: What asked for advice.
    """

    intent: str
    target: float | None
    wish: float
    bound: tuple[BoundAccount, ...]
    sure: bool
    reproduced: bool
    steps: tuple[Step, ...]
    gates: tuple[GateAccount, ...]
    reasons: tuple[Coded, ...]
    triggers: tuple[Coded, ...]


def explain(
    row: bytes,
    context: RenderContext,
    policies: GatePolicies,
    parameters: np.void,
    sessions: RowArray,
) -> Explanation:
    """Return why the decision in ``row`` is what it is.

    Args:
        row: As stored.
        context: What its rendering needs.
        policies: The gates as declared when it was made.
        parameters: The symbol's row of dtype ``PARAMETERS`` that was in force.
        sessions: Its calendar's openings, dtype ``SESSION``.
    """
    fields = decision_fields(row)
    bound = find_bound(fields, parameters)
    judged = Judged(
        row=fields, context=context, parameters=parameters, sessions=sessions, wish=bound.wish
    )
    return Explanation(
        intent=published_name(Intent(fields.intent)),
        target=None if fields.intent == Intent.ABSTAIN else fields.target,
        wish=bound.wish,
        bound=tuple(
            BoundAccount(
                causes=tuple(map(str, binding.causes)),
                flips=tuple(flip_of(judged, cause) for cause in binding.causes),
                instead=binding.instead,
            )
            for binding in bound.bindings
        ),
        sure=bound.sure,
        reproduced=bound.reproduced,
        steps=tuple(_steps(judged)),
        gates=tuple(_gates(judged, policies, bound)),
        reasons=tuple(
            Coded(code=reason.code, means=REASONS[reason])
            for reason in Reason
            if fields.reasons >> reason & 1
        ),
        triggers=tuple(
            Coded(code=published_name(trigger), means=TRIGGERS[trigger])
            for trigger in Trigger
            if fields.triggers >> trigger & 1
        ),
    )


def _steps(judged: Judged) -> Iterator[Step]:
    """Yield the way from the regime to the target."""
    row, unit = judged.row, judged.context.unit
    yield Step(name="regime", says=_regime(judged))
    yield Step(name="weights", says=_weights(row))
    yield Step(name="scores", says=_by_expert(row.scores, signed))
    spread = f"the experts' deviation from it is {number(row.disagreement)}"
    yield Step(name="score", says=f"{signed(row.score)}, weighted; {spread}")
    yield Step(name="confidence", says=_confidence(judged))
    yield Step(name="wish", says=_wish(judged))
    yield Step(name="gates", says=_failed(judged))
    if row.intent == Intent.ABSTAIN:
        yield Step(name="target", says="none: abstain")
        return
    change = "as before" if row.intent == Intent.HOLD else published_name(Intent(row.intent))
    yield Step(name="target", says=f"{signed(row.target)} {unit}, {change}")


def _regime(judged: Judged) -> str:
    """Return the posterior in words."""
    row, labels = judged.row, judged.context.regimes
    if not labels:
        return "none: no router package"
    shares = zip(labels, row.posterior, strict=False)
    posterior = " · ".join(f"{label} {number(share)}" for label, share in shares)
    likeliest = "not valid" if row.regime == _NO_REGIME else labels[row.regime]
    change = f"entropy {number(row.entropy)}, leaves with {number(row.transition)}"
    return f"{likeliest} ({posterior}); {change}"


def _weights(row: DecisionFields) -> str:
    """Return the weights and where they are from."""
    origin = [REASONS[reason] for reason in _WEIGHT_REASONS if row.reasons >> reason & 1]
    return f"{_by_expert(row.weights, number)}; {origin[0] if origin else 'from the regime'}"


def _confidence(judged: Judged) -> str:
    """Return the candidate's probability of a gain."""
    row = judged.row
    value = row.gate_value[Gate.CONFIDENCE_FLOOR]
    spread = (row.ask - row.bid) / row.reference_price
    volatility = number(row.gate_value[Gate.VOLATILITY])
    return f"{number(value)} to gain; spread {number(spread)}, volatility {volatility} per horizon"


def _wish(judged: Judged) -> str:
    """Return the position that the score asked for, and of what."""
    row, parameters = judged.row, judged.parameters
    lot = number(float(parameters["lot"]))
    of = f"{number(row.allotment)} {judged.context.currency} at {number(row.reference_price)}"
    if judged.wish == 0.0:
        return f"0: less than a lot of {lot} {judged.context.unit}, of {of}"
    return f"{signed(judged.wish)} {judged.context.unit}, in lots of {lot}, of {of}"


def _failed(judged: Judged) -> str:
    """Return the gates that failed, by name."""
    names = [
        name
        for (name, _, _), status in zip(judged.context.gates, judged.row.gate_status, strict=True)
        if status == GateStatus.FAIL
    ]
    return f"failed: {', '.join(names)}" if names else "all passed"


def _gates(judged: Judged, policies: GatePolicies, bound: Bound) -> Iterator[GateAccount]:
    """Yield every gate."""
    binding = {cause for one in bound.bindings for cause in one.causes}
    for gate, policy in zip(Gate, policies.gates, strict=True):
        status = GateStatus(judged.row.gate_status[gate])
        value = judged.row.gate_value[gate]
        flips = ""
        if status is GateStatus.FAIL:
            flips = flip_of(judged, Cause[gate.name])
        elif status is GateStatus.PASS:
            flips = margin_of(judged, gate)
        yield GateAccount(
            id=policy.id,
            status=_STATUSES[status],
            value=value if isfinite(value) else None,
            comparator=policy.comparator,
            threshold=threshold_of(judged, gate),
            unit=unit_of(judged, gate),
            on_fail=policy.on_fail,
            flips=flips,
            binds=Cause[gate.name] in binding,
        )


def _by_expert(values: Sequence[float], spell: Callable[[float], str]) -> str:
    """Return one number for each expert."""
    pairs = zip(_EXPERTS, values, strict=True)
    return " · ".join(f"{name} {spell(value)}" for name, value in pairs)
