"""Compares two baselines, figure by figure: what differs, and what got worse than allowed.

A figure that the first has and the second lacks got worse. One that was measured on too little says
nothing, and is shown as that. Money is compared in parts of the symbol's allotment, so that limits
hold for small symbols and large ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torghut.kernel.units import NS_PER_S
from torghut.schemas.declarations.staging.slo import BaselinePolicy
from torghut.schemas.governing.fields import Reading
from torghut.schemas.staging.baseline import Baseline, DrawdownProfile, SymbolBaseline

Verdict = Literal["within", "worse", "gone", "insufficient", "not-applicable", "shown"]
"""``worse`` and ``gone`` exceed what is tolerated; ``shown`` has no tolerance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One figure of two baselines.

    Attributes:
        figure: What it is.
        of: The symbol or domain; empty for the whole.
        before: In the first; None where it was not measured.
        after: In the second.
        tolerance: How much worse it may be; None where it is only shown.
    """

    figure: str
    of: str
    before: float | None
    after: float | None
    tolerance: float | None
    verdict: Verdict

    @property
    def change(self) -> float | None:
        """Return by how much the figure moved; None where there are not two."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def exceeds(self) -> bool:
        """Whether it got worse than is tolerated."""
        return self.verdict in {"worse", "gone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """A figure with its limit.

    Attributes:
        rising: Whether it gets worse by rising.
    """

    name: str
    of: str
    tolerance: float
    rising: bool


def compare(before: Baseline, after: Baseline, policy: BaselinePolicy) -> tuple[Difference, ...]:
    """Return every figure of the two, the whole first, then symbol by symbol."""
    return tuple(_differences(before, after, policy))


def _differences(before: Baseline, after: Baseline, policy: BaselinePolicy) -> Iterator[Difference]:
    limits = policy.tolerances
    refused = _Figure(name="refused ratio", of="", tolerance=limits.refused_ratio_rise, rising=True)
    yield _judged(refused, _refused(before), _refused(after))
    fallback = limits.fallback_ratio_rise
    for name, one, other in (
        ("router fallback ratio", before.fallback.router, after.fallback.router),
        ("reasoning fallback ratio", before.fallback.reasoning, after.fallback.reasoning),
    ):
        figure = _Figure(name=name, of="", tolerance=fallback, rising=True)
        yield _read(figure, one, other, policy.decisions_min)
    for domain, later in zip(before.freshness, after.freshness, strict=True):
        stale = _Figure(
            name="stale ratio", of=domain.domain, tolerance=limits.stale_ratio_rise, rising=True
        )
        yield _read(stale, domain.stale_ratio, later.stale_ratio, policy.decisions_min)
        yield _shown("age p50 ms", domain.domain, domain.age_p50_ms, later.age_p50_ms)
        yield _shown("age p95 ms", domain.domain, domain.age_p95_ms, later.age_p95_ms)
    known = {one.symbol: one for one in after.symbols}
    for symbol in before.symbols:
        yield from _of_symbol(symbol, known.get(symbol.symbol), policy)


def _of_symbol(
    before: SymbolBaseline, after: SymbolBaseline | None, policy: BaselinePolicy
) -> Iterator[Difference]:
    """Yield one symbol's figures."""
    of, limits = before.symbol, policy.tolerances
    if after is None:
        yield Difference(
            figure="decisions",
            of=of,
            before=float(before.decided),
            after=None,
            tolerance=0.0,
            verdict="gone",
        )
        return
    hit = _Figure(name="hit ratio", of=of, tolerance=limits.hit_ratio_drop, rising=False)
    yield _read(hit, before.hit_ratio, after.hit_ratio, policy.decisions_min)
    brier = _Figure(name="brier", of=of, tolerance=limits.brier_rise, rising=True)
    yield _read(brier, before.brier, after.brier, policy.decisions_min)
    net = _Figure(name="net gain a decision", of=of, tolerance=limits.net_ratio_drop, rising=False)
    yield _judged(net, _net(before), _net(after))
    fall = _Figure(name="drawdown", of=of, tolerance=limits.drawdown_ratio_rise, rising=True)
    yield _judged(fall, _part(before.drawdown, before), _part(after.drawdown, after))
    yield from _profiles(of, before.drawdown_profile, after.drawdown_profile)
    for name in ("decided", "net_gain", "fees", "slippage", "turnover", "changes"):
        one: float = getattr(before, name)
        other: float = getattr(after, name)
        yield _shown(name.replace("_", " "), of, float(one), float(other))


def _profiles(
    of: str, before: DrawdownProfile | None, after: DrawdownProfile | None
) -> Iterator[Difference]:
    """Yield how the equity fell below its peak, where both have a course."""
    if before is None or after is None:
        return
    yield _shown("under water ratio", of, before.under_water_ratio, after.under_water_ratio)
    yield _shown("drawdown median", of, before.median, after.median)
    yield _shown("drawdown p95", of, before.p95, after.p95)
    longest = (float(one.longest_ns // NS_PER_S) for one in (before, after))
    yield _shown("longest under water s", of, *longest)


def _read(figure: _Figure, before: Reading, after: Reading, samples_min: int) -> Difference:
    """Return the difference of two readings."""
    verdict: Verdict | None = None
    if "not-applicable" in {before.status, after.status}:
        verdict = "not-applicable" if before.status == after.status else None
    elif before.status == "measured" and min(before.samples, after.samples) < samples_min:
        verdict = "insufficient" if after.status == "measured" else "gone"
    judged = _judged(figure, before.value, after.value)
    if verdict is None:
        return judged
    return Difference(
        figure=figure.name,
        of=figure.of,
        before=before.value,
        after=after.value,
        tolerance=figure.tolerance,
        verdict=verdict,
    )


def _judged(figure: _Figure, before: float | None, after: float | None) -> Difference:
    """Return the difference of two numbers, judged by its tolerance."""
    verdict: Verdict = "shown"
    if before is not None and after is None:
        verdict = "gone"
    elif before is not None and after is not None:
        worse = after - before if figure.rising else before - after
        verdict = "worse" if worse > figure.tolerance else "within"
    return Difference(
        figure=figure.name,
        of=figure.of,
        before=before,
        after=after,
        tolerance=figure.tolerance,
        verdict=verdict,
    )


def _shown(figure: str, of: str, before: float | None, after: float | None) -> Difference:
    """Return a difference that nobody judges."""
    return Difference(
        figure=figure, of=of, before=before, after=after, tolerance=None, verdict="shown"
    )


def _refused(baseline: Baseline) -> float | None:
    """Return the share of contexts that were refused."""
    return baseline.refused / baseline.contexts if baseline.contexts else None


def _net(symbol: SymbolBaseline) -> float | None:
    """Return the net gain of one decision, in parts of the allotment."""
    return _part(symbol.net_gain / symbol.decided, symbol) if symbol.decided else None


def _part(money: float, symbol: SymbolBaseline) -> float | None:
    """Return money in parts of the symbol's allotment."""
    return money / symbol.allotment if symbol.allotment > 0.0 else None
