"""A decision row as the context that is shown to whoever advises."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torghut.kernel.units import NS_PER_S
from torghut.schemas.codes import (
    Domain,
    Expert,
    Gate,
    GateStatus,
    Reason,
    Trigger,
    published_name,
)
from torghut.schemas.leaf import DecisionFields, decision_fields
from torghut.schemas.reasoning.context import AdviceContext, Fact, Passage

_BPS: Final = 10_000.0
_DIGITS: Final = 6
"""Significant digits that are shown: the others only make prompts that differ for no reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLegend:
    """What the numbers of a row mean.

    Attributes:
        symbol: The declared instrument.
        regimes: Labels of the router package's regimes; none without one.
        multiplier: Quote currency per unit and unit of price.
    """

    symbol: str
    regimes: Sequence[str]
    multiplier: float


def advice_context(row: bytes, legend: RowLegend, passages: Sequence[Passage]) -> AdviceContext:
    """Return what is shown of a context that waits for advice.

    Args:
        row: What is known: a row of dtype ``DECISION`` that is no decision.
        legend: Of its symbol.
        passages: As ``shown_passages`` gives them.

    Raises:
        LeafVersionError: The row is of a layout that is not known here.
    """
    fields = decision_fields(row)
    return AdviceContext(
        symbol=legend.symbol,
        event_ns=fields.event_ns,
        triggers=tuple(published_name(one) for one in Trigger if fields.triggers >> one & 1),
        facts=(
            *_regime(fields, legend),
            *_experts(fields),
            *_book(fields, legend),
            *_market(fields),
            *_gates(fields),
            *_freshness(fields),
            *_notes(fields),
        ),
        passages=tuple(passages),
    )


def _regime(fields: DecisionFields, legend: RowLegend) -> Iterator[Fact]:
    """Yield what the regime filter believes."""
    for label, probability in zip(legend.regimes, fields.posterior, strict=False):
        yield _number(f"regime:{label}", probability, "probability")
    yield _number("regime:entropy", fields.entropy, "ratio")
    yield _number("regime:leaving", fields.transition, "probability")


def _experts(fields: DecisionFields) -> Iterator[Fact]:
    """Yield what the experts say, and what each of them weighs."""
    for expert in Expert:
        name = published_name(expert)
        yield _number(f"expert:{name}.score", fields.scores[expert], "score")
        yield _number(f"expert:{name}.weight", fields.weights[expert], "ratio")
    yield _number("blend:score", fields.score, "score")
    yield _number("blend:disagreement", fields.disagreement, "ratio")
    yield _number("blend:confidence", fields.confidence, "probability")


def _book(fields: DecisionFields, legend: RowLegend) -> Iterator[Fact]:
    """Yield position, proposal and budget, in shares of the allotment: no amount is shown."""
    unit = fields.reference_price * legend.multiplier
    allowed = min(fields.notional_cap, fields.allotment)  # a cap that is unknown leaves it unknown

    def share(quantity: float) -> float:
        return quantity * unit / fields.allotment if fields.allotment > 0.0 else math.nan

    yield _number("book:position", share(fields.position), "ratio")
    yield _number("book:proposed", share(fields.target), "ratio")
    left = share(allowed / unit - abs(fields.position)) if unit > 0.0 else math.nan
    yield _number("book:left", max(left, 0.0), "ratio")
    yield _number("book:turnover", fields.gate_value[Gate.TURNOVER], "ratio")
    yield _number("book:drawdown", fields.gate_value[Gate.DRAWDOWN], "ratio")
    age_s = fields.position_age_ns / NS_PER_S if fields.position_age_ns >= 0 else math.nan
    yield _number("book:position.age", age_s, "seconds")


def _market(fields: DecisionFields) -> Iterator[Fact]:
    """Yield what trading costs now, and how far the price usually moves over a horizon."""
    price = fields.reference_price
    spread = (fields.ask - fields.bid) / price * _BPS if price > 0.0 else math.nan
    yield _number("market:spread", spread, "bps")
    yield _number("market:volatility", fields.gate_value[Gate.VOLATILITY], "ratio")


def _gates(fields: DecisionFields) -> Iterator[Fact]:
    """Yield what each gate found."""
    for gate in Gate:
        status = published_name(GateStatus(fields.gate_status[gate]))
        yield Fact(id=f"gate:{published_name(gate)}", value=status, unit="words")


def _freshness(fields: DecisionFields) -> Iterator[Fact]:
    """Yield how old what is known is."""
    for domain in Domain:
        age_ns = fields.age_ns[domain]
        age_s = age_ns / NS_PER_S if age_ns >= 0 else math.nan
        yield _number(f"age:{published_name(domain)}", age_s, "seconds")


def _notes(fields: DecisionFields) -> Iterator[Fact]:
    """Yield what the kernel remarked already."""
    for reason in Reason:
        if fields.reasons >> reason & 1:
            yield Fact(id=f"note:{reason.code}", value="yes", unit="words")


def _number(
    name: str, value: float, unit: Literal["ratio", "probability", "seconds", "bps", "score"]
) -> Fact:
    """Return a number as it is shown: rounded; null where it is not known."""
    shown = float(f"{value:.{_DIGITS}g}") + 0.0 if math.isfinite(value) else None
    return Fact(id=name, value=shown, unit=unit)
