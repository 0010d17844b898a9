"""A log's drift from look to look: each costs what was appended since the one before.

The window's beginning moves in steps. Between two of them its tally goes on; after one a successor
reads the new window, as far as each look lets it, and the old window is served until it is there.
"""

from __future__ import annotations

from dataclasses import dataclass

from torghut.eventlog.block import Head
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.workflows.drift.measuring import Measured, WindowAsked
from torghut.workflows.drift.spans import (
    Bounds,
    Edges,
    Span,
    first_of,
    heads_of,
    is_ordered,
    last_of,
    span_between,
)
from torghut.workflows.drift.under_way import UnderWay, begun


@dataclass(slots=True, kw_only=True)
class GoingOn:
    """What is known of a log's drift, to go on from.

    Logs whose blocks stand in no order, those of several partitions and those of recorded sources,
    are none of its business.

    Attributes:
        policy: Says what is measured.
        serving: The window that answers; None before any was read to its end.
        successor: The one that is read to take its place.
    """

    policy: DriftPolicy
    serving: UnderWay | None = None
    successor: UnderWay | None = None
    _first_ns: int = -1
    _newest: tuple[int, int] = (-1, -1)

    @property
    def place(self) -> tuple[int, int]:
        """Return how far both are: what gets further changes it."""
        return _number(self.serving), _number(self.successor)

    async def sight(self, log: DecisionLog, asked: WindowAsked) -> Span | None:
        """Return the window that is asked for, of the log as it is now; None if not of such a log.

        What was known of another log, or of this one before it was cut, is forgotten.

        Raises:
            LogIntegrityError: A block is not as it was written.
        """
        heads = await heads_of(log)
        if len(heads) != 1 or not is_ordered(heads[0]):
            self.forget()
            return None
        head = heads[0]
        if not await self._is_known(log, head):
            self.forget()
        if self._first_ns < 0:
            self._first_ns = await first_of(log, head)
        bounds = Bounds(
            from_ns=asked.from_ns,
            to_ns=asked.to_ns,
            reference_ns=self.policy.detectors.reference_ms * NS_PER_MS,
        )
        first_ns = max(0, self._first_ns)
        last_ns = 0 if bounds.reaches(first_ns) else max(0, await self._last_of(log, head))
        return span_between(bounds, Edges(first_ns=first_ns, last_ns=last_ns), heads)

    def is_served(self, span: Span) -> bool:
        """Return whether the window that answers is the one that is asked for."""
        return self.serving is not None and self.serving.is_of(span)

    async def serve(self, log: DecisionLog, asked: WindowAsked, span: Span) -> Measured:
        """Return what the window that answers comes to; where none does, what is asked for.

        Broken off, it goes on from there.

        Raises:
            LogIntegrityError: A block is not as it was written.
            ObjectMissingError: Declarations that its decisions cite are not in the log.
        """
        one = self.serving
        if one is None or not one.serves(span.to_ns) or not await one.begins_still(log, span):
            self.serving = None
            return await self.succeed(log, asked, span)
        await one.go_on(log, span)
        return await one.measured(log, asked)

    async def succeed(self, log: DecisionLog, asked: WindowAsked, span: Span) -> Measured:
        """Return what the window that is asked for comes to; from now on it answers.

        Broken off, it goes on from there.

        Raises:
            LogIntegrityError: A block is not as it was written.
            ObjectMissingError: Declarations that its decisions cite are not in the log.
        """
        one = self.successor
        if one is None or not one.is_of(span) or not await one.begins_still(log, span):
            one = self.successor = await begun(log, span, self.policy.detectors)
        await one.go_on(log, span)
        found = await one.measured(log, asked)
        self.serving, self.successor = one, None
        return found

    def forget(self) -> None:
        """Know nothing any more."""
        self.serving = self.successor = None
        self._first_ns, self._newest = -1, (-1, -1)

    async def _is_known(self, log: DecisionLog, head: Head) -> bool:
        """Return whether a log still has all that was taken in, and something was."""
        taken = [one for one in (self.serving, self.successor) if one and one.last]
        return bool(taken) and all([await one.is_in(log, head) for one in taken])

    async def _last_of(self, log: DecisionLog, head: Head) -> int:
        """Return the latest receive time of the last block with contexts; -1 of none."""
        number, last_ns = self._newest
        found = await last_of(log, head, after=number)
        self._newest = head.number, found if found >= 0 else last_ns
        return self._newest[1]


def _number(one: UnderWay | None) -> int:
    """Return how far a window is; -2 for none."""
    return -2 if one is None else one.number
