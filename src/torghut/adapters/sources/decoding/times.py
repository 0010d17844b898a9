"""Times as sources write them: integers in a known unit, or RFC 3339; told, never guessed."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from torghut.adapters.sources.decoding.numbers import whole
from torghut.adapters.sources.decoding.verdicts import RefusedError
from torghut.kernel.units import NS_PER_S
from torghut.schemas.codes import RefusalCode
from torghut.schemas.rows import LATEST_NS

PLAUSIBLE_NS: Final = 100_000_000_000_000_000
"""1973-03-03: an integer below this is a count in another unit, such as ms taken for ns."""

_LONGEST_FRACTION: Final = 9

_RFC3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class TimeForm(StrEnum):
    """How a column of times is written."""

    NS = "ns"
    US = "us"
    MS = "ms"
    S = "s"
    RFC3339 = "rfc3339"

    @property
    def ns_per_unit(self) -> int:
        """Return how many nanoseconds one unit is; 1 for RFC 3339, which becomes nanoseconds."""
        return _NS_PER_UNIT[self]


_NS_PER_UNIT: Final = {
    TimeForm.NS: 1,
    TimeForm.US: 1_000,
    TimeForm.MS: 1_000_000,
    TimeForm.S: NS_PER_S,
    TimeForm.RFC3339: 1,
}


def parse_time(text: str, form: TimeForm) -> int:
    """Return the nanoseconds since 1970 that ``text`` spells in ``form``.

    Raises:
        RefusedError: It is empty, no time, or a time that no context has.

    Example:
        >>> parse_time("1723161255208", TimeForm.MS)
        1723161255208000000
        >>> parse_time("2024-08-08T23:54:15.208Z", TimeForm.RFC3339)
        1723161255208000000
    """
    if not text:
        raise RefusedError(RefusalCode.MISSING_FIELD)
    value = parse_rfc3339(text) if form is TimeForm.RFC3339 else whole(text)
    if value is None:
        raise RefusedError(RefusalCode.WRONG_TYPE)
    return in_range(value) if form is TimeForm.RFC3339 else count_to_ns(value, form)


def count_to_ns(value: int, form: TimeForm) -> int:
    """Return ``value`` units as nanoseconds since 1970.

    Raises:
        RefusedError: That is before 1973, so another unit, or no time that a context has.
    """
    ns = value * form.ns_per_unit
    return in_range(ns if ns >= PLAUSIBLE_NS else -1)


def in_range(ns: int) -> int:
    """Return ``ns`` if a context can have that time.

    Raises:
        RefusedError: It cannot.
    """
    if not 0 < ns < LATEST_NS:
        raise RefusedError(RefusalCode.TIME_OUT_OF_RANGE)
    return ns


def parse_rfc3339(text: str) -> int | None:
    """Return the nanoseconds since 1970 that ``text`` spells, or None if it is no such time.

    A zone is required, at most nine digits follow the point, and there are no leap seconds.

    Example:
        >>> parse_rfc3339("1970-01-01T01:00:00.000000001+01:00")
        1
        >>> parse_rfc3339("2024-02-30T00:00:00Z"), parse_rfc3339("2024-02-03T00:00:00")
        (None, None)
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        local = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC
        )
    except ValueError:
        return None
    offset_s = _offset_s(zone)
    if offset_s is None:
        return None
    seconds = (local - datetime(1970, 1, 1, tzinfo=UTC)) // _SECOND - offset_s
    return seconds * NS_PER_S + int((fraction or "").ljust(_LONGEST_FRACTION, "0"))


_SECOND: Final = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
_LAST_HOUR: Final = 23
_LAST_MINUTE: Final = 59


def _offset_s(zone: str) -> int | None:
    """Return the seconds that ``zone`` is ahead of UTC, or None if no clock shows it."""
    if zone in {"Z", "z"}:
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > _LAST_HOUR or minutes > _LAST_MINUTE:
        return None
    ahead = hours * 3600 + minutes * 60
    return -ahead if zone[0] == "-" else ahead


def detect_form(text: str) -> TimeForm | None:
    """Return the only form in which ``text`` is a time between 1973 and 2200, if there is one.

    Example:
        >>> [str(detect_form(t)) for t in ("1723161255", "1723161255208", "1723161255208000000")]
        ['s', 'ms', 'ns']
        >>> detect_form("1787") is None
        True
    """
    forms = [form for form in TimeForm if _is_time(text, form)]
    return forms[0] if len(forms) == 1 else None


def _is_time(text: str, form: TimeForm) -> bool:
    """Return whether ``text`` is a usable time in ``form``."""
    try:
        parse_time(text, form)
    except RefusedError:
        return False
    return True
