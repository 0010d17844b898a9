"""Drift measured on a decision log; what cannot be read is measured as nothing at all.

A meter remembers what it has read: a look costs what was appended since the one before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from torghut.drift.verdicts import DriftWindow
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.workflows.drift.going_on import GoingOn
from torghut.workflows.drift.measuring import Measured, WindowAsked, measure
from torghut.workflows.drift.spans import Span
from torghut.workflows.scheduling.ports import DriftMeter
from torghut.workflows.scheduling.seen.opening import ReadingOn, opened, read_on

_BESIDE: Final = 2
"""The part of a budget, one in so many, that a successor gets beside the window that answers."""


@dataclass(slots=True, kw_only=True)
class LogMeter(DriftMeter):
    """Measures a log within a budget.

    Attributes:
        opening: Opens the log for reading.
        policy: Says what is measured.
        budget_ms: Longest that it may take without getting any further.
    """

    opening: Callable[[], DecisionLog]
    policy: DriftPolicy
    budget_ms: int
    _known: GoingOn = field(init=False)

    def __post_init__(self) -> None:
        self._known = GoingOn(policy=self.policy)

    @override
    async def measure(self, asked: WindowAsked, /) -> Measured:
        look = _Look(known=self._known, asked=asked)
        try:
            await read_on(self.opening, self.budget_ms, look)
            if look.span is not None and not self._known.is_served(look.span):
                await self._succeed(look, look.span)
        except (TorghutError, TimeoutError):
            return _nothing(asked)
        return look.found or _nothing(asked)

    async def _succeed(self, look: _Look, span: Span) -> None:
        """Read the window that is asked for; until that is done, the one before answers.

        Raises:
            TorghutError: The log cannot be read, or is not as it was written.
        """
        try:
            async with opened(self.opening, max(1, self.budget_ms // _BESIDE)) as log:
                look.found = await self._known.succeed(log, look.asked, span)
        except TimeoutError:
            pass  # it goes on from there in the next look


@dataclass(slots=True, kw_only=True)
class _Look(ReadingOn):
    """One look at a log, which ends where the log ended when it began.

    Attributes:
        span: The window that is asked for; None before it is known, or of a log that is read at
            once.
        found: What was measured.
    """

    known: GoingOn
    asked: WindowAsked
    span: Span | None = None
    found: Measured | None = None

    @property
    @override
    def place(self) -> tuple[int, int]:
        return self.known.place

    @property
    @override
    def is_over(self) -> bool:
        return self.found is not None

    @override
    async def read(self, log: DecisionLog, /) -> None:
        known, asked = self.known, self.asked
        if self.span is None:
            self.span = await known.sight(log, asked)
        if self.span is None:
            self.found = await measure(log, asked, known.policy)
        else:
            self.found = await known.serve(log, asked, self.span)


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
