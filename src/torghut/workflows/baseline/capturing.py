"""Captures a baseline: the run report's figures, each decision's grade, and how fresh all was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from torghut.decisions.declarations import Declarations
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.recording import header_of
from torghut.eventlog.block import Head
from torghut.eventlog.ports import DecisionLog
from torghut.governance.baselines.errors import BaselineLogError
from torghut.kernel.clock import WallClock
from torghut.kernel.ids import SERVING, symbol_key
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.codes import Domain
from torghut.schemas.governing.fields import declared_off, reading_of
from torghut.schemas.staging.baseline import (
    Baseline,
    CapturedHead,
    CapturedLog,
    DomainFreshness,
    DrawdownProfile,
    FallbackRates,
    FreshnessDomain,
    SymbolBaseline,
)
from torghut.workflows.baseline.grading import Grader
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.lookup.stats import count
from torghut.workflows.opening import Setup, fold_at_head
from torghut.workflows.report.summary import RunFacts, Series, Summary, SymbolReport
from torghut.workflows.run_report import run_report
from torghut.workflows.run_summary import summarise
from torghut.workflows.slo.counting import WindowCounts, requires
from torghut.workflows.slo.measuring import reasoning, routing
from torghut.workflows.slo.walking import count_window

_P50: Final = 0.5
_P95: Final = 0.95
_DOMAINS: Final[Mapping[FreshnessDomain, Domain]] = {
    "market": Domain.MARKET,
    "news": Domain.NEWS,
    "fundamentals": Domain.FUNDAMENTALS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capturing:
    """What a baseline is captured with.

    Attributes:
        name: Of the baseline.
        commit: Of the code; None where nobody said.
        kernel: Decides again what no snapshot holds.
        clock: Of the report, whose pace is not part of a baseline.
    """

    name: str
    commit: str | None
    kernel: DecisionKernel
    clock: WallClock


async def capture(log: DecisionLog, asked: Capturing) -> Baseline:
    """Return what ``log`` has come to so far.

    Raises:
        BaselineLogError: Nothing was decided, or the log has several partitions.
        LogIntegrityError: A block is not as it was written.
        DivergedError: A block decided again differs from the log.
    """
    partitions = await log.partitions()
    if len(partitions) != 1:
        raise BaselineLogError(expected="one partition", found=f"{len(partitions)}")
    head = await log.head(partitions[0])
    counts = await count_window(log)
    if not counts.decisions:
        raise BaselineLogError(expected="decisions", found="none")
    summary = await _summary(log, asked, head, newest(counts))
    graders = await _grade(log, head.partition, counts)
    return Baseline(
        name=asked.name,
        log=CapturedLog(
            root=summary.facts.root,
            heads=(CapturedHead(partition=head.partition, number=head.number, digest=head.digest),),
            first_ns=summary.first_ns,
            last_ns=summary.last_ns,
        ),
        commit=asked.commit,
        kernel_version=summary.kernel_version,
        kernel_build=summary.kernel_build,
        declarations=tuple(sorted(counts.declarations)),
        packages=tuple(sorted(counts.packages)),
        contexts=summary.contexts,
        decided=summary.decided,
        refused=summary.refused,
        refusals=dict(sorted(summary.refusals.items())),
        controls=dict(sorted(summary.controls.items())),
        symbols=tuple(
            _symbol(one, graders[one.symbol])
            for one in sorted(summary.symbols, key=lambda one: one.symbol)
            if one.symbol in graders
        ),
        fallback=_fallback(counts),
        freshness=tuple(_domain(counts, name, domain) for name, domain in _DOMAINS.items()),
    )


async def _summary(
    log: DecisionLog, asked: Capturing, head: Head, declared: Declarations
) -> Summary:
    """Return the run report's summary of the whole log, under its own declarations."""
    setup = Setup(kernel=asked.kernel, declarations=declared, packages={})
    opened = await fold_at_head(log, setup, partition=head.partition)
    report = run_report(opened.fold, asked.clock, static_trend=False)
    await report.recall(log, partition=head.partition)
    facts = RunFacts(
        source_kind="",
        parts=(),
        licence="",
        assumptions={},
        log="",
        page="",
        root=(await count(log)).root,
        head_number=head.number,
        head_digest=head.digest,
    )
    return summarise(report, facts)


