"""A decision as a trading loop reads it: ``schemas.decision.Decision``, quick to load and to read.

The published schema is the promise; a test holds these names and types to it.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

IntentName = Literal["abstain", "hold", "buy", "sell"]
ModeName = Literal["shadow", "paper", "live"]


class GateResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One check, as judged."""

    id: str
    status: Literal["not-applicable", "pass", "fail"]
    value: float | None
    comparator: Literal["<=", ">=", "=="]
    threshold: float
    unit: str


class Freshness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The age of one domain's newest information when it was decided."""

    status: Literal["fresh", "stale", "missing", "not-applicable"]
    age_ns: int | None
    limit_ns: int | None


class FreshnessByDomain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every domain of information."""

    market: Freshness
    news: Freshness
    fundamentals: Freshness


class ByExpert(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number for each expert."""

    trend: float | None
    reversal: float | None
    breakout: float | None
    defensive: float | None


class DecisionLineage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the decision rests on, by digest."""

    arm: str
    kernel_version: int
    declarations: str
    package: str
    control: str
    digest: str


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do about one symbol, and everything that explains it.

    ``target_position`` binds, also for ``hold``; to ``abstain`` has none. Times are nanoseconds,
    prices in ``currency``, quantities in ``unit``.
    """

    type: Literal["decisions.decided.v1"]
    decision_id: str
    context_id: str
    symbol: str
    stream: Literal["quote", "trade", "depth", "bar"]
    source_sequence: int
    sequence: int
    event_ns: int
    receive_ns: int
    decided_ns: int
    valid_until_ns: int
    intent: IntentName
    path: Literal["fast", "slow"]
    mode: ModeName
    target_position: float | None
    delta: float | None
    unit: str
    currency: str
    reference_price: float
    bid: float
    ask: float
    position: float
    position_basis: Literal["paper", "reported"]
    position_age_ns: int | None
    confidence: float
    notional_cap: float
    allotment: float
    paper_equity: float
    reasons: tuple[str, ...]
    triggers: tuple[str, ...]
    regime: str | None
    posterior: dict[str, float | None]
    entropy: float | None
    transition_probability: float | None
    expert_scores: ByExpert
    router_weights: ByExpert
    lead_expert: Literal["trend", "reversal", "breakout", "defensive"]
    blended_score: float | None
    disagreement: float | None
    gates: tuple[GateResult, ...]
    freshness: FreshnessByDomain
    lineage: DecisionLineage

    def __post_init__(self) -> None:
        """Refuse what must never be acted on; msgspec makes it a refusal of the message."""
        acted_on = (self.bid, self.ask, self.position, self.target_position or 0.0)
        if not all(map(math.isfinite, acted_on)):
            message = "expected finite numbers to act on"
            raise ValueError(message)
        if (self.target_position is None) != (self.intent == "abstain"):
            message = "expected a target unless the intent is abstain, and none then"
            raise ValueError(message)

    @property
    def raises_exposure(self) -> bool:
        """Whether it opens, turns round or enlarges the position that it started from."""
        target = self.target_position or 0.0
        return abs(target) > abs(self.position) or target * self.position < 0
