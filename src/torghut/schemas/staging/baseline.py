"""A baseline: what a log came to when it was captured, frozen for every later comparison."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torghut.schemas.declarations.fields import Name
from torghut.schemas.governing.fields import Reading
from torghut.schemas.staging.test_report import Commit
from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount, Sha256, Symbol

FreshnessDomain = Literal["market", "news", "fundamentals"]


class CapturedHead(Message):
    """The last block of a partition."""

    partition: SafeCount
    number: SafeCount
    digest: Sha256


class CapturedLog(Message):
    """Which log, as far as it went."""

    root: Sha256
    heads: Annotated[tuple[CapturedHead, ...], Field(min_length=1)]
    first_ns: Annotated[Nanoseconds, Field(description="Receive time of the first decision.")]
    last_ns: Nanoseconds


class DrawdownProfile(Message):
    """How the paper book's equity fell below its peak, on the decisions that a course keeps."""

    points: SafeCount
    under_water_ratio: Annotated[Real, Field(description="Of the points: below the peak.")]
    median: Annotated[Real, Field(description="Depth in the quote currency, all points.")]
    p95: Annotated[Real, Field(description="Depth not exceeded in 95 of 100 points.")]
    longest_ns: Annotated[Nanoseconds, Field(description="Longest stay below one peak.")]


class SymbolBaseline(Message):
    """One symbol: how good its decisions were, and what its paper book came to."""

    symbol: Symbol
    currency: Identifier
    allotment: Real
    decided: SafeCount
    refused: SafeCount
    hit_ratio: Annotated[
        Reading, Field(description="Graded decisions that gained more than they cost.")
    ]
    brier: Annotated[Reading, Field(description="Of the confidence against that.")]
    net_gain: Annotated[Real, Field(description="Of the paper book, net of all costs.")]
    fees: Real
    slippage: Real
    turnover: Real
    changes: SafeCount
    drawdown: Annotated[Real, Field(description="Deepest fall below the peak.")]
    drawdown_profile: Annotated[
        DrawdownProfile | None, Field(description="Null where no course was kept.")
    ]


class DomainFreshness(Message):
    """How fresh one domain was for the decisions that require it."""

    domain: FreshnessDomain
    stale_ratio: Reading
    age_p50_ms: Annotated[Real | None, Field(description="Of decisions with a known age.")]
    age_p95_ms: Real | None


class FallbackRates(Message):
    """How often the safe path answered."""

    router: Annotated[
        Reading, Field(description="Defensive weights, of decisions that the router serves.")
    ]
    reasoning: Annotated[Reading, Field(description="No advice, of decisions that asked for it.")]
    by_reason: Annotated[dict[str, SafeCount], Field(description="Decisions, by reason.")]


class Baseline(Message):
    """What a log came to; kept under its own digest and never written again."""

    type: Literal["rollout.baseline.v1"] = "rollout.baseline.v1"
    name: Name
    log: CapturedLog
    commit: Annotated[Commit | None, Field(description="Null where nobody said which.")]
    kernel_version: SafeCount
    kernel_build: Sha256
    declarations: Annotated[
        tuple[Sha256, ...], Field(min_length=1, description="Under which it was decided.")
    ]
    packages: Annotated[tuple[Sha256, ...], Field(description="That served, by digest.")]
    contexts: SafeCount
    decided: SafeCount
    refused: SafeCount
    refusals: Annotated[dict[str, SafeCount], Field(description="By code.")]
    controls: Annotated[dict[str, SafeCount], Field(description="Control records, by kind.")]
    symbols: tuple[SymbolBaseline, ...]
    fallback: FallbackRates
    freshness: tuple[DomainFreshness, ...]
