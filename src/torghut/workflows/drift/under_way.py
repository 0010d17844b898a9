"""A window that goes on: taken in as the log grows, and answered for at any time.

Only whole blocks are kept, and only those that lie before the window's end, which moves on with
each look. An answer is made from a copy, which also takes in what follows; so it is to the bit what
reading the window at once gives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torghut.eventlog.block import Head, head_of
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.declarations.safety import DriftDetectors
from torghut.workflows.drift.measuring import Measured, WindowAsked, measured_by
from torghut.workflows.drift.spans import EVER, Opened, Span, before_span, blocks_after, opened
from torghut.workflows.drift.tallying import WindowTally


@dataclass(slots=True, kw_only=True)
class UnderWay:
    """A window of a log with one ordered partition, as far as it was taken in.

    It holds what a tally holds (about 11 MB, and 100 kB a symbol whose features are learnt from),
    however long the window is.

    Attributes:
        tally: Of whole blocks.
        after: Number of the block before the first; -1 for all of the log.
        last: The last block that was taken in; None before any.
        torn: Whether taking a block in broke off: what the tally holds is not known.
    """

    tally: WindowTally
    after: int
    last: Head | None = None
    torn: bool = False

    @property
    def number(self) -> int:
        """Return the number of the last block that needs no more reading."""
        return self.after if self.last is None else self.last.number

    def serves(self, to_ns: int) -> bool:
        """Return whether a window can still end there: what was taken in lies before it."""
        return not self.torn and self.tally.span.to_ns <= to_ns

    def is_of(self, span: Span) -> bool:
        """Return whether it begins where ``span`` does, and learns from the same."""
        own = self.tally.span
        return self.serves(span.to_ns) and (own.from_ns, own.reference_ns, own.watched_ns) == (
            span.from_ns,
            span.reference_ns,
            span.watched_ns,
        )

    async def is_in(self, log: DecisionLog, head: Head) -> bool:
        """Return whether a log still has what was taken in, and nothing else in its place.

        Raises:
            LogIntegrityError: The next block is not as it was written.
        """
        last = self.last
        if last is None or head.number <= last.number:
            return last is None or (head.number, head.digest) == (last.number, last.digest)
        async for block in log.blocks(head.partition, after=last.number):
            return block.previous == last.digest
        return False

    async def begins_still(self, log: DecisionLog, span: Span) -> bool:
        """Return whether it still begins with the right block.

        That is not known before a block was taken in which something is learnt from.

        Raises:
            LogIntegrityError: A block is not as it was written.
        """
        own = self.tally
        known = own.passed_ns >= own.span.reference_ns
        return known or await before_span(log, span.heads[0], own.span) == self.after

    async def go_on(self, log: DecisionLog, span: Span) -> None:
        """Take in what the log has beyond what was taken, up to the end of ``span``.

        Broken off while it waits, it goes on from there.

        Raises:
            LogIntegrityError: A block is not as it was written.
            ObjectMissingError: Declarations that its decisions cite are not in the log.
        """
        head, tally = span.heads[0], self.tally
        tally.span = replace(tally.span, to_ns=span.to_ns, heads=span.heads)
        if self.number >= head.number:
            return
        async for block in log.blocks(head.partition, after=self.number):
            found = opened(block)
            if found.highest_ns > span.to_ns:  # some of it will only be in later windows
                return
            await tally.fetch(log, found)
            self._take(found)
            if block.number >= head.number:
                return

    def _take(self, found: Opened) -> None:
        """Take in one block; nothing is waited for meanwhile."""
        self.torn = True
        self.tally.take(found)
        self.last, self.torn = head_of(found.block), False

    async def measured(self, log: DecisionLog, asked: WindowAsked) -> Measured:
        """Return what the window comes to, which begins where this one does.

        Raises:
            LogIntegrityError: A block is not as it was written.
            ObjectMissingError: Declarations that its decisions cite are not in the log.
        """
        tally = self.tally.copied()
        head, from_ns = tally.span.heads[0], tally.span.from_ns
        if self.number < head.number:
            async for found in blocks_after(log, head, tally.span, self.number):
                await tally.fetch(log, found)
                tally.take(found)
        tally.settle()
        return measured_by(tally, replace(asked, from_ns=None if from_ns == EVER else from_ns))


async def begun(log: DecisionLog, span: Span, detectors: DriftDetectors) -> UnderWay:
    """Return a window of which nothing was taken in yet.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    after = await before_span(log, span.heads[0], span)
    return UnderWay(tally=WindowTally(span=span, detectors=detectors), after=after)
