"""Measures a window: what the log says, and the latency that was kept beside it.

Latency is in no decision log. The service counts it in a histogram that lives as long as its
process, so two readings of it bound a window; without them latency is missing, and missing fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.decisions.declarations import Declarations
from torghut.drift.model import advice_off_by, unanswered
from torghut.eventlog.ports import DecisionLog
from torghut.governance.slo.judging import judge_window
from torghut.governance.slo.quantiles import upper_quantile
from torghut.kernel.units import MS_PER_S, NS_PER_MS
from torghut.schemas.codes import Domain
from torghut.schemas.declarations.staging.slo import WINDOW_MS, SloPolicy, WindowName
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.schemas.staging.slo_window import SLOS, SloName, SloWindow
from torghut.workflows.slo.counting import Span, WindowCounts, is_routed, requires, was_open
from torghut.workflows.slo.walking import count_windows

_P95: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyCounts:
    """How many outcomes became durable within each time, in a window.

    Attributes:
        bounds_s: Upper bounds in seconds, ascending; the last is infinite.
        counts: In each bucket and all below it.
    """

    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A window as judged, and the counts it was judged on."""

    window: SloWindow
    counts: WindowCounts


def span_of(name: WindowName, to_ns: int) -> Span:
    """Return the receive time of the window that ends at ``to_ns``."""
    return Span(after_ns=to_ns - WINDOW_MS[name] * NS_PER_MS, to_ns=to_ns)


async def measure(
    log: DecisionLog,
    to_ns: int,
    names: Sequence[WindowName],
    *,
    policy: SloPolicy,
    latency: Mapping[WindowName, LatencyCounts],
) -> Sequence[Measured]:
    """Return windows of ``log`` that end at ``to_ns``, judged, in the order of their names.

    Args:
        log: Of decisions; it is read once for all of them.
        to_ns: Receive time of their end.
        names: Which windows.
        policy: The declared service levels.
        latency: Of the outcomes in each window; one that is not there is missing.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    counted = await count_windows(log, [span_of(name, to_ns) for name in names])
    return [
        judge(name, to_ns, counts, policy=policy, latency=latency.get(name))
        for name, counts in zip(names, counted.windows, strict=True)
    ]


def judge(
    name: WindowName,
    to_ns: int,
    counts: WindowCounts,
    *,
    policy: SloPolicy,
    latency: LatencyCounts | None,
) -> Measured:
    """Return a window as judged, given what happened in it."""
    span = span_of(name, to_ns)
    found = readings(counts, (span.after_ns, span.to_ns), latency)
    return Measured(window=judge_window(name, to_ns, found, policy), counts=counts)


def readings(
    counts: WindowCounts, window: tuple[int, int], latency: LatencyCounts | None
) -> Mapping[SloName, Reading]:
    """Return what every service level reads in a window.

    Args:
        counts: What happened in it.
        window: Receive times of its beginning and end.
        latency: None where nobody kept it.
    """
    declared = _newest(counts)
    if declared is not None and not counts.accepted and not was_open(counts, *window):
        return dict.fromkeys(SLOS, declared_off(declared.digest))
    return {
        "decision-loop-availability": _share(counts.accepted - counts.late, counts.accepted),
        "fast-path-p95-latency": _p95(latency),
        "reasoning-fallback-ratio": reasoning(counts, declared),
        "news-freshness": freshness(counts, Domain.NEWS, declared),
        "fundamentals-freshness": freshness(counts, Domain.FUNDAMENTALS, declared),
        "router-fallback-ratio": routing(counts, declared),
    }


def routing(counts: WindowCounts, declared: Declarations | None) -> Reading:
    """Return how often defensive weights stood in for the router."""
    if declared is not None and not is_routed(counts):
        return declared_off(declared.digest)
    return _share(counts.defensive, counts.routed)


def reasoning(counts: WindowCounts, declared: Declarations | None) -> Reading:
    """Return how often a question for advice ended without a verdict."""
    return unanswered(
        off_by=None if declared is None else advice_off_by(declared.reasoning),
        asked=counts.asked,
        failed=counts.unadvised,
    )


def freshness(counts: WindowCounts, domain: Domain, declared: Declarations | None) -> Reading:
    """Return how often a domain was as fresh as the instrument requires."""
    if declared is not None and not requires(counts, domain):
        return declared_off(declared.digest)
    found = counts.domains[domain]
    return _share(found.required - found.stale, found.required)


def _p95(latency: LatencyCounts | None) -> Reading:
    """Return the 95th percentile in milliseconds, never less than it was."""
    if latency is None:
        return reading_of(None, samples=0)
    bound_s = upper_quantile(latency.bounds_s, latency.counts, _P95)
    value = math.nan if bound_s == math.inf else None if bound_s is None else bound_s * MS_PER_S
    return reading_of(value, samples=max(0, latency.counts[-1]) if latency.counts else 0)


def _share(part: int, whole: int) -> Reading:
    """Return a share; of nothing there is none."""
    return reading_of(part / whole if whole else None, samples=whole)


def _newest(counts: WindowCounts) -> Declarations | None:
    """Return the declarations that a symbol of the window was decided under last."""
    return next(iter(counts.symbols.values()), None)
