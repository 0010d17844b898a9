"""Which texts are numbers: ASCII decimals, and nothing else that Python would take for one.

``float()`` and ``int()`` also take underscores, spaces and the digits of every script.
"""

from __future__ import annotations

import re
from typing import Final

SEQUENCE_LIMIT: Final = 2**63
"""Sequences are below this; what is not has no place in a row."""

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE | re.ASCII)
_INTEGER: Final = re.compile(r"-?[0-9]+")
_MOST_DIGITS: Final = 40
_BEYOND: Final = 10**_MOST_DIGITS


def real(text: str) -> float | None:
    """Return the float64 nearest to the number that ``text`` spells, or None if it spells none.

    NaN and infinities are numbers here: whether they may be prices is not for a source to say. A
    number beyond float64 is an infinity.

    Example:
        >>> real("1.38729"), real("-0"), real("1e400"), real("NaN")
        (1.38729, -0.0, inf, nan)
        >>> [real(text) for text in ("", " 1", "1_000", "0x10", "1,5", "\u0661")]
        [None, None, None, None, None, None]
    """
    if _DECIMAL.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return float(text)
    return None


def whole(text: str) -> int | None:
    """Return the integer that ``text`` spells, or None if it spells none.

    Beyond 40 digits only its sign and the fact that it is too large for anything are kept.

    Example:
        >>> whole("1787"), whole("-5"), whole("+5"), whole("1.0"), whole("")
        (1787, -5, None, None, None)
    """
    if _INTEGER.fullmatch(text) is None:
        return None
    if len(text) <= _MOST_DIGITS:
        return int(text)
    return -_BEYOND if text.startswith("-") else _BEYOND
