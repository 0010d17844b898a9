"""A decision as it is published: what to do about one symbol, and everything that explains it.

``target_position`` binds and ``delta`` informs. ``hold`` keeps the target; ``abstain`` has none:
open nothing, cancel resting entries. Discard a decision past ``valid_until_ns``, or whose
``sequence`` is not above the symbol's last one. Quantities are in ``unit``, money and prices in
``currency``. Null stands for a number that was not computed or is not finite: among the values
that explain (entropy, posterior, scores, a gate's value), never among those to act on.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.block import BlockLineage
from torghut.schemas.codes import Gate, published_names
from torghut.schemas.context import ContextIdText, DecisionIdText, StreamName
from torghut.schemas.declarations.governance import GateName, GateUnit
from torghut.schemas.types import (
    Message,
    Nanoseconds,
    Real,
    SafeCount,
    Sha256,
    Symbol,
    Unsigned64,
)

IntentName = Literal["abstain", "hold", "buy", "sell"]
PathName = Literal["fast", "slow"]
ModeName = Literal["shadow", "paper", "live"]
BasisName = Literal["paper", "reported"]
ExpertName = Literal["trend", "reversal", "breakout", "defensive"]
GateStatusName = Literal["not-applicable", "pass", "fail"]
ComparatorName = Literal["<=", ">=", "=="]
FreshnessName = Literal["fresh", "stale", "missing", "not-applicable"]

CodeText = Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]
"""A reason or trigger. They explain; new ones are added without a new version of the schema."""

UnitText = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,12}$")]
NullableReal = Real | None

GATE_IDS: Final = published_names(Gate)

_ABSTAINS_WHOLLY: Final[dict[str, JsonValue]] = {
    "if": {"properties": {"intent": {"const": "abstain"}}},
    "then": {
        "properties": {
            "target_position": {"type": "null"},
            "delta": {"type": "null"},
            "confidence": {"const": 0},
        }
    },
    "else": {"properties": {"target_position": {"type": "number"}, "delta": {"type": "number"}}},
}
"""What ``Decision`` checks about abstaining, for readers that know only the JSON Schema."""


class GateResult(Message):
    """One check, as judged: ``value comparator threshold`` passes."""

    id: Annotated[GateName, Field(description="Which check.")]
    status: Annotated[GateStatusName, Field(description="Not applicable is declared, not assumed.")]
    value: Annotated[
        NullableReal, Field(description="What was judged; null where it has no bound.")
    ]
    comparator: Annotated[ComparatorName, Field(description="What passes.")]
    threshold: Annotated[Real, Field(description="As declared, or as set by control records.")]
    unit: Annotated[GateUnit, Field(description="base: the decision's unit; quote: its currency.")]


class Freshness(Message):
    """The age of one domain's newest information when it was decided."""

    status: Annotated[FreshnessName, Field(description="As the kernel judged it.")]
    age_ns: Annotated[Nanoseconds | None, Field(description="Null where nothing was ever seen.")]
    limit_ns: Annotated[Nanoseconds | None, Field(description="Null where not applicable.")]


class FreshnessByDomain(Message):
    """Every domain of information; not applicable is declared, never assumed."""

    market: Freshness
    news: Freshness
    fundamentals: Freshness


class ByExpert(Message):
    """One number for each expert."""

    trend: NullableReal
    reversal: NullableReal
    breakout: NullableReal
    defensive: NullableReal


class DecisionLineage(BlockLineage):
    """What the decision rests on besides context and state; empty where there is none.

    ``digest`` is the sha256 of the RFC 8785 form of the other keys, and stands in the row.
    """

    digest: Annotated[Sha256, Field(description="Of the other keys.")]

    @model_validator(mode="after")
    def _is_its_digest(self) -> Self:
        stated = self.model_dump(mode="json", exclude={"digest"})
        if sha256_hex(canonical_bytes(stated)) != self.digest:
            message = "a digest of the lineage that it stands beside"
            raise ValueError(message)
        return self


