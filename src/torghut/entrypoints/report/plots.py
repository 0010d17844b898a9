"""One chart: a frame with axes, and curves in it, all in a fixed drawing that scales as a whole.

Curves are drawn in points across and quarter units upwards, inside a group that stretches them
to the frame; strokes do not stretch with it, and text stands outside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torghut.entrypoints.report.axes import Range, Tick, value_ticks
from torghut.entrypoints.report.markup import Markup, element, joined

WIDTH: Final = 1000
LEFT: Final = 90
RIGHT: Final = 996
UNITS: Final = 4
"""Into how many steps curves divide a unit of the drawing, upwards."""
_TIMES_HEIGHT: Final = 18
_TEXT_DROP: Final = 4
_LABEL_HALF: Final = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where curves are drawn.

    Attributes:
        points: How many there are across; at least 1.
        height: Of the frame, in drawing units.
        spanned: What the upward axis spans.
    """

    points: int
    height: int
    spanned: Range

    @property
    def floor(self) -> int:
        """Return the lower edge, in steps of a curve."""
        return self.height * UNITS

    def steps(self, value: float) -> int:
        """Return how far below the upper edge a value is, in steps of a curve."""
        span = self.spanned.high - self.spanned.low
        return round((self.spanned.high - value) / span * self.floor)

    def heights(self, values: Sequence[float | None]) -> list[int | None]:
        """Return all values in steps of a curve; None where there is none or it is not finite."""
        return [
            None if value is None or not math.isfinite(value) else self.steps(value)
            for value in values
        ]

    def x(self, point: float) -> float:
        """Return where a point is across the drawing."""
        return LEFT + point * (RIGHT - LEFT) / max(1, self.points - 1)

    def y(self, value: float) -> float:
        """Return where a value is in the drawing."""
        return self.steps(value) / UNITS


def curve(path: str, class_: str) -> Markup:
    """Return path data as a curve of a class, which says its colour; nothing for no path."""
    return element("path", d=path, class_=class_) if path else Markup()


def chart(
    frame: Frame,
    curves: Sequence[Markup],
    times: Sequence[Tick],
    *,
    label: str,
    values: Sequence[Tick] | None = None,
    show_times: bool = False,
) -> Markup:
    """Return a chart.

    Args:
        frame: Where to draw.
        curves: From back to front.
        times: Ticks across, at points.
        label: What it shows, for those who cannot see it.
        values: Ticks upwards; round values by default.
        show_times: Whether the ticks across are labelled.
    """
    upward = value_ticks(frame.spanned) if values is None else values
    below = _TIMES_HEIGHT if show_times else 2
    scale = f"scale({frame.x(1) - frame.x(0):.6g} {1 / UNITS:g})"
    return element(
        "svg",
        _grid(frame, upward, times),
        element("g", *curves, transform=f"translate({LEFT} 0) {scale}", class_="curves"),
        _value_labels(frame, upward),
        _time_labels(frame, times) if show_times else Markup(),
        element("line", x1="-9", x2="-9", y1="0", y2=str(frame.height), class_="cursor"),
        viewBox=f"0 0 {WIDTH} {frame.height + below}",
        role="img",
        aria_label=label,
        class_="chart",
    )


def _grid(frame: Frame, upward: Sequence[Tick], across: Sequence[Tick]) -> Markup:
    """Return the lines at all ticks."""
    level = "".join(f"M{LEFT} {frame.y(tick.at):g}H{RIGHT}" for tick in upward)
    upright = "".join(f"M{frame.x(tick.at):.1f} 0V{frame.height}" for tick in across)
    return element("path", d=level + upright + f"M{LEFT} {frame.height}H{RIGHT}", class_="grid")


def _value_labels(frame: Frame, ticks: Sequence[Tick]) -> Markup:
    """Return the labels of the upward axis."""
    return joined(
        element(
            "text",
            tick.label,
            x=str(LEFT - 6),
            y=f"{min(frame.height - 1, max(9, frame.y(tick.at) + _TEXT_DROP)):g}",
            text_anchor="end",
        )
        for tick in ticks
    )


def _time_labels(frame: Frame, ticks: Sequence[Tick]) -> Markup:
    """Return the labels of the axis across."""
    return joined(
        element(
            "text",
            tick.label,
            x=f"{min(RIGHT - _LABEL_HALF, max(LEFT, frame.x(tick.at))):.1f}",
            y=str(frame.height + 13),
            text_anchor="middle",
        )
        for tick in ticks
    )
