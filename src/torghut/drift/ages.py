"""Ages counted by whole milliseconds, so that a percentile of any number of them fits in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.kernel.units import NS_PER_MS
from torghut.schemas.rows import Integers

_EXACT: Final = 1 << 20
"""Milliseconds (17.5 min) up to which each has a count of its own."""

_FINE: Final = 1 << 10
"""Counts between one power of two and the next, from there on."""

_POWERS: Final = 43
"""Powers of two from there to the largest number of nanoseconds."""


@dataclass(slots=True, kw_only=True)
class AgeCounts:
    """Ages, each rounded up to whole milliseconds; from 17.5 minutes on, up by 0.1 % at most.

    Attributes:
        count: How many there are.
    """

    count: int = 0
    _counts: Integers = field(default_factory=lambda: np.zeros(_EXACT, np.int64))
    _long: Integers = field(default_factory=lambda: np.zeros(_POWERS * _FINE, np.int64))

    def take(self, age_ns: Integers) -> None:
        """Count ages, shape (n,), each 0 ns or more."""
        values, counts = np.unique(-(-age_ns // NS_PER_MS), return_counts=True)
        short = values < _EXACT
        self._counts[values[short]] += counts[short]
        if not short.all():
            np.add.at(self._long, _places(values[~short]), counts[~short])
        self.count += len(age_ns)

    def percentile(self, percent: int) -> float | None:
        """Return the nearest-rank percentile in ms; None of nothing.

        The smallest age that at least ``percent`` in a hundred do not exceed: the value of rank
        ceil(n * percent / 100) in ascending order (Hyndman and Fan 1996, definition 1).

        Args:
            percent: From 1 to 100.
        """
        if self.count == 0:
            return None
        rank = -(-self.count * percent // 100)
        below = np.cumsum(self._counts)
        if rank <= below[-1]:
            return float(np.searchsorted(below, rank))
        beyond = np.cumsum(self._long) + below[-1]
        return _last_of(int(np.searchsorted(beyond, rank)))


def _places(ms: Integers) -> Integers:
    """Return where the counts of long ages are."""
    power = np.frexp(ms.astype(np.float64))[1] - _EXACT.bit_length()
    step = _EXACT // _FINE << power.astype(np.int64)
    return np.asarray(power * _FINE + (ms // step - _FINE), np.int64)


def _last_of(place: int) -> float:
    """Return the longest age that is counted at ``place``, in ms."""
    power, fine = divmod(place, _FINE)
    step = _EXACT // _FINE << power
    return float((fine + _FINE + 1) * step - 1)
