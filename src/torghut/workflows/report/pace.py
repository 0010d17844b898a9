"""How fast it went: histograms of what the loop measured, in constant memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.workflows.decision_loop import Timing
from torghut.workflows.report.columns import Integers

_PER_OCTAVE: Final = 16
_BINS: Final = 48 * _PER_OCTAVE
"""Up to 2**48 ns, three days."""


@dataclass(slots=True, kw_only=True)
class Times:
    """Times in bins of a sixteenth of an octave.

    Attributes:
        longest_ns: The longest.
        bins: Shape (bins,): how many times fell into each.
    """

    longest_ns: int = 0
    bins: Integers = field(default_factory=lambda: np.zeros(_BINS, np.int64))

    def add(self, time_ns: int, count: int = 1) -> None:
        """Note that something took that long, ``count`` times."""
        passed = max(0, time_ns)
        place = int(_PER_OCTAVE * math.log2(passed + 1))
        self.bins[min(place, _BINS - 1)] += count
        self.longest_ns = max(self.longest_ns, passed)

    def add_all(self, times_ns: Integers) -> None:
        """Note many times at once, shape (n,)."""
        if not len(times_ns):
            return
        passed = np.maximum(0, times_ns)
        places = (_PER_OCTAVE * np.log2(passed + 1.0)).astype(np.int64)
        self.bins += np.bincount(np.minimum(places, _BINS - 1), minlength=_BINS)
        self.longest_ns = max(self.longest_ns, int(passed.max()))

    def quantile_ns(self, share: float) -> int | None:
        """Return a time that ``share`` of all do not exceed, up to 5 % more; None without any."""
        total = int(self.bins.sum())
        if total == 0:
            return None
        place = int(np.searchsorted(np.cumsum(self.bins), share * total))
        upper: float = 2.0 ** ((place + 1) / _PER_OCTAVE)
        return min(self.longest_ns, math.ceil(upper))


@dataclass(slots=True, kw_only=True)
class Pace:
    """What was measured while the report listened.

    Attributes:
        began_ns: When the report began to listen, on the wall clock.
        last_ns: When the last block was told of.
        decide: From columns to a whole block, divided by its contexts: one time for each.
        durable: From then until the loop knew the block durable: one time for each block.
    """

    began_ns: int
    last_ns: int = 0
    decide: Times = field(default_factory=Times)
    durable: Times = field(default_factory=Times)

    def tick(self, now_ns: int, timing: Timing | None, contexts: int) -> None:
        """Note that a block of so many contexts was told of."""
        self.last_ns = now_ns
        if timing is None:
            return
        self.durable.add(timing.durable_ns)
        if contexts:
            self.decide.add(timing.decide_ns // contexts, contexts)

    @property
    def elapsed_ns(self) -> int:
        """Return the time from the beginning to the last block; a wall clock may be set back."""
        return max(0, self.last_ns - self.began_ns)
