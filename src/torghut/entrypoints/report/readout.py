"""The numbers of one point of a symbol's charts; a script moves it with the pointer.

Numbers travel as whole steps from one point to the next, so that a page stays small. Without the
script the last point is shown.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torghut.entrypoints.report.figures import NONE, instant
from torghut.entrypoints.report.markup import Markup, element
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.codes import Expert, published_names
from torghut.workflows.report.summary import Series, SymbolReport

_EXPERTS: Final = published_names(Expert)
_SIGNIFICANT: Final = 7
_EXACT: Final = 1e-12
_CENTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """One number of every point, shown with so many digits after the point."""

    name: str
    digits: int
    values: Sequence[float | None]


def readout(symbol: SymbolReport, series: Series) -> tuple[Markup, Markup]:
    """Return the numbers of the last point, and those of all points for the script."""
    columns = _columns(series)
    regimes = _regimes(symbol, series)
    cells = [("time", instant(series.time_ns[-1])), ("regime", regimes[-1])]
    cells += [(column.name, _shown(column, column.values[-1])) for column in columns]
    shown = element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in cells),
        class_="readout",
    )
    labels = list(dict.fromkeys(regimes))
    numbers = {
        "time": _steps([time_ns // NS_PER_MS for time_ns in series.time_ns]),
        "labels": labels,
        "regime": [labels.index(label) for label in regimes],
        "columns": [
            {"digits": column.digits, "steps": _steps(_scaled(column))} for column in columns
        ],
        "none": NONE,
    }
    text = json.dumps(numbers, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    # Inside a script element only "<" could end it or begin something else.
    safe = Markup(text.replace("<", "\\u003c"))
    return shown, element("script", safe, type="application/json", class_="numbers")


def _columns(series: Series) -> list[_Column]:
    """Return what is shown of a point besides its time and regime."""
    columns = [
        _column("price", series.price),
        _column("target", series.target),
        _column("position", series.position),
        _Column(name="as decided", digits=_CENTS, values=series.equity),
        _Column(name="buy and hold", digits=_CENTS, values=series.holding),
    ]
    if series.trend:
        columns.append(_Column(name="static trend", digits=_CENTS, values=series.trend))
    for place, name in enumerate(_EXPERTS):
        weights = [point[place] for point in series.weights]
        columns.append(_Column(name=name, digits=_CENTS, values=weights))
    return columns


def _column(name: str, values: Sequence[float | None]) -> _Column:
    """Return a column with the digits that its numbers need, and no more than carry meaning."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    largest = max(map(abs, known), default=0.0)
    before = math.floor(math.log10(largest)) + 1 if largest else 0
    most = max(0, _SIGNIFICANT - max(0, before))
    whole = [
        digits
        for digits in range(most)
        if all(abs(value - round(value, digits)) <= _EXACT * largest for value in known)
    ]
    return _Column(name=name, digits=min(whole, default=most), values=values)


def _regimes(symbol: SymbolReport, series: Series) -> list[str]:
    """Return the likeliest regime of most decisions of each point."""
    labels = (*symbol.regime_labels, *[NONE] * (len(series.regimes[0])))
    likeliest = [max(range(len(counts)), key=counts.__getitem__) for counts in series.regimes[:-1]]
    # The last point covers no decisions of its own.
    return [labels[place] for place in (*likeliest, likeliest[-1])]


def _shown(column: _Column, value: float | None) -> str:
    """Return one number as the script would show it."""
    return NONE if value is None else f"{value:,.{column.digits}f}"


def _scaled(column: _Column) -> list[int | None]:
    """Return a column's numbers in units of its last digit."""
    unit = 10**column.digits
    return [
        None if value is None or not math.isfinite(value) else round(value * unit)
        for value in column.values
    ]


def _steps(numbers: Sequence[int | None]) -> list[int | None]:
    """Return the difference of each number to the one before it; None stays."""
    steps: list[int | None] = []
    before = 0
    for number in numbers:
        steps.append(None if number is None else number - before)
        before = before if number is None else number
    return steps
