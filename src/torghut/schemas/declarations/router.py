"""The router: experts, and when their regime weights may serve."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Count, Name, Ratio, Why
from torghut.schemas.types import Message

Feature = Literal[
    "mid",
    "fast",
    "slow",
    "variance_fast",
    "variance_slow",
    "channel_high",
    "channel_low",
]
"""A statistic of the kernel's state that an expert may look at."""


class Affinity(Message):
    """How much an expert counts in each regime; regimes a model lacks are not used."""

    calm: Ratio
    normal: Ratio
    elevated: Ratio
    turbulent: Ratio


class ExpertDeclaration(Message):
    """One expert: where it counts, how far, and what it looks at."""

    kind: Literal["expert.v1"]
    expert: Literal["trend", "reversal", "breakout", "defensive"]
    why: Why
    affinity: Affinity
    weight_min: Ratio
    weight_max: Ratio
    score_gain: Annotated[
        float, Field(ge=0, le=100, description="Score per long-run volatility of distance.")
    ]
    inputs: tuple[Feature, ...]
    stale_after_samples: Annotated[
        Count, Field(description="A pause after which its features describe another market.")
    ]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.weight_min > self.weight_max:
            message = "weight_min <= weight_max"
            raise ValueError(message)
        return self


class ExpertShares(Message):
    """A share for each expert; together 1."""

    trend: Ratio
    reversal: Ratio
    breakout: Ratio
    defensive: Ratio

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.trend + self.reversal + self.breakout + self.defensive
        if abs(total - 1.0) > 1e-9:  # noqa: PLR2004 - rounding of four decimal shares
            message = "shares that sum to 1"
            raise ValueError(message)
        return self


class PackageNames(Message):
    """The router packages that may serve an asset class."""

    fx: tuple[Name, ...]
    crypto: tuple[Name, ...]
    index: tuple[Name, ...]


class ConfidenceModel(Message):
    """log-odds of a gain = bias + score * |score| - cost * (round trip / one sigma)."""

    bias: float
    score: Annotated[float, Field(ge=0)]
    cost: Annotated[float, Field(ge=0)]


class RouterPolicy(Message):
    """When the regime weights may serve, and what serves when they may not."""

    kind: Literal["router-policy.v1"]
    why: Why
    entropy_max_ratio: Ratio
    shock_max_ratio: Ratio
    static_weights: ExpertShares
    defensive_weights: ExpertShares
    fallback_order: Annotated[
        tuple[Literal["last-known-good", "defensive"], ...], Field(min_length=1)
    ]
    packages: PackageNames
    confidence_without_package: ConfidenceModel

    @model_validator(mode="after")
    def _ends_safely(self) -> Self:
        if self.fallback_order[-1] != "defensive":
            message = "a fallback_order that ends in defensive"
            raise ValueError(message)
        return self