class Decision(Message):
    """Exactly one decision was made about a market context."""

    model_config = ConfigDict(json_schema_extra=_ABSTAINS_WHOLLY)

    type: Literal["decisions.decided.v1"] = "decisions.decided.v1"
    decision_id: Annotated[
        DecisionIdText, Field(description="Context id and the role that decided.")
    ]
    context_id: ContextIdText
    symbol: Annotated[Symbol, Field(description="The declared instrument, by venue.")]
    stream: Annotated[StreamName, Field(description="Kind of message that was decided about.")]
    source_sequence: Annotated[
        Unsigned64, Field(description="The context's, as its source counts.")
    ]
    sequence: Annotated[
        SafeCount, Field(description="Per symbol, gapless, in the order decided; from 1.")
    ]
    event_ns: Annotated[Nanoseconds, Field(description="When the context happened.")]
    receive_ns: Annotated[
        Nanoseconds, Field(description="When its context was received, by the ingress' clock.")
    ]
    decided_ns: Annotated[
        Nanoseconds, Field(description="The kernel's now: receive_ns, or when advice resolved.")
    ]
    valid_until_ns: Annotated[
        Nanoseconds, Field(description="Discard the decision after this, on the receive clock.")
    ]
    intent: Annotated[IntentName, Field(description="What to do about the symbol.")]
    path: Annotated[PathName, Field(description="slow where advice was wanted.")]
    mode: Annotated[
        ModeName, Field(description="shadow never trades, paper simulates, live trades.")
    ]
    target_position: Annotated[
        NullableReal, Field(description="Position to hold from here on; null to abstain. Binds.")
    ]
    delta: Annotated[
        NullableReal, Field(description="Target minus position; null to abstain. Informs.")
    ]
    unit: Annotated[UnitText, Field(description="Of target, delta and position.")]
    currency: Annotated[UnitText, Field(description="Of prices, notionals and equity.")]
    reference_price: Annotated[Real, Field(description="Mid price that was decided on.")]
    bid: Annotated[Real, Field(description="Best bid that was decided on.")]
    ask: Annotated[Real, Field(description="Best ask that was decided on.")]
    position: Annotated[Real, Field(description="Position that the decision started from.")]
    position_basis: Annotated[BasisName, Field(description="Book that it was taken from.")]
    position_age_ns: Annotated[
        Nanoseconds | None, Field(description="Age of that book; null where never reported.")
    ]
    confidence: Annotated[
        float,
        Field(
            strict=True,
            ge=0,
            le=1,
            description="Probability that the target gains net of costs over the instrument's "
            "declared horizon; 0 to abstain and for a target of 0.",
        ),
    ]
    notional_cap: Annotated[Real, Field(description="Largest notional of the target in this mode.")]
    allotment: Annotated[Real, Field(description="The symbol's share of the portfolio's cap.")]
    paper_equity: Annotated[
        Real, Field(description="Of the paper book at the mid price; 0 at birth.")
    ]
    reasons: Annotated[tuple[CodeText, ...], Field(description="What shaped it, in fixed order.")]
    triggers: Annotated[tuple[CodeText, ...], Field(description="What asked for advice.")]
    regime: Annotated[
        str | None, Field(description="The likeliest; null without a valid posterior.")
    ]
    posterior: Annotated[
        dict[str, NullableReal], Field(description="Filtered probability of each regime.")
    ]
    entropy: Annotated[
        NullableReal, Field(description="Of the posterior, from 0 (certain) to 1 (uniform).")
    ]
    transition_probability: Annotated[
        NullableReal, Field(description="That the next sample is in another regime.")
    ]
    expert_scores: Annotated[ByExpert, Field(description="From -1 (sell) to 1 (buy).")]
    router_weights: Annotated[ByExpert, Field(description="In [0, 1], together 1.")]
    lead_expert: Annotated[ExpertName, Field(description="The one with the largest weight.")]
    blended_score: Annotated[NullableReal, Field(description="Weighted sum of the scores.")]
    disagreement: Annotated[NullableReal, Field(description="Weighted deviation of the scores.")]
    gates: Annotated[
        tuple[GateResult, ...],
        Field(min_length=len(Gate), max_length=len(Gate), description="Every gate, as applied."),
    ]
    freshness: Annotated[FreshnessByDomain, Field(description="Age of what was known.")]
    lineage: Annotated[DecisionLineage, Field(description="What it rests on, by digest.")]

    @model_validator(mode="after")
    def _abstains_wholly(self) -> Self:
        abstains = self.intent == "abstain"
        if {self.target_position is None, self.delta is None} != {abstains}:
            message = "a target and a delta unless the intent is abstain, and none then"
            raise ValueError(message)
        if abstains and self.confidence != 0:
            message = "confidence 0 where the intent is abstain"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        named = f":{self.symbol}:{self.stream}:{self.source_sequence}"
        if not self.context_id.endswith(named) or len(self.context_id) != 32 + len(named):
            message = "a context id made of symbol, stream and source sequence"
            raise ValueError(message)
        if not self.decision_id.startswith(self.context_id + "/"):
            message = "a decision id that begins with the context id"
            raise ValueError(message)
        if self.regime is not None and self.regime not in self.posterior:
            message = "a regime that the posterior names"
            raise ValueError(message)
        if tuple(gate.id for gate in self.gates) != GATE_IDS:
            message = f"the gates {', '.join(GATE_IDS)}, in this order"
            raise ValueError(message)
        return self
