"""What a run report says, as plain frozen values: everything the page and the screen show.

Names are the published ones (``buy``, ``market.crossed-book``). Money is in each symbol's quote
currency and simulated: the paper book's, net of spread, slippage and fees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitWindow:
    """A router package that serves, and the data that it was fitted on.

    Attributes:
        package: Its name.
        digest: Its digest.
        from_ns: First instant of that data.
        to_ns: Last instant of that data.
        overlaps: Whether it served a decision that was made before ``to_ns``.
    """

    package: str
    digest: str
    from_ns: int
    to_ns: int
    overlaps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What only the command that ran it knows about a run.

    Attributes:
        source_kind: Name of the source's layout.
        parts: Names of its files or feeds.
        licence: Licence of the data; empty where unknown.
        assumptions: What was assumed about the source.
        log: Where the log is, as one would type it.
        page: Where the page is; empty if none is written.
        root: The run's root.
        head_number: Number of the log's last block.
        head_digest: And its digest.
        commands: What to type next.
    """

    source_kind: str
    parts: Sequence[str]
    licence: str
    assumptions: Mapping[str, str]
    log: str
    page: str
    root: str
    head_number: int
    head_digest: str
    commands: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What one way of deciding about one symbol came to, simulated.

    Attributes:
        gain: From the first decision to the last, marked at the mid price, net of all costs.
        fees: Paid in fees.
        slippage: Paid to the spread and in slippage.
        turnover: Traded notional.
        drawdown: Deepest fall of the equity below its peak.
        changes: Decisions that changed the target.
    """

    gain: float
    fees: float
    slippage: float
    turnover: float
    drawdown: float
    changes: int


# No repr: asyncio.run spells out what it returns, and this would take it seconds.
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Series:
    """A symbol's course, every ``stride``-th decision; the last point is the last decision.

    All are of one length. ``low high intents regimes gates`` cover all decisions from a point to
    the next; the rest is of the point's own decision. The last point covers nothing more.

    Attributes:
        stride: Decisions that a point stands for.
        time_ns: Receive times.
        price: Reference price.
        low: Lowest reference price.
        high: Highest reference price.
        weights: Of trend, reversal, breakout and defensive.
        target: None where it abstained.
        position: As in the row.
        equity: Of the serving arm, less its first.
        holding: Equity of buying once and holding.
        trend: Equity of the static trend baseline, less its first; empty without one.
        intents: How many abstained, held, bought, sold.
        regimes: How many were in each regime, by rising volatility; last: in none.
        gates: How many failed each gate.
    """

    stride: int
    time_ns: tuple[int, ...]
    price: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    target: tuple[float | None, ...]
    position: tuple[float, ...]
    equity: tuple[float, ...]
    holding: tuple[float, ...]
    trend: tuple[float, ...]
    intents: tuple[tuple[int, ...], ...]
    regimes: tuple[tuple[int, ...], ...]
    gates: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolReport:
    """One symbol's share of a run.

    Attributes:
        symbol: The declared instrument.
        currency: Of all its money.
        unit: Of its positions.
        allotment: At the last decision.
        first_ns: Receive time of its first decision.
        last_ns: Receive time of its last decision.
        decided: Decisions.
        refusals: By code.
        intents: All decisions.
        intents_warm: Those after the warm-up.
        leads: By the expert with the largest weight.
        leads_warm: Those after the warm-up.
        paths: ``fast`` and ``slow``.
        modes: By mode.
        regimes: By label; ``none`` without a package.
        reasons: By code.
        triggers: By what asked for advice.
        gates: By the gate that failed.
        serving: What was decided.
        holding: Buying once and holding.
        trend: The static trend baseline, if it was asked for.
        trend_differs: Decisions whose intent is not the baseline's.
        regime_labels: By rising volatility; empty without a package.
        series: Its course, of the first symbols only.
    """

    symbol: str
    currency: str
    unit: str
    allotment: float
    first_ns: int
    last_ns: int
    decided: int
    refusals: Counts
    intents: Counts
    intents_warm: Counts
    leads: Counts
    leads_warm: Counts
    paths: Counts
    modes: Counts
    regimes: Counts
    reasons: Counts
    triggers: Counts
    gates: Counts
    serving: Performance
    holding: Performance
    trend: Performance | None
    trend_differs: int
    regime_labels: tuple[str, ...]
    series: Series | None

    @property
    def refused(self) -> int:
        """Return how many of its contexts were refused."""
        return sum(self.refusals.values())

    @property
    def abstain_ratio(self) -> float | None:
        """Return the share of abstentions after the warm-up; None if it never ended."""
        warm = sum(self.intents_warm.values())
        return self.intents_warm["abstain"] / warm if warm else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalExample:
    """One of the first refusals of a code: where to find it, and how it began if undecodable."""

    code: str
    where: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDifference:
    """A shadow arm, and how often it would have told the loop something else."""

    arm: str
    decisions: int
    intents_differ: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceReport:
    """How fast it went; None where nothing was measured. Quantiles are up to 5 % too high.

    Attributes:
        blocks: Blocks made durable while the report listened.
        elapsed_ns: From the beginning to the last of them, on the wall clock.
        decide_p50_ns: To decide, hash and pack one context, in the middle block; reading the
            source is not in it.
        decide_p99_ns: The same for all but the slowest 1 % of the contexts.
        durable_p50_ns: From a whole block until the loop knew it durable, the next batch being
            decided meanwhile, for half of the blocks.
        durable_p99_ns: And for 99 %.
        durable_max_ns: The longest.
        per_second: Contexts a second.
    """

    blocks: int
    elapsed_ns: int
    decide_p50_ns: int | None
    decide_p99_ns: int | None
    durable_p50_ns: int | None
    durable_p99_ns: int | None
    durable_max_ns: int | None
    per_second: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """What failing a gate does, as declared."""

    gate: str
    on_fail: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One run, or one log, summed up.

    Attributes:
        facts: What the command knows.
        kernel_version: As in the block header.
        kernel_build: As in the block header.
        declarations: Digest of those in force at the end.
        first_block: Number of the first block taken in; those before it are not in the report.
        blocks: Blocks taken in.
        contexts: All contexts, refused and undecodable ones included.
        decided: Decisions.
        refused: Contexts refused, undecodable ones included.
        controls: New control records, by kind.
        repeated_controls: Control records that had been taken before.
        refused_controls: Control records under an id that another had.
        unattributed: Refusals of records that name no symbol, by code.
        examples: The first refusals of each code.
        symbols: In the order first seen.
        arms: Shadow arms.
        fits: The packages that serve the symbols, as of the end.
        trend_left_out: Why there is no static trend baseline; empty if there is one.
        gates: Every gate in the order applied.
        pace: How fast it went.
    """

    facts: RunFacts
    kernel_version: int
    kernel_build: str
    declarations: str
    first_block: int
    blocks: int
    contexts: int
    decided: int
    refused: int
    controls: Counts
    repeated_controls: int
    refused_controls: int
    unattributed: Counts
    examples: tuple[RefusalExample, ...]
    symbols: tuple[SymbolReport, ...]
    arms: tuple[ArmDifference, ...]
    fits: tuple[FitWindow, ...]
    trend_left_out: str
    gates: tuple[GateRule, ...]
    pace: PaceReport

    @property
    def first_ns(self) -> int:
        """Return the receive time of the first decision; 0 without one."""
        return min((one.first_ns for one in self.symbols if one.decided), default=0)

    @property
    def last_ns(self) -> int:
        """Return the receive time of the last decision; 0 without one."""
        return max((one.last_ns for one in self.symbols), default=0)

    @property
    def refusals(self) -> dict[str, int]:
        """Return all refusals by code, most frequent first."""
        return total((*(one.refusals for one in self.symbols), self.unattributed))

    @property
    def balanced(self) -> bool:
        """Whether every context has exactly one outcome."""
        return self.contexts == self.decided + self.refused


def total(counts: Sequence[Counts]) -> dict[str, int]:
    """Return the sums of several counts by name, largest first, then by name."""
    sums: dict[str, int] = {}
    for one in counts:
        for name, number in one.items():
            sums[name] = sums.get(name, 0) + number
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
