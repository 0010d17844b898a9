"""How fast blocks became durable: a histogram of the time between them, in constant memory."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.workflows.report.columns import Integers

_PER_OCTAVE: Final = 16
_BINS: Final = 48 * _PER_OCTAVE
"""Up to 2**48 ns, three days."""


@dataclass(slots=True, kw_only=True)
class Pace:
    """When blocks were told of, on the wall clock.

    Attributes:
        began_ns: When the report began to listen.
        last_ns: When the last block was told of.
        longest_ns: Longest time between two blocks.
        bins: Shape (bins,): how many times between blocks fell into each bin, each a sixteenth
            of an octave wide.
    """

    began_ns: int
    last_ns: int = 0
    longest_ns: int = 0
    bins: Integers = field(default_factory=lambda: np.zeros(_BINS, np.int64))

    def tick(self, now_ns: int) -> None:
        """Note that a block was told of."""
        if self.last_ns:
            # A wall clock may be set back.
            passed = max(0, now_ns - self.last_ns)
            place = int(_PER_OCTAVE * math.log2(passed + 1))
            self.bins[min(place, _BINS - 1)] += 1
            self.longest_ns = max(self.longest_ns, passed)
        self.last_ns = now_ns

    @property
    def elapsed_ns(self) -> int:
        """Return the time from the beginning to the last block."""
        return max(0, self.last_ns - self.began_ns)

    def quantile_ns(self, share: float) -> int | None:
        """Return a time that ``share`` of those between blocks do not exceed, up to 5 % more."""
        total = int(self.bins.sum())
        if total == 0:
            return None
        place = int(np.searchsorted(np.cumsum(self.bins), share * total))
        upper: float = 2.0 ** ((place + 1) / _PER_OCTAVE)
        return min(self.longest_ns, math.ceil(upper))
