"""The runtime's service levels: what is promised, how much must be seen, over which windows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Count, Milliseconds, Ratio, Why
from torghut.schemas.types import Message

WindowName = Literal["1h", "24h"]

WINDOW_MS: Final[Mapping[WindowName, int]] = MappingProxyType({"1h": 3_600_000, "24h": 86_400_000})
"""How long each window is."""


class AvailabilityTarget(Message):
    """Accepted contexts whose outcome was durable in time, of all accepted ones."""

    ratio_min: Ratio
    contexts_min: Annotated[Count, Field(description="Of fewer nothing is said.")]


class LatencyTarget(Message):
    """From the moment that a context came in until its outcome was durable."""

    p95_max_ms: Annotated[Milliseconds, Field(gt=0)]
    outcomes_min: Count


class ReasoningTarget(Message):
    """Decisions that asked for advice and were answered without it, timeouts included."""

    fallback_ratio_max: Ratio
    decisions_min: Count


class FreshnessTarget(Message):
    """Decisions for which the domain was as fresh as their instrument requires."""

    fresh_ratio_min: Ratio
    decisions_min: Count


class MarketContextTarget(Message):
    """By domain."""

    news: FreshnessTarget
    fundamentals: FreshnessTarget


class RouterTarget(Message):
    """Decisions for which defensive weights stood in for the router, of those that it serves."""

    fallback_ratio_max: Ratio
    decisions_min: Count


class SloPolicy(Message):
    """What the runtime promises, in every window alike."""

    kind: Literal["slo-policy.v1"]
    why: Why
    windows: Annotated[tuple[WindowName, ...], Field(min_length=1, description="Shortest first.")]
    availability: AvailabilityTarget
    fast_path: LatencyTarget
    reasoning: ReasoningTarget
    market_context: MarketContextTarget
    router: RouterTarget

    @model_validator(mode="after")
    def _shortest_first(self) -> Self:
        if list(self.windows) != sorted(set(self.windows), key=lambda one: WINDOW_MS[one]):
            message = "each window once, the shortest first"
            raise ValueError(message)
        return self


class BaselineTolerances(Message):
    """How much worse than a baseline each figure may be; a figure that got better is no matter."""

    hit_ratio_drop: Ratio
    brier_rise: Ratio
    net_ratio_drop: Annotated[
        Ratio, Field(description="Of the allotment: net gain a decision, less.")
    ]
    drawdown_ratio_rise: Annotated[Ratio, Field(description="Of the allotment.")]
    fallback_ratio_rise: Ratio
    stale_ratio_rise: Ratio
    refused_ratio_rise: Ratio


class BaselinePolicy(Message):
    """When a comparison with a baseline says that something got worse."""

    kind: Literal["baseline-policy.v1"]
    why: Why
    decisions_min: Annotated[Count, Field(description="Of fewer graded decisions nothing is said.")]
    tolerances: BaselineTolerances
