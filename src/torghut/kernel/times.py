"""Times as people read them, in UTC: exactly, to the second, or the day alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_NS_PER_S: Final = 1_000_000_000


def moment(time_ns: int) -> str:
    """Return a time as exactly as it is known.

    Example:
        >>> moment(1_262_610_000_000_000_000), moment(1_262_610_000_050_000_000)
        ('2010-01-04T13:00:00Z', '2010-01-04T13:00:00.05Z')
    """
    rest = f"{time_ns % _NS_PER_S:09}".rstrip("0")
    return f"{instant(time_ns)[:-1]}{'.' if rest else ''}{rest}Z"


def instant(time_ns: int) -> str:
    """Return a time to the second that it is in.

    Example:
        >>> instant(1_262_610_000_050_000_000)
        '2010-01-04T13:00:00Z'
    """
    found = datetime.fromtimestamp(time_ns // _NS_PER_S, tz=UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def day(time_ns: int) -> str:
    """Return the day of a time.

    Example:
        >>> day(1_262_610_000_000_000_000)
        '2010-01-04'
    """
    return instant(time_ns)[:10]