async def _grade(log: DecisionLog, partition: int, counts: WindowCounts) -> Mapping[str, Grader]:
    """Return the grades of every symbol's decisions."""
    graders = {name: Grader(one) for name, one in counts.instruments().items()}
    async for block in log.blocks(partition):
        rows = rows_of(block, SERVING)
        for name in header_of(block).symbols.values():
            own = rows[rows["symbol_key"] == np.uint64(symbol_key(name))]
            if name in graders and len(own):
                graders[name].take(own)
    return graders


def newest(counts: WindowCounts) -> Declarations:
    """Return the declarations that were in force last, of a log that holds decisions."""
    return next(iter(counts.symbols.values()))


def _symbol(report: SymbolReport, grader: Grader) -> SymbolBaseline:
    """Return one symbol's share of a baseline."""
    book = report.serving
    return SymbolBaseline(
        symbol=report.symbol,
        currency=report.currency,
        allotment=report.allotment,
        decided=report.decided,
        refused=report.refused,
        hit_ratio=grader.hit_ratio,
        brier=grader.brier,
        net_gain=book.gain + 0.0,
        fees=book.fees + 0.0,
        slippage=book.slippage + 0.0,
        turnover=book.turnover + 0.0,
        changes=book.changes,
        drawdown=book.drawdown + 0.0,
        drawdown_profile=None if report.series is None else profile(report.series),
    )


def profile(series: Series) -> DrawdownProfile | None:
    """Return how a course fell below its peak; None of no points."""
    equity = np.array(series.equity)
    if not len(equity):
        return None
    times = np.array(series.time_ns)
    depth = np.maximum.accumulate(equity) - equity
    below = depth > 0.0
    return DrawdownProfile(
        points=len(equity),
        under_water_ratio=float(below.mean()),
        median=float(np.quantile(depth, _P50)),
        p95=float(np.quantile(depth, _P95)),
        longest_ns=_longest_ns(times.tolist(), below.tolist()),
    )


def _longest_ns(times_ns: Sequence[int], below: Sequence[bool]) -> int:
    """Return the longest time from a peak until it was reached again, or the course ended."""
    longest_ns, peak_ns = 0, times_ns[0]
    for time_ns, sunk in zip(times_ns, below, strict=True):
        longest_ns = max(longest_ns, time_ns - peak_ns) if sunk else longest_ns
        peak_ns = peak_ns if sunk else time_ns
    return longest_ns


def _fallback(counts: WindowCounts) -> FallbackRates:
    """Return how often the safe path answered."""
    return FallbackRates(
        router=routing(counts, newest(counts)),
        reasoning=reasoning(counts, newest(counts)),
        by_reason=dict(sorted(counts.reasons.items())),
    )


def _domain(counts: WindowCounts, name: FreshnessDomain, domain: Domain) -> DomainFreshness:
    """Return how fresh one domain was."""
    found = counts.domains[domain]
    stale = declared_off(newest(counts).digest)
    if requires(counts, domain):
        ratio = found.stale / found.required if found.required else None
        stale = reading_of(ratio, samples=found.required)
    return DomainFreshness(
        domain=name,
        stale_ratio=stale,
        age_p50_ms=_ms(found.ages.quantile_ns(_P50)),
        age_p95_ms=_ms(found.ages.quantile_ns(_P95)),
    )


def _ms(time_ns: int | None) -> float | None:
    """Return nanoseconds as milliseconds."""
    return None if time_ns is None else time_ns / NS_PER_MS
