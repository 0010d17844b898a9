"""What became of the decisions of a window that wanted advice, counted block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, get_args

import numpy as np

from torghut.drift.model import is_asked, unanswered
from torghut.market.ports import Arrival
from torghut.schemas.codes import Path, Reason, Resolution
from torghut.schemas.control import VERDICTS, AdviceShadowed, ResolutionName
from torghut.schemas.rows import RowArray, Words
from torghut.schemas.scheduling.advice import AdviceCounts, UnaskedReason

_RESOLVED: Final[dict[ResolutionName, Reason]] = dict(
    zip(get_args(ResolutionName), (one.reason for one in Resolution), strict=True)
)
_UNASKED: Final[dict[UnaskedReason, Reason]] = {
    name: Reason[name.upper().replace("-", "_")] for name in get_args(UnaskedReason)
}


@dataclass(slots=True, kw_only=True)
class Questions:
    """Counts of decisions, and of questions asked beside them.

    Attributes:
        slow: Decisions that wanted advice.
        asked: Of them, those that waited for it.
        superseded: Of those, the ones that had moved on when it came.
        resolved: How waits ended.
        unasked: Why the others did not wait.
        shadowed: How questions beside decisions ended.
    """

    slow: int = 0
    asked: int = 0
    superseded: int = 0
    resolved: Counter[ResolutionName] = field(default_factory=Counter)
    unasked: Counter[UnaskedReason] = field(default_factory=Counter)
    shadowed: Counter[ResolutionName] = field(default_factory=Counter)

    def take(self, rows: RowArray) -> None:
        """Count decisions in; most of them wanted none."""
        reasons = rows["reasons"][rows["path"] == Path.SLOW]
        if not len(reasons):
            return
        asked = is_asked(reasons)
        self.slow += len(reasons)
        self.asked += int(np.count_nonzero(asked))
        self.superseded += _having(reasons, Reason.ADVICE_SUPERSEDED)
        for name, reason in _RESOLVED.items():
            self.resolved[name] += _having(reasons, reason)
        for why, reason in _UNASKED.items():
            self.unasked[why] += _having(reasons[~asked], reason)

    def take_shadowed(self, received: Iterable[Arrival], after_ns: int, until_ns: int) -> None:
        """Count what was recorded beside decisions and came after one time, up to another."""
        for arrival in received:
            record = arrival.record
            if isinstance(record, AdviceShadowed) and after_ns < record.at_ns <= until_ns:
                self.shadowed[record.resolution] += 1

    def counted(self, *, off_by: str | None) -> AdviceCounts:
        """Return the counts.

        Args:
            off_by: Digest of the declaration that switches advice off; None while it is on.
        """
        ended = self.resolved + self.shadowed
        return AdviceCounts(
            slow=self.slow,
            asked=self.asked,
            resolved=dict(+self.resolved),
            superseded=self.superseded,
            unasked=dict(+self.unasked),
            shadowed=dict(+self.shadowed),
            unanswered_ratio=unanswered(
                off_by=off_by,
                asked=ended.total(),
                failed=sum(count for name, count in ended.items() if name not in VERDICTS),
            ),
        )


def _having(reasons: Words, reason: Reason) -> int:
    """Return how many decisions carry a reason."""
    return int(np.count_nonzero(reasons & np.uint64(1 << reason)))
