"""Figures of a review in the units that a reviewer thinks in, and the colour of a status."""

from __future__ import annotations

from typing import Final

from torghut.entrypoints.report.figures import NONE
from torghut.entrypoints.report.markup import Content, Markup, element
from torghut.kernel.units import NS_PER_S

_BPS: Final = 1e4
_LENGTHS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))
_CLASSES: Final = {"pass": "pass", "fail": "fail", "insufficient": "fail"}


def bps(ratio: float | None) -> str:
    """Return a ratio in hundredths of a per cent, signed, to four digits.

    Example:
        >>> bps(0.00012346), bps(-2e-8), bps(None)
        ('+1.235', '-0.0002', 'n/a')
    """
    if ratio is None:
        return NONE
    value = ratio * _BPS
    return f"{value:+.4g}" if value else "0"


def figure(value: float | None) -> str:
    """Return a number to five digits.

    Example:
        >>> figure(5976.0), figure(0.013380731), figure(None)
        ('5,976', '0.013381', 'n/a')
    """
    if value is None:
        return NONE
    if value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - exact
        return f"{int(value):,}"
    return f"{value:.5g}"


def length(time_ns: int) -> str:
    """Return a stretch of time in the largest unit that it fills.

    Example:
        >>> length(1_200_000_000_000), length(90_000_000_000), length(400)
        ('20 min', '1.5 min', '0 s')
    """
    seconds = time_ns / NS_PER_S
    scale, unit = next(((s, u) for s, u in _LENGTHS if seconds >= s), (1, "s"))
    return f"{round(seconds / scale, 2):g} {unit}"


def status_class(status: str) -> str:
    """Return the class by which a status is coloured.

    Example:
        >>> status_class("insufficient"), status_class("skip")
        ('fail', 'wait')
    """
    return _CLASSES.get(status, "wait")


def badge(text: str, class_: str) -> Markup:
    """Return what must not be overlooked."""
    return element("span", text, class_=f"badge {class_}")


def rows_table(
    caption: str, headings: tuple[tuple[str, str], ...], rows: list[list[tuple[str, Content]]]
) -> Markup:
    """Return a table whose cells each have a class of their own.

    Args:
        caption: What it shows.
        headings: A text and a class a column.
        rows: A class and a content a cell; the first of each row names it.
    """
    head = element("tr", *(element("th", text, class_=class_) for text, class_ in headings))
    body = [
        element(
            "tr",
            element("th", row[0][1]),
            *(element("td", content, class_=class_) for class_, content in row[1:]),
        )
        for row in rows
    ]
    content = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
    )
    return element("div", content, class_="scroll")
