"""Samples of a symbol, found among its recorded decisions as the kernel took them.

A row says how many samples there were (what the warm-up gate judged), so a sample is where that
number rises. A pause that is longer than declared is no return: the kernel begins anew after it,
which no row says, so it is found by the times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from torghut.schemas.rows import Floats, Integers

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleTiming:
    """When features of a symbol move, as declared."""

    interval_ns: int
    gap_ns: int


@dataclass(slots=True, kw_only=True)
class Sampler:
    """Where one symbol is in its samples.

    Attributes:
        samples: So far; NaN before the first decision that was looked at.
        moved_ns: When the last was taken, or sampling began anew; -1 while nobody knows.
        seen_ns: Receive time of the last decision.
        paused: Whether a pause came since the last sample, or there was none.
    """

    samples: float = np.nan
    moved_ns: int = -1
    seen_ns: int = -1
    paused: bool = True

    def take(
        self, samples: Floats, receive_ns: Integers, timing: SampleTiming
    ) -> tuple[Integers, Flags]:
        """Return which of the symbol's next decisions are at a sample, and follow a pause.

        Args:
            samples: Shape (n,), n > 0: taken so far, as each decision says.
            receive_ns: Shape (n,).
            timing: As declared.

        Returns:
            Places, shape (k,), and for each whether no return joins it to the sample before.
        """
        if np.isnan(self.samples) and samples[0] == 1.0:
            self.moved_ns = int(receive_ns[0])
        before = np.concatenate([[self.samples], samples[:-1]])
        # The first sample has a level but no return yet: the kernel's features do not move.
        places = np.flatnonzero((samples > before) & (samples > 1.0))
        pauses = self._pauses(places, receive_ns, timing)
        passed = np.searchsorted(pauses, places)
        gaps = np.diff(passed, prepend=0) > 0
        if len(places):
            gaps[0] |= self.paused
            self.paused = len(pauses) > int(passed[-1])
        else:
            self.paused |= len(pauses) > 0
        self.samples, self.seen_ns = float(samples[-1]), int(receive_ns[-1])
        return places, gaps

    def _pauses(self, places: Integers, receive_ns: Integers, timing: SampleTiming) -> Integers:
        """Return the places at which sampling began anew after a pause."""
        since = np.diff(receive_ns, prepend=self.seen_ns if self.seen_ns >= 0 else receive_ns[0])
        candidates = np.flatnonzero(since > timing.gap_ns - timing.interval_ns)
        begun_ns, taken = self.moved_ns, np.searchsorted(places, candidates, side="right")
        found: list[int] = []
        for place, count in zip(candidates.tolist(), taken.tolist(), strict=True):
            if count:
                begun_ns = max(begun_ns, int(receive_ns[places[count - 1]]))
            if 0 <= begun_ns < int(receive_ns[place]) - timing.gap_ns:
                found.append(place)
                begun_ns = int(receive_ns[place])
        if len(places):
            begun_ns = max(begun_ns, int(receive_ns[places[-1]]))
        self.moved_ns = begun_ns
        return np.array(found, np.int64)
