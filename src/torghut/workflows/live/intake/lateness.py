"""Lag as control records: between ``lag-begin`` and ``lag-end`` the kernel opens nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torghut.decisions.fold.folding import DecisionFold
from torghut.kernel.clock import SteadyNs
from torghut.kernel.ids import SERVING
from torghut.schemas.control import ControlRecord, LagBegan, LagEnded
from torghut.workflows.live.intake.stamping import age_ms
from torghut.workflows.live.intake.waiting import WaitingContext


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

    @staticmethod
    def measured(
        contexts: Sequence[WaitingContext], now_ns: SteadyNs, speed: float | None
    ) -> float | None:
        """Return how old the first of some contexts is, on the receive clock, in ms.

        Args:
            contexts: In their order; there is one.
            now_ns: On the steady clock.
            speed: Of playing; None where nothing is measured.
        """
        return None if speed is None else age_ms(contexts[0].stamp.came_ns, now_ns) * speed

    def begins(self, lag_ms: float | None) -> bool:
        """Return whether contexts of that lag are late, and those before them were not."""
        return not self.late and lag_ms is not None and lag_ms > self.begin_ms

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
