"""Where a chart's ticks stand: round values upwards, turns of the calendar across."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from torghut.kernel.units import NS_PER_S

_ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_PERIODS: Final = (
    ("%Y", "%Y"),
    ("%Y-%m", "%Y-%m"),
    ("%Y-%m-%d", "%d %b"),
    ("%Y-%m-%dT%H", "%H:%M"),
    ("%Y-%m-%dT%H:%M", "%H:%M"),
    ("%Y-%m-%dT%H:%M:%S", "%H:%M:%S"),
)
"""Periods from coarse to fine: what tells two apart, and how the beginning of one is labelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A place on an axis and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What an axis spans, from ``low`` to ``high``, which is above it."""

    low: float
    high: float


def range_of(values: Sequence[float], *, zero: bool = False) -> Range:
    """Return the range that holds ``values``, with a little air, and 0 where asked.

    Example:
        >>> range_of([1.0, 3.0])
        Range(low=0.92, high=3.08)
    """
    finite = [value for value in values if math.isfinite(value)]
    if zero:
        finite.append(0.0)
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    air = 0.04 * (high - low) or abs(high) * 1e-3 or 1.0
    return Range(low=low - air, high=high + air)


def value_ticks(spanned: Range, wanted: int = 4) -> list[Tick]:
    """Return about ``wanted`` ticks at round values.

    Example:
        >>> [tick.label for tick in value_ticks(Range(low=-900.0, high=120.0))]
        ['-800', '-600', '-400', '-200', '0']
    """
    raw = 0.7 * (spanned.high - spanned.low) / wanted
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * nice for nice in _ROUND if unit * nice >= raw * (1 - 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:  # noqa: PLR2004
        decimals += 1
    first, last = math.ceil(spanned.low / step), math.floor(spanned.high / step)
    return [
        Tick(at=n * step, label=f"{n * step + 0.0:,.{decimals}f}") for n in range(first, last + 1)
    ]


def time_ticks(times_ns: Sequence[int], most: int = 9) -> list[Tick]:
    """Return ticks where a new period begins, at indices into ``times_ns``.

    Example:
        >>> day_ns = 86_400_000_000_000
        >>> [(t.at, t.label) for t in time_ticks([n * day_ns // 2 for n in range(9)])]
        [(2, '02 Jan'), (4, '03 Jan'), (6, '04 Jan'), (8, '05 Jan')]
    """
    moments = [datetime.fromtimestamp(time_ns // NS_PER_S, tz=UTC) for time_ns in times_ns]
    ticks: list[Tick] = []
    for period, shown in _PERIODS:
        keys = [moment.strftime(period) for moment in moments]
        turns = [i for i in range(1, len(keys)) if keys[i] != keys[i - 1]]
        ticks = [Tick(at=i, label=moments[i].strftime(shown)) for i in turns]
        if len(ticks) >= most // 3:
            break
    return _apart(ticks, len(times_ns) / (most + 3))


def _apart(ticks: Sequence[Tick], least: float) -> list[Tick]:
    """Return the ticks that are at least so far from the one before."""
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or tick.at - kept[-1].at >= least:
            kept.append(tick)
    return kept
