"""The reported book of a symbol: what its venue said it filled and holds, summed exactly.

The position is the last snapshot and every fill executed since; the sum of fills begins with the
first snapshot, or with the one that wrote the rest off. Both are functions of what was reported,
not of the order in which it came: a late fill counts where its time puts it, a corrected one as if
the first had never been. Fills that state no time count when they come.

Sums are of the decimals that were reported. In float64 a fill taken back could leave a trace.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

import numpy as np

from torghut.schemas.control import FillReported, PositionReported

_EXACT: Final = Context(prec=1000)
"""More digits than a sum of quantities has: each is below 1e16 and a multiple of 1e-341."""


@dataclass(slots=True, kw_only=True)
class Fill:
    """What is remembered of a fill, so that it can be taken back.

    Attributes:
        quantity: As reported.
        at_ns: When it was executed; None: it counts by ``order``.
        order: Its place among the reports that were applied; 0 until it is.
        corrected: Whether a fill that replaces it was taken.
        undone: Whether that one was applied: this one counts no more, or will not.
    """

    quantity: Decimal
    at_ns: int | None
    order: int = 0
    corrected: bool = False
    undone: bool = False

    @property
    def settled(self) -> bool:
        """Whether nothing that was taken is still to change it."""
        return self.order > 0 and self.corrected == self.undone


@dataclass(slots=True, kw_only=True)
class ReportedBook:
    """Position and sum of fills as reported.

    Attributes:
        applied: Reports applied so far.
        known: Whether there ever was a snapshot; fills alone do not say what was held before.
        position: Last snapshot, and fills since.
        total: What the sum of fills began with, and fills since.
        snapshot_ns: Time of the last snapshot; -1 before the first.
        snapshot_order: Its place among the reports.
        start_ns: Time from which on fills are summed; -1 from the first on.
        start_order: The same for fills without a time.
        untimed_ns: When the last fill without a time was applied: what an earlier snapshot holds
            of it nobody can tell.
        forgotten_ns: Time of the newest fill forgotten: an earlier snapshot cannot be added to.
        reported_ns: The time that the position is of.
    """

    applied: int = 0
    known: bool = False
    position: Decimal = Decimal(0)
    total: Decimal = Decimal(0)
    snapshot_ns: int = -1
    snapshot_order: int = 0
    start_ns: int = -1
    start_order: int = 0
    untimed_ns: int = 0
    forgotten_ns: int = 0
    reported_ns: int = 0

    def count(self, fill: Fill, replaced: Fill | None, now_ns: int) -> None:
        """Count a fill, in place of one that it replaces; one already replaced counts nowhere.

        Args:
            fill: As it was taken; what it lacks is completed.
            replaced: The fill that it corrects; where and when that one counted it counts too,
                unless it says otherwise.
            now_ns: Receive time of the context that it is placed before.
        """
        self.applied += 1
        fill.order = self.applied
        inherits = replaced is not None and replaced.order > 0 and fill.at_ns is None
        if replaced is not None:
            self._take_back(replaced)
            if fill.at_ns is None:
                fill.at_ns, fill.order = replaced.at_ns, replaced.order or fill.order
        if fill.undone:
            return
        at_ns = now_ns if fill.at_ns is None else min(fill.at_ns, now_ns)
        if fill.at_ns is not None:
            fill.at_ns = at_ns  # none is ever known of the future
        elif not inherits:
            self.untimed_ns = max(self.untimed_ns, now_ns)
        self._add(fill, fill.quantity)
        if self._is_since_snapshot(fill):
            self.reported_ns = max(self.reported_ns, at_ns)

    def take_snapshot(self, record: PositionReported, fills: Iterable[Fill], now_ns: int) -> None:
        """Let a snapshot outrank summed fills; one that is older than what is known says nothing.

        Which fills without a time a first snapshot of an earlier time holds nobody can tell: it
        disagrees with all of them, unless they are written off.

        Args:
            record: The snapshot.
            fills: All that are remembered.
            now_ns: Receive time of the context that it is placed before.
        """
        as_of_ns = min(record.as_of_ns, now_ns)  # none is ever known of the future
        unclear = as_of_ns < max(self.untimed_ns, self.forgotten_ns)
        if self.known and (unclear or as_of_ns < self.snapshot_ns):
            return
        self.applied += 1
        timed = [
            fill for fill in fills if fill.order and not fill.undone and fill.at_ns is not None
        ]
        later = [fill for fill in timed if (fill.at_ns or 0) > as_of_ns]
        self.position = _sum([exact(record.quantity), *(fill.quantity for fill in later)])
        if not self.known and unclear and not record.reconciled:
            earlier = [-fill.quantity for fill in timed if (fill.at_ns or 0) <= as_of_ns]
            self.total = _sum([exact(record.quantity), self.total, *earlier])
            self.start_ns = as_of_ns
        elif not self.known or record.reconciled:
            self.total, self.start_ns, self.start_order = self.position, as_of_ns, self.applied
        self.known = True
        self.snapshot_ns, self.snapshot_order = as_of_ns, self.applied
        self.reported_ns = max([as_of_ns, *(fill.at_ns or 0 for fill in later)])

    def forget(self, fill: Fill) -> None:
        """Know that a fill can no longer be taken back, nor a snapshot before it added to."""
        if not fill.undone:
            self.forgotten_ns = max(self.forgotten_ns, fill.at_ns or 0)

    def show(self, state: np.void, tolerance: float, now_ns: int) -> None:
        """Write the book into a state, and time since when it contradicts itself.

        Args:
            state: One row of dtype ``STATE``, changed in place.
            tolerance: How far position and fills may be apart, as declared.
            now_ns: Receive time of the context that comes next.
        """
        position, total = float(self.position), float(self.total)
        state["reported_known"] = self.known
        state["reported_position"], state["reported_fills"] = position, total
        state["reported_ns"] = self.reported_ns
        if abs(position - total) <= tolerance:
            state["mismatch_ns"] = 0
        elif state["mismatch_ns"] == 0:
            state["mismatch_ns"] = now_ns

    def _take_back(self, fill: Fill) -> None:
        """Let a fill count no more; one that was not applied yet never will."""
        fill.undone = True
        if fill.order:
            self._add(fill, -fill.quantity)

    def _add(self, fill: Fill, quantity: Decimal) -> None:
        """Add to what does not hold ``fill`` yet; what it began with does."""
        if self._is_since_snapshot(fill):
            self.position = _sum([self.position, quantity])
        since_start = fill.order > self.start_order
        if since_start if fill.at_ns is None else fill.at_ns > self.start_ns:
            self.total = _sum([self.total, quantity])

    def _is_since_snapshot(self, fill: Fill) -> bool:
        """Return whether the last snapshot does not hold a fill."""
        if fill.at_ns is None:
            return fill.order > self.snapshot_order
        return fill.at_ns > self.snapshot_ns


def fill_of(record: FillReported) -> Fill:
    """Return what is to be remembered of a fill that was taken."""
    return Fill(quantity=exact(record.quantity), at_ns=record.at_ns)


def exact(quantity: float) -> Decimal:
    """Return the decimal that a quantity was reported as: the shortest that reads back alike."""
    return Decimal(repr(quantity))


def _sum(quantities: Iterable[Decimal]) -> Decimal:
    """Return an exact sum."""
    total = Decimal(0)
    for quantity in quantities:
        total = _EXACT.add(total, quantity)
    return total
