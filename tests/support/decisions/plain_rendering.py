"""The plain way to render a decision: spelled anew for each row, field by field.

It is what the quick way of ``torghut.decisions.rendering`` is compared with, byte for byte.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import msgspec

from torghut.decisions.render_context import RenderContext
from torghut.kernel.ids import source_key_of_words
from torghut.schemas.codes import (
    Domain,
    Expert,
    Gate,
    GateStatus,
    Intent,
    Mode,
    Path,
    PositionBasis,
    Reason,
    Stream,
    Trigger,
    published_names,
)
from torghut.schemas.leaf import DecisionFields, decision_fields

_NO_REGIME: Final = 255
_STALE_BITS: Final = (Reason.STALE_MARKET, Reason.STALE_NEWS, Reason.STALE_FUNDAMENTALS)


def plainly(row: bytes, context: RenderContext) -> bytes:
    """Return a row, which is what its layout, symbol and lineage allow, as published JSON."""
    return msgspec.json.encode(_decision(decision_fields(row), context))


def _decision(row: DecisionFields, context: RenderContext) -> dict[str, object]:
    """Return ``row`` in words; of what may be not finite the encoder makes null."""
    abstains = row.intent == Intent.ABSTAIN
    stream = published_names(Stream)[row.stream]
    source = source_key_of_words(row.source_low, row.source_high).hex()
    context_id = f"{source}:{context.symbol}:{stream}:{row.source_sequence}"
    return {
        "type": "decisions.decided.v1",
        "decision_id": context_id + context.suffix,
        "context_id": context_id,
        "symbol": context.symbol,
        "stream": stream,
        "source_sequence": str(row.source_sequence),
        "sequence": row.sequence,
        "event_ns": str(row.event_ns),
        "receive_ns": str(row.receive_ns),
        "decided_ns": str(row.decided_ns),
        "valid_until_ns": str(row.valid_until_ns),
        "intent": published_names(Intent)[row.intent],
        "path": published_names(Path)[row.path],
        "mode": published_names(Mode)[row.mode],
        "target_position": None if abstains else row.target,
        "delta": None if abstains else row.delta,
        "unit": context.unit,
        "currency": context.currency,
        "reference_price": row.reference_price,
        "bid": row.bid,
        "ask": row.ask,
        "position": row.position,
        "position_basis": published_names(PositionBasis)[row.basis],
        "position_age_ns": _age(row.position_age_ns),
        "confidence": row.confidence,
        "notional_cap": row.notional_cap,
        "allotment": row.allotment,
        "paper_equity": row.equity,
        "reasons": _bits(Reason, row.reasons),
        "triggers": _bits(Trigger, row.triggers),
        "regime": _regime(row, context),
        "posterior": dict(zip(context.regimes, row.posterior, strict=False)),
        "entropy": row.entropy,
        "transition_probability": row.transition,
        "expert_scores": dict(zip(published_names(Expert), row.scores, strict=True)),
        "router_weights": dict(zip(published_names(Expert), row.weights, strict=True)),
        "lead_expert": published_names(Expert)[row.lead],
        "blended_score": row.score,
        "disagreement": row.disagreement,
        "gates": _gates(row, context),
        "freshness": _freshness(row, context),
        "lineage": msgspec.Raw(context.lineage),
    }


def _gates(row: DecisionFields, context: RenderContext) -> list[dict[str, object]]:
    """Return every gate as judged."""
    thresholds = list(context.thresholds)
    thresholds[Gate.ALLOTMENT] = row.allotment
    thresholds[Gate.NOTIONAL] = row.notional_cap
    return [
        {
            "id": name,
            "status": published_names(GateStatus)[status],
            "value": value,
            "comparator": comparator,
            "threshold": limit,
            "unit": unit,
        }
        for (name, comparator, unit), status, value, limit in zip(
            context.gates, row.gate_status, row.gate_value, thresholds, strict=True
        )
    ]


def _freshness(row: DecisionFields, context: RenderContext) -> dict[str, dict[str, object]]:
    """Return every domain's age, and what the kernel made of it."""
    return {
        name: {
            "status": _verdict(age, limit, row.reasons >> bit & 1),
            "age_ns": _age(age),
            "limit_ns": None if limit is None else str(limit),
        }
        for name, bit, age, limit in zip(
            published_names(Domain), _STALE_BITS, row.age_ns, context.limits_ns, strict=True
        )
    }


def _verdict(age_ns: int, limit_ns: int | None, stale: int) -> str:
    """Return the freshness of one domain; ``stale`` is the kernel's own judgement."""
    if limit_ns is None:
        return "not-applicable"
    if age_ns < 0:
        return "missing"
    return "stale" if stale else "fresh"


def _regime(row: DecisionFields, context: RenderContext) -> str | None:
    """Return the label of the likeliest regime, None where there is none."""
    return None if row.regime == _NO_REGIME else context.regimes[row.regime]


def _bits(kind: type[IntEnum], word: int) -> tuple[str, ...]:
    """Return the published names of the bits set in ``word``, lowest first."""
    return tuple(name for bit, name in enumerate(published_names(kind)) if word >> bit & 1)


def _age(age_ns: int) -> str | None:
    """Return an age, None where nothing was ever seen."""
    return None if age_ns < 0 else str(age_ns)
