"""The few drawings of a review, each plain SVG: a bar, a forest of intervals, an axis of time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.entrypoints.report.axes import Range, range_of, value_ticks
from torghut.entrypoints.report.markup import Markup, element, joined

WIDTH: Final = 1000
_LEFT: Final = 210
_RIGHT: Final = 985
_ROW: Final = 26
_BAR_WIDTH: Final = 130
_BAR_HEIGHT: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One row of a forest.

    Attributes:
        name: Of what was compared.
        mean: None where nothing was measured.
        lower: None where there is no bound.
        upper: Likewise.
        class_: By which it is coloured.
        margin: Drawn as a threshold of its own; None for none.
    """

    name: str
    mean: float | None
    lower: float | None
    upper: float | None
    class_: str = ""
    margin: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One stretch on an axis of time."""

    class_: str
    first_ns: int
    last_ns: int
    label: str = ""


def bar(value: float, threshold: float, class_: str) -> Markup:
    """Return a value from zero on, and the threshold as a line."""
    low, high = min(0.0, value, threshold), max(0.0, value, threshold)
    room = (high - low) * 1.06 or 1.0

    def x(at: float) -> float:
        return 1.0 + (at - low) / room * (_BAR_WIDTH - 2)

    if not all(map(math.isfinite, (x(value), x(threshold), x(0.0)))):
        return Markup()
    first, last = sorted((x(0.0), x(value)))
    return element(
        "svg",
        _line(x(0.0), 0, _BAR_HEIGHT, "zero"),
        _box(first, 3, max(1.0, last - first), _BAR_HEIGHT - 6, class_),
        _line(x(threshold), 0, _BAR_HEIGHT, "threshold"),
        viewBox=f"0 0 {_BAR_WIDTH} {_BAR_HEIGHT}",
        role="img",
        aria_label=f"{value:.5g} beside {threshold:.5g}",
        class_="bar",
    )


def forest(rows: Sequence[Interval], label: str) -> Markup:
    """Return intervals below each other, around zero."""
    shown = [one for row in rows for one in (row.mean, row.lower, row.upper, row.margin)]
    spanned = range_of([one for one in shown if one is not None], zero=True)
    height = _ROW * len(rows)

    def x(at: float) -> float:
        return _LEFT + (at - spanned.low) / (spanned.high - spanned.low) * (_RIGHT - _LEFT)

    ticks = value_ticks(spanned, 6)
    grid = "".join(f"M{x(tick.at):.1f} 0V{height}" for tick in ticks)
    marks = [
        element(
            "text",
            tick.label,
            x=f"{x(tick.at):.1f}",
            y=f"{height + 15}",
            text_anchor="middle",
            class_="soft",
        )
        for tick in ticks
    ]
    return element(
        "svg",
        element("path", d=grid, class_="grid"),
        _line(x(0.0), 0, height, "zero"),
        *(_interval(row, number, spanned) for number, row in enumerate(rows)),
        *marks,
        viewBox=f"0 0 {WIDTH} {height + 20}",
        role="img",
        aria_label=label,
        class_="drawing",
    )


def _interval(row: Interval, number: int, spanned: Range) -> Markup:
    """Return one row of a forest."""
    middle = number * _ROW + _ROW / 2

    def x(at: float) -> float:
        return _LEFT + (at - spanned.low) / (spanned.high - spanned.low) * (_RIGHT - _LEFT)

    drawn = [element("text", row.name, x="0", y=f"{middle + 4:g}")]
    if row.margin is not None:
        drawn.append(_line(x(row.margin), middle - 9, middle + 9, "margin"))
    if row.lower is not None and row.upper is not None:
        drawn.append(
            element(
                "line",
                x1=f"{x(row.lower):.1f}",
                x2=f"{x(row.upper):.1f}",
                y1=f"{middle:g}",
                y2=f"{middle:g}",
                class_=f"interval {row.class_}",
            )
        )
    if row.mean is not None:
        drawn.append(_box(x(row.mean) - 3.5, middle - 3.5, 7, 7, "mean"))
    return joined(drawn)


def timeline(spans: Sequence[Span], label: str) -> Markup:
    """Return stretches of time side by side; what is too short to be seen is a thin line."""
    first, last = spans[0].first_ns, spans[-1].last_ns
    whole = max(1, last - first)

    def x(at_ns: int) -> float:
        return (at_ns - first) / whole * WIDTH

    return element(
        "svg",
        *_stretches(spans, x_of=[(x(one.first_ns), x(one.last_ns)) for one in spans]),
        viewBox=f"0 0 {WIDTH} 44",
        role="img",
        aria_label=label,
        class_="drawing",
    )


def _stretches(spans: Sequence[Span], x_of: Sequence[tuple[float, float]]) -> Iterator[Markup]:
    """Yield the stretches, those without a label last, so that nothing hides them."""
    pairs = list(zip(spans, x_of, strict=True))
    for span, (start, end) in sorted(pairs, key=lambda pair: not pair[0].label):
        yield _box(start, 6, max(2.0, end - start), 18, span.class_)
        if span.label:
            middle = f"{min(WIDTH - 30, max(30, (start + end) / 2)):.1f}"
            yield element("text", span.label, x=middle, y="40", text_anchor="middle")


def _box(x: float, y: float, width: float, height: float, class_: str) -> Markup:
    """Return a box."""
    return element(
        "rect",
        x=f"{x:.1f}",
        y=f"{y:g}",
        width=f"{width:.1f}",
        height=f"{height:g}",
        class_=class_,
    )


def _line(x: float, top: float, bottom: float, class_: str) -> Markup:
    """Return an upright line."""
    return element(
        "line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=f"{top:g}", y2=f"{bottom:g}", class_=class_
    )
