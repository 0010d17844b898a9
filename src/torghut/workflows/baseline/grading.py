"""Grades decisions: did the price go their way, within the horizon, by more than it cost?

A decision's confidence is the probability of exactly that, so the same grades give the hit ratio
and the Brier score. One decision a horizon is graded for each symbol, the next one where that
horizon ends: grades that share a return would count it twice. A horizon that holds a longer pause
than declared is no horizon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from torghut.kernel.units import NS_PER_MS, NS_PER_S
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.governing.fields import Reading, reading_of
from torghut.workflows.report.columns import Floats, Integers, RowArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A decision whose horizon has not ended.

    Attributes:
        receive_ns: When it was decided.
        side: 1 for a long target, -1 for a short one.
        mid: Reference price.
        cost: Of the round trip, as a ratio of the price.
        confidence: As decided.
        seen: Decisions about the symbol since.
    """

    receive_ns: int
    side: float
    mid: float
    cost: float
    confidence: float
    seen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """One symbol's decisions of one block, in order, shape (n,) each."""

    receive_ns: Integers
    mid: Floats
    cost: Floats
    target: Floats
    confidence: Floats


class Grader:
    """Grades one symbol's decisions as they come.

    Args:
        instrument: Says how far a decision looks ahead, and what trading costs.
    """

    def __init__(self, instrument: Instrument) -> None:
        sampling, costs = instrument.sampling, instrument.costs
        self._by_count = sampling.sample_interval_ms == 0
        self._samples = sampling.horizon_samples
        self._horizon_ns = sampling.horizon_samples * sampling.sample_interval_ms * NS_PER_MS
        self._pause_ns = sampling.longest_pause_s * NS_PER_S
        self._paid = 2.0 * (costs.fee_bps + costs.slippage_bps) / 10_000.0
        self._open: Open | None = None
        self._graded = 0
        self._hits = 0
        self._squares = 0.0

    @property
    def hit_ratio(self) -> Reading:
        """Return how many of the graded decisions gained more than they cost."""
        value = self._hits / self._graded if self._graded else None
        return reading_of(value, samples=self._graded)

    @property
    def brier(self) -> Reading:
        """Return the mean squared difference of confidence and outcome."""
        value = self._squares / self._graded if self._graded else None
        return reading_of(value, samples=self._graded)

    def take(self, rows: RowArray) -> None:
        """Take in the symbol's next decisions, shape (n,), dtype ``DECISION``."""
        mid = np.ascontiguousarray(rows["reference_price"])
        found = Decisions(
            receive_ns=np.maximum.accumulate(rows["receive_ns"]),
            mid=mid,
            cost=(rows["ask"] - rows["bid"]) / mid + self._paid,
            target=np.nan_to_num(rows["target"]),
            confidence=np.ascontiguousarray(rows["confidence"]),
        )
        # Only a decision with a direction and a promise can be right or wrong.
        eligible = np.flatnonzero((found.target != 0.0) & (found.confidence > 0.0))
        place = 0
        while place < len(rows):
            if self._open is None:
                later = int(np.searchsorted(eligible, place))
                if later == len(eligible):
                    return
                place = self._begin(found, int(eligible[later])) + 1
            else:
                place = self._end(found, place, self._open)

    def _begin(self, found: Decisions, place: int) -> int:
        """Open the decision at ``place``."""
        self._open = Open(
            receive_ns=int(found.receive_ns[place]),
            side=float(np.sign(found.target[place])),
            mid=float(found.mid[place]),
            cost=float(found.cost[place]),
            confidence=float(found.confidence[place]),
        )
        return place

    def _end(self, found: Decisions, place: int, opened: Open) -> int:
        """Grade ``opened`` where its horizon ends at or after ``place``; return where to go on."""
        count = len(found.receive_ns)
        if self._by_count:
            end = place + self._samples - opened.seen - 1
        else:
            ends_ns = opened.receive_ns + self._horizon_ns
            end = place + int(np.searchsorted(found.receive_ns[place:], ends_ns))
        if end >= count:
            self._open = _after(opened, count - place)
            return count
        self._open = None
        latest_ns = opened.receive_ns + self._horizon_ns + self._pause_ns
        if self._by_count or int(found.receive_ns[end]) <= latest_ns:
            self._grade(opened, float(found.mid[end]))
        return end

    def _grade(self, opened: Open, mid: float) -> None:
        """Count what became of a decision."""
        gained = opened.side * (mid / opened.mid - 1.0) > opened.cost
        self._graded += 1
        self._hits += gained
        self._squares += (opened.confidence - gained) ** 2


def _after(opened: Open, decisions: int) -> Open:
    """Return ``opened`` after so many more decisions."""
    return Open(
        receive_ns=opened.receive_ns,
        side=opened.side,
        mid=opened.mid,
        cost=opened.cost,
        confidence=opened.confidence,
        seen=opened.seen + decisions,
    )
