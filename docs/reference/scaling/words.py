"""Figures as people read them: three digits and a unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from docs.reference.scaling.figures import Figure
from docs.reference.scaling.loads import Answer, Lack

_THOUSAND: Final = 1000.0
_BYTES: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_DIGITS: Final = 3
_TIMES: Final = ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"))
_SPOKEN: Final = 2
"""Of a unit there are at least so many before the next one is taken."""


def number(answer: Answer) -> str:
    """Return a number with three digits that count, or why there is none.

    Example:
        >>> number(12345.6), number(0.01234), number(3)
        ('12,300', '0.0123', '3')
    """
    if isinstance(answer, Lack):
        return answer.value
    if answer >= _THOUSAND:
        return f"{float(f'{answer:.{_DIGITS}g}'):,.0f}"
    return f"{answer:.{_DIGITS}g}"


def whole(answer: Answer) -> str:
    """Return a count, every digit of it, or why there is none."""
    return answer.value if isinstance(answer, Lack) else f"{answer:,.0f}"


def size(answer: Answer) -> str:
    """Return bytes, in powers of 1,000.

    Example:
        >>> size(3_219.0), size(12.0)
        ('3.22 kB', '12 B')
    """
    if isinstance(answer, Lack):
        return answer.value
    left, units = answer, list(_BYTES)
    while left >= _THOUSAND and len(units) > 1:
        left /= _THOUSAND
        del units[0]
    return f"{number(left)} {units[0]}"


def time(answer: Answer) -> str:
    """Return a duration given in s.

    Example:
        >>> time(7_200.0), time(0.004)
        ('2 h', '4 ms')
    """
    if isinstance(answer, Lack):
        return answer.value
    for length, unit in _TIMES:
        if answer >= _SPOKEN * length:
            return f"{number(answer / length)} {unit}"
    return f"{number(answer * _THOUSAND)} ms"


def quantity(found: Figure | None, worded: Callable[[Answer], str], unit: str = "") -> str:
    """Return a measured figure in words, or that there is none."""
    if found is None:
        return Lack.NOT_MEASURED.value
    return f"{worded(found.value)} {unit}".rstrip()


def row(*cells: str) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def heading(*cells: str) -> str:
    """Return the head of a table."""
    return row(*cells) + "|" + "---|" * len(cells) + "\n"
