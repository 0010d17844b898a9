"""Drift measured on a decision log; what cannot be read is measured as nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import override

from torghut.drift.verdicts import DriftWindow
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.workflows.drift.measuring import Measured, WindowAsked, measure
from torghut.workflows.scheduling.ports import DriftMeter
from torghut.workflows.scheduling.seen.opening import opened


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMeter(DriftMeter):
    """Measures a log within a budget.

    Attributes:
        opening: Opens the log for reading.
        policy: Says what is measured.
        budget_ms: Longest that it may take.
    """

    opening: Callable[[], DecisionLog]
    policy: DriftPolicy
    budget_ms: int

    @override
    async def measure(self, asked: WindowAsked, /) -> Measured:
        try:
            async with opened(self.opening, self.budget_ms) as log:
                return await measure(log, asked, self.policy)
        except (TorghutError, TimeoutError):
            return _nothing(asked)


def _nothing(asked: WindowAsked) -> Measured:
    """Return a window in which nothing could be measured: every check of it says so."""
    from_ns = asked.from_ns or 0
    window = DriftWindow(
        subject=asked.subject,
        from_ns=from_ns,
        to_ns=from_ns if asked.to_ns is None else asked.to_ns,
        readings={},
    )
    return Measured(window=window, observations=(), heads=(), contexts=0, decisions=0, last_ns=None)
