"""Times as people type them: RFC 3339 with a zone, to the nanosecond, or a UTC day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click
from typing_extensions import override

from torghut.kernel.units import NS_PER_S
from torghut.schemas.rows import INT64_LAST_NS

_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"([Tt ](?P<clock>\d{2}:\d{2}:\d{2})(\.(?P<rest>\d{1,9}))?(?P<zone>[Zz]|[+-]\d{2}:\d{2}))?",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_NS: Final = 86_400 * NS_PER_S


class TimeType(click.ParamType):
    """Nanoseconds since 1970 UTC.

    Args:
        ends: Whether a day stands for its last instant, not its first.
    """

    name = "time"

    def __init__(self, *, ends: bool = False) -> None:
        self._ends = ends

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        time_ns = parse_time(str(value), ends=self._ends)
        if time_ns is None:
            self.fail(
                "expected a day such as 2010-01-04 or a time with its zone such as "
                f"2010-01-04T14:30:00Z, found {str(value)!r}",
                param,
                ctx,
            )
        return time_ns


class RangeType(click.ParamType):
    """``FROM..TO``, both included, as nanoseconds since 1970 UTC."""

    name = "range"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        begin, between, end = str(value).partition("..")
        from_ns, to_ns = parse_time(begin), parse_time(end, ends=True)
        if not between or from_ns is None or to_ns is None or from_ns > to_ns:
            self.fail(
                "expected two days or times, the first not after the second, such as "
                f"2010-01-04..2010-03-31, found {str(value)!r}",
                param,
                ctx,
            )
        return from_ns, to_ns


def parse_time(text: str, *, ends: bool = False) -> int | None:
    """Return the nanoseconds since 1970 that ``text`` means; None if it means none.

    Example:
        >>> parse_time("1970-01-02"), parse_time("1970-01-01T01:00:00.000000007+01:00")
        (86400000000000, 7)
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    clock = f"{match['clock']}{match['zone'].upper()}" if match["clock"] else "00:00:00Z"
    try:
        found = datetime.fromisoformat(f"{match['day']}T{clock}")
    except ValueError:
        return None
    time_ns = (found - _EPOCH) // timedelta(seconds=1) * NS_PER_S
    time_ns += int((match["rest"] or "").ljust(9, "0"))
    if ends and not match["clock"]:
        time_ns += _DAY_NS - 1
    return time_ns if 0 <= time_ns <= INT64_LAST_NS else None
