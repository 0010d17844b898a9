"""A run report's sums as its summary: numbers get the names that are published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

import numpy as np

from torghut.decisions.declarations import Declarations
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import (
    REGIME_LABELS,
    Expert,
    Gate,
    Intent,
    Mode,
    Path,
    Reason,
    RefusalCode,
    Trigger,
    published_name,
)
from torghut.workflows.report.books import Books
from torghut.workflows.report.columns import Integers, RowArray
from torghut.workflows.report.series import Course
from torghut.workflows.report.summary import (
    ArmDifference,
    FitWindow,
    GateRule,
    PaceReport,
    Performance,
    RunFacts,
    Series,
    Summary,
    SymbolReport,
)
from torghut.workflows.run_report import RunReport

_NO_REGIME: Final = "none"
_SECOND_NS: Final = 1_000_000_000


def summarise(report: RunReport, facts: RunFacts) -> Summary:
    """Return what ``report`` has taken in so far."""
    report.settle()
    fold = report.fold
    declarations = fold.declarations[fold.declared]
    symbols = [i for i in range(len(fold.symbols)) if _took_part(report, i)]
    decided = int(report.tallies.outcomes[:, 0].sum())
    refused = int(report.tallies.outcomes[:, 1:].sum()) + report.unattributed.total()
    return Summary(
        facts=facts,
        kernel_version=fold.kernel.version,
        kernel_build=fold.kernel.build,
        declarations=fold.declared,
        first_block=max(0, report.first_block),
        blocks=report.blocks,
        contexts=report.contexts,
        decided=decided,
        refused=refused,
        controls=dict(sorted(report.controls.items())),
        repeated_controls=report.repeated,
        refused_controls=report.refused_controls,
        unattributed=dict(report.unattributed.most_common()),
        examples=tuple(one for _, kept in sorted(report.examples.items()) for one in kept),
        symbols=tuple(_symbol(report, index) for index in symbols),
        arms=tuple(
            ArmDifference(arm=name, decisions=count, intents_differ=report.arm_differs[name])
            for name, count in sorted(report.arm_decisions.items())
        ),
        fits=tuple(_fits(report, symbols)),
        trend_left_out=report.trend_left_out,
        gates=_gate_rules(declarations),
        pace=_pace(report),
    )


def _took_part(report: RunReport, index: int) -> bool:
    """Return whether the report has seen a context of a symbol."""
    outcomes = report.tallies.outcomes
    return index < len(outcomes) and bool(outcomes[index].any())


def _symbol(report: RunReport, index: int) -> SymbolReport:
    """Return one symbol's share."""
    fold, tallies = report.fold, report.tallies
    facts = fold.symbols[index]
    instrument = fold.declarations[facts.declarations].instrument(facts.name)
    outcomes, courses, states = (
        tallies.outcomes[index],
        tallies.courses[index],
        tallies.states[index],
    )
    course = report.courses.get(index)
    return SymbolReport(
        symbol=facts.name,
        currency=instrument.quote,
        unit=instrument.base,
        allotment=_allotment(report, index),
        first_ns=int(tallies.first_ns[index]),
        last_ns=int(tallies.last_ns[index]),
        decided=int(outcomes[0]),
        refusals={RefusalCode(i).code: n for i, n in enumerate(outcomes.tolist()) if i and n},
        intents=_named(Intent, courses.sum(axis=(0, 2))),
        intents_warm=_named(Intent, courses[1].sum(axis=1)),
        leads=_named(Expert, courses.sum(axis=(0, 1))),
        leads_warm=_named(Expert, courses[1].sum(axis=0)),
        paths=_named(Path, states.sum(axis=(1, 2))),
        modes=_present(_named(Mode, states.sum(axis=(0, 2)))),
        regimes=_regimes(states.sum(axis=(0, 1)), _labels(report, index)),
        reasons=_present(_named(Reason, tallies.reasons[index])),
        triggers=_present(_named(Trigger, tallies.triggers[index])),
        gates=_named(Gate, tallies.gates[index]),
        serving=_performance(report.books, index),
        holding=_holding(report, index),
        trend=_performance(report.trend_books, index) if report.trend else None,
        trend_differs=int(report.trend_differs[index]) if report.trend else 0,
        regime_labels=_labels(report, index),
        series=None if course is None else _series(report, index, course),
    )


def _allotment(report: RunReport, index: int) -> float:
    """Return what a symbol may use, as of the fold."""
    return float(report.fold.arms[SERVING]["allotment"][index])


def _labels(report: RunReport, index: int) -> tuple[str, ...]:
    """Return the names of a symbol's regimes; empty without a package."""
    count = int(report.fold.tables.parameters["regimes"][index])
    return REGIME_LABELS.get(count, ())


def _named(codes: Iterable[Enum], counts: Integers) -> dict[str, int]:
    """Return counts by published name."""
    names = [published_name(code) for code in codes]
    return dict(zip(names, counts.tolist(), strict=True))


