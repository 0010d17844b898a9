"""Numbers, times and money as people read them, the same on the page and on the screen."""

from __future__ import annotations

from typing import Final

from torghut.kernel import times
from torghut.kernel.units import NS_PER_S

NONE: Final = "n/a"
"""Stands where there is no figure."""

_UNITS: Final = ((1, "ns"), (1_000, "µs"), (1_000_000, "ms"), (NS_PER_S, "s"))


def count(number: int) -> str:
    """Return a whole number with its thousands apart.

    Example:
        >>> count(1198638)
        '1,198,638'
    """
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """Return a part of a whole in per cent; a little is never shown as nothing.

    Example:
        >>> share(1, 8), share(1, 1_000_000), share(0, 0)
        ('12.5 %', '<0.1 %', 'n/a')
    """
    if whole == 0:
        return NONE
    percent = 100.0 * part / whole
    return "<0.1 %" if 0.0 < percent < 0.05 else f"{percent:.1f} %"  # noqa: PLR2004


def money(amount: float) -> str:
    """Return an amount of money with its sign.

    Example:
        >>> money(-848.2542), money(3689.4), money(0.0)
        ('-848.25', '+3,689.40', '0.00')
    """
    text = f"{abs(amount):,.2f}"
    if text == "0.00":
        return text
    return f"{'-' if amount < 0 else '+'}{text}"


def paid(amount: float) -> str:
    """Return an amount that is only ever paid, without a sign.

    Example:
        >>> paid(1947.1)
        '1,947.10'
    """
    return f"{amount:,.2f}"


def percent_of(amount: float, whole: float) -> str:
    """Return an amount as a signed percentage of a whole.

    Example:
        >>> percent_of(-848.25, 100_000.0)
        '-0.85 %'
    """
    return f"{money(100.0 * amount / whole)} %" if whole else NONE


def quantity(number: float) -> str:
    """Return a position or a price as short as it is exact to six digits.

    Example:
        >>> quantity(-7000.0), quantity(0.00123), quantity(1.38651)
        ('-7,000', '0.00123', '1.38651')
    """
    rounded = f"{abs(number):,.6g}"
    digits = f"{abs(number):,.0f}" if "e" in rounded and abs(number) >= 1.0 else rounded
    return f"{'-' if number < 0 else ''}{digits}"


def instant(time_ns: int) -> str:
    """Return a time to the second, in UTC.

    Example:
        >>> instant(1_398_916_801_500_000_000)
        '2014-05-01 04:00:01 UTC'
    """
    return times.instant(time_ns).replace("T", " ").replace("Z", " UTC")


def duration(time_ns: int | None) -> str:
    """Return a time passed, to three digits, in the largest unit that keeps it above 1.

    Example:
        >>> duration(1_234_567), duration(999), duration(None)
        ('1.23 ms', '999 ns', 'n/a')
    """
    if time_ns is None:
        return NONE
    scale, unit = next(((s, u) for s, u in reversed(_UNITS) if time_ns >= s), _UNITS[0])
    return f"{time_ns / scale:.3g} {unit}"


def rate(per_second: float | None) -> str:
    """Return how many a second.

    Example:
        >>> rate(267633.5)
        '267,634 /s'
    """
    return NONE if per_second is None else f"{per_second:,.0f} /s"


def printable(text: str) -> str:
    r"""Return text without what moves a cursor, hides or turns round what is around it.

    Example:
        >>> printable("a\x1b[2Jb") == "a\N{REPLACEMENT CHARACTER}[2Jb"
        True
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
