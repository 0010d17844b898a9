"""Judges what was measured in a window against the declared service levels.

What was not measured fails, and so does what was measured on too little. Only a declaration,
cited by its digest, makes a level not applicable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.staging.slo import WINDOW_MS, SloPolicy, WindowName
from torghut.schemas.governing.fields import Reading
from torghut.schemas.staging.slo_window import (
    SLOS,
    SloName,
    SloRow,
    SloStatus,
    SloWindow,
    window_status,
)
from torghut.schemas.types import message_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One declared service level.

    Attributes:
        comparator: Between what is measured and the threshold; equal is kept.
        threshold: In ``unit``.
        unit: ``ratio`` or ``ms``.
        samples_min: Of fewer nothing is said.
    """

    comparator: Literal[">=", "<="]
    threshold: float
    unit: Literal["ratio", "ms"]
    samples_min: int


def levels(policy: SloPolicy) -> Mapping[SloName, Level]:
    """Return every service level that ``policy`` declares."""
    context = policy.market_context
    return {
        "decision-loop-availability": _at_least(
            policy.availability.ratio_min, policy.availability.contexts_min
        ),
        "fast-path-p95-latency": Level(
            comparator="<=",
            threshold=float(policy.fast_path.p95_max_ms),
            unit="ms",
            samples_min=policy.fast_path.outcomes_min,
        ),
        "reasoning-fallback-ratio": _at_most(
            policy.reasoning.fallback_ratio_max, policy.reasoning.decisions_min
        ),
        "news-freshness": _at_least(context.news.fresh_ratio_min, context.news.decisions_min),
        "fundamentals-freshness": _at_least(
            context.fundamentals.fresh_ratio_min, context.fundamentals.decisions_min
        ),
        "router-fallback-ratio": _at_most(
            policy.router.fallback_ratio_max, policy.router.decisions_min
        ),
    }


def judge_window(
    name: WindowName, to_ns: int, readings: Mapping[SloName, Reading], policy: SloPolicy
) -> SloWindow:
    """Return the window that ends at ``to_ns``, judged.

    Args:
        name: Which one; it says how long.
        to_ns: Receive time of its end, at least as much as it is long.
        readings: What was measured; what is not among them is missing.
        policy: The declared service levels.
    """
    declared = levels(policy)
    rows = tuple(_row(slo, declared[slo], readings.get(slo)) for slo in SLOS)
    return SloWindow(
        name=name,
        from_ns=to_ns - WINDOW_MS[name] * NS_PER_MS,
        to_ns=to_ns,
        policy=message_digest(policy),
        status=window_status(rows),
        rows=rows,
    )


def _row(slo: SloName, level: Level, reading: Reading | None) -> SloRow:
    """Return what one service level came to."""
    return SloRow(
        id=slo,
        status=_status(level, reading),
        value=None if reading is None else reading.value,
        comparator=level.comparator,
        threshold=level.threshold,
        unit=level.unit,
        samples=0 if reading is None else reading.samples,
        declaration=None if reading is None else reading.declaration,
    )


def _status(level: Level, reading: Reading | None) -> SloStatus:
    """Return whether a reading keeps its level."""
    if reading is not None and reading.status == "not-applicable":
        return "not-applicable"
    if reading is None or reading.value is None:
        return "missing"
    if reading.samples < level.samples_min:
        return "insufficient"
    if level.comparator == ">=":
        return "pass" if reading.value >= level.threshold else "fail"
    return "pass" if reading.value <= level.threshold else "fail"


def _at_least(threshold: float, samples_min: int) -> Level:
    """Return the level of a share that is to be large."""
    return Level(comparator=">=", threshold=threshold, unit="ratio", samples_min=samples_min)


def _at_most(threshold: float, samples_min: int) -> Level:
    """Return the level of a share that is to be small."""
    return Level(comparator="<=", threshold=threshold, unit="ratio", samples_min=samples_min)
