"""Lag as control records: between ``lag-begin`` and ``lag-end`` the kernel opens nothing."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.decisions.fold.folding import DecisionFold
from torghut.kernel.ids import SERVING
from torghut.schemas.control import ControlRecord, LagBegan, LagEnded


@dataclass(slots=True, kw_only=True)
class Lateness:
    """Whether the loop is behind, as its log says.

    Attributes:
        begin_ms: Lag from which on it is.
        end_ms: Lag below which it is not any more.
        late: What the records in force say.
    """

    begin_ms: float
    end_ms: float
    late: bool = False

    def record(self, lag_ms: float | None, number: int) -> ControlRecord | None:
        """Return what is to be recorded before contexts of that lag; None where nothing changes.

        Args:
            lag_ms: Of the oldest of them; None where nothing is measured, which is no lag.
            number: Of the block that they will be in; makes the ids unique.
        """
        behind = lag_ms is not None and lag_ms > (self.end_ms if self.late else self.begin_ms)
        if behind == self.late:
            return None
        if behind:
            return LagBegan(control_id=f"lag:{number}:begin")
        return LagEnded(control_id=f"lag:{number}:end")

    def follow(self, fold: DecisionFold) -> None:
        """Take over what the fold says."""
        waiting = [held.record for held in fold.waiting.standing]
        standing = [one for one in waiting if isinstance(one, LagBegan | LagEnded)]
        if standing:
            self.late = isinstance(standing[-1], LagBegan)
        else:
            self.late = bool(fold.arms[SERVING]["late"].any())
