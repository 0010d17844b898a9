"""From a wall clock to UTC, on the two days a year when it jumps as well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from torghut.adapters.sources.errors import SourceZoneError
from torghut.schemas.rows import Integers

DAY_MS: Final = 86_400_000
NS_PER_MS: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock's reading
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalDay:
    """One day of a zone's wall clock.

    Attributes:
        midnight_ns: The instant of 00:00.
        switch_ms: Wall clock, in ms since 00:00, from which ``change_ms`` holds.
        change_ms: How far the clock was put forward (back: negative); 0 on a plain day.
    """

    midnight_ns: int
    switch_ms: int
    change_ms: int

    def instant(self, clock_ms: int) -> int:
        """Return the instant when the clock showed ``clock_ms`` since 00:00, in ns since 1970.

        An hour that the clock shows twice is taken as the first; -1 for a reading that no clock
        showed on that day.
        """
        if (
            not 0 <= clock_ms < DAY_MS
            or self.switch_ms - self.change_ms <= clock_ms < self.switch_ms
        ):
            return -1
        change_ms = self.change_ms if clock_ms >= self.switch_ms else 0
        return self.midnight_ns + (clock_ms - change_ms) * NS_PER_MS

    def instants(self, clock_ms: Integers) -> Integers:
        """Return ``instant`` of each reading, shape (n,), and -1 where there is none."""
        shown = (clock_ms >= 0) & (clock_ms < DAY_MS)
        shown &= (clock_ms < self.switch_ms - self.change_ms) | (clock_ms >= self.switch_ms)
        change_ms = np.where(clock_ms >= self.switch_ms, self.change_ms, 0)
        return np.where(shown, self.midnight_ns + (clock_ms - change_ms) * NS_PER_MS, -1)


_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2199
_NEVER: Final = LocalDay(midnight_ns=0, switch_ms=DAY_MS, change_ms=DAY_MS)


@lru_cache(maxsize=4096)
def local_day(zone_name: str, day: date) -> LocalDay:
    """Return ``day`` as the wall clocks of ``zone_name`` showed it.

    On a day of a year that no context has, no clock shows anything.

    Raises:
        SourceZoneError: This machine knows no time zones.
    """
    zone = find_zone(zone_name)
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return _NEVER
    before = _ahead_ms(zone, day, 0)
    change_ms = _ahead_ms(zone, day + timedelta(days=1), 0) - before
    midnight_ms = (datetime.combine(day, time()) - _EPOCH) // timedelta(milliseconds=1)
    switch_ms = DAY_MS if change_ms == 0 else _switch_ms(zone, day, before)
    return LocalDay(
        midnight_ns=(midnight_ms - before) * NS_PER_MS, switch_ms=switch_ms, change_ms=change_ms
    )


@lru_cache(maxsize=8)
def find_zone(zone_name: str) -> ZoneInfo:
    """Return the zone of that name.

    Raises:
        SourceZoneError: This machine knows no time zones.
    """
    try:
        return ZoneInfo(zone_name)
    except ZoneInfoNotFoundError as error:
        raise SourceZoneError(zone=zone_name) from error


def _ahead_ms(zone: ZoneInfo, day: date, clock_ms: int) -> int:
    """Return how far the wall clock is ahead of UTC at one of its readings, the earlier of two."""
    reading = datetime.combine(day, time()) + timedelta(milliseconds=clock_ms)
    offset = reading.replace(tzinfo=zone).utcoffset() or timedelta()
    return offset // timedelta(milliseconds=1)


def _switch_ms(zone: ZoneInfo, day: date, before_ms: int) -> int:
    """Return the first reading of ``day`` with another offset, to the minute."""
    low, high = 0, DAY_MS // _MINUTE_MS
    while high - low > 1:
        middle = (low + high) // 2
        if _ahead_ms(zone, day, middle * _MINUTE_MS) == before_ms:
            low = middle
        else:
            high = middle
    return high * _MINUTE_MS