def _present(counts: dict[str, int]) -> dict[str, int]:
    """Return what happened at all, most frequent first."""
    return {name: n for name, n in sorted(counts.items(), key=lambda item: -item[1]) if n}


def _regimes(counts: Integers, labels: Sequence[str]) -> dict[str, int]:
    """Return decisions by regime; the last count is of those in none."""
    numbers: list[int] = counts.tolist()
    named = dict(zip(labels, numbers, strict=False))
    named[_NO_REGIME] = sum(numbers) - sum(named.values())
    return named


def _performance(books: Books, index: int) -> Performance:
    """Return what one arm's paper book came to."""
    first = books.first_equity[index]
    return Performance(
        gain=0.0 if np.isnan(first) else float(books.equity[index] - first),
        fees=float(books.fees[index]),
        slippage=float(books.slippage[index]),
        turnover=float(books.turnover[index]),
        drawdown=float(books.drawdown[index]),
        changes=int(books.changes[index]),
    )


def _holding(report: RunReport, index: int) -> Performance:
    """Return what buying once and holding came to."""
    holdings = report.holdings
    if np.isnan(holdings.units[index]):
        return Performance(gain=0.0, fees=0.0, slippage=0.0, turnover=0.0, drawdown=0.0, changes=0)
    return Performance(
        gain=float(holdings.equity(index, holdings.mid[index : index + 1])[0]),
        fees=float(holdings.fees[index]),
        slippage=float(holdings.slippage[index]),
        turnover=float(holdings.paid[index] - holdings.fees[index]),
        drawdown=float(holdings.drawdown[index]),
        changes=1,
    )


def _series(report: RunReport, index: int, course: Course) -> Series:
    """Return a symbol's course; its last decision is its last point."""
    used = course.length
    samples: RowArray = np.concatenate([course.samples[:used], course.last])
    price = samples["price"]
    first = report.books.first_equity[index]
    trend = samples["trend"] - report.trend_books.first_equity[index]
    return Series(
        stride=course.stride,
        time_ns=tuple(samples["receive_ns"].tolist()),
        price=tuple(price.tolist()),
        low=(*course.low[:used].tolist(), float(price[-1])),
        high=(*course.high[:used].tolist(), float(price[-1])),
        weights=tuple(tuple(row) for row in samples["weights"].tolist()),
        target=tuple(None if np.isnan(t) else t for t in samples["target"].tolist()),
        position=tuple(samples["position"].tolist()),
        equity=tuple((samples["equity"] - first).tolist()),
        holding=tuple(report.holdings.equity(index, price).tolist()),
        trend=tuple(trend.tolist()) if report.trend else (),
        intents=_rows(course, "intents"),
        regimes=_rows(course, "regimes"),
        gates=_rows(course, "gates"),
    )


def _rows(course: Course, name: str) -> tuple[tuple[int, ...], ...]:
    """Return a course's counts, and none for its last point."""
    counts = course.counts[name]
    rows = [tuple(row) for row in counts[: course.length].tolist()]
    return (*rows, (0,) * counts.shape[1])


def _fits(report: RunReport, symbols: Sequence[int]) -> Iterable[FitWindow]:
    """Yield the packages that serve, each with the earliest decision that it may have served."""
    fold = report.fold
    firsts: dict[str, int] = {}
    for index in symbols:
        package, first = fold.symbols[index].package, int(report.tallies.first_ns[index])
        if package and first:
            firsts[package] = min(first, firsts.get(package, first))
    for digest, first in sorted(firsts.items()):
        model = fold.packages[digest]
        yield FitWindow(
            package=model.name,
            digest=digest,
            from_ns=model.start_ns,
            to_ns=model.end_ns,
            overlaps=first <= model.end_ns,
        )


def _gate_rules(declarations: Declarations) -> tuple[GateRule, ...]:
    """Return what failing each gate does."""
    return tuple(
        GateRule(gate=policy.id, on_fail=policy.on_fail, owner=policy.owner)
        for policy in declarations.gates.gates
    )


def _pace(report: RunReport) -> PaceReport:
    """Return how fast it went while the report listened."""
    pace = report.pace
    elapsed, durable_p50_ns = pace.elapsed_ns, pace.durable.quantile_ns(0.5)
    return PaceReport(
        blocks=report.told_blocks,
        elapsed_ns=elapsed,
        decide_p50_ns=pace.decide.quantile_ns(0.5),
        decide_p99_ns=pace.decide.quantile_ns(0.99),
        durable_p50_ns=durable_p50_ns,
        durable_p99_ns=pace.durable.quantile_ns(0.99),
        durable_max_ns=None if durable_p50_ns is None else pace.durable.longest_ns,
        per_second=report.told_contexts * _SECOND_NS / elapsed if elapsed else None,
    )
