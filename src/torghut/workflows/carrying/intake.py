"""Records of a partition on their way into its loop's line: each once, in order, none skipped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.carrying.contexts import CarriedContext, Unreadable, read_context, unreadable
from torghut.carrying.controls import is_snapshot, read_control
from torghut.carrying.messages import Received, trace_of
from torghut.decisions.fold.tables import SOURCES_MAX
from torghut.kernel.clock import WallNs
from torghut.market.ports import Cursor, Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import DepthSnapshot
from torghut.workflows.live.intake.stamping import IngressClock
from torghut.workflows.live.intake.waiting import (
    Item,
    WaitingContext,
    WaitingControl,
    WaitingQuarantine,
)

PartitionOf = Callable[[str], int]
"""On which partition contexts of a symbol belong."""

_UNKNOWN_WALL: Final = WallNs(0)
"""A context of which nobody knows when it came in is as late as can be: nothing is opened on it."""


@dataclass(slots=True, kw_only=True)
class Intake:
    """Reads what a partition holds.

    Attributes:
        partition: Its number.
        source: Digest of the topic's declaration: names records that are no context.
        declared: Symbols that contexts may name.
        sources: Digests of the source parts that were named so far.
        partition_of: Where they belong.
        clock: Stamps what comes in.
        expected: The next offset that was not taken; what stands before it was.
        speed: Of playing, as the last context said; None where lag is not measured.
    """

    partition: int
    source: str
    declared: Collection[str]
    partition_of: PartitionOf
    clock: IngressClock
    expected: int
    sources: set[str]
    speed: float | None = 1.0

    def items(self, records: Sequence[Received]) -> Sequence[Item]:
        """Return records as what waits; those that were taken already are left out."""
        return [self._item(record) for record in records if record.offset >= self.expected]

    def _item(self, record: Received) -> Item:
        """Return one record as what waits, and expect the one after it."""
        self.expected = record.offset + 1
        read = read_context(record)
        if isinstance(read, Unreadable):
            return self._snapshot(record, read)
        refusal = self._misplaced(read)
        if refusal is not RefusalCode.NONE:
            return self._quarantined(record, unreadable(record, refusal, read.symbol))
        self.speed = read.speed
        receive_ns = int(read.row[7])
        return WaitingContext(
            context_id=read.context_id,
            symbol=read.symbol,
            source=read.source,
            row=read.row,
            stamp=self.clock.came(
                WallNs(read.ingress_wall_ns or _UNKNOWN_WALL), receive_ns, read.trace
            ),
            after=self.expected,
        )

    def _misplaced(self, context: CarriedContext) -> RefusalCode:
        """Return why a context cannot be decided here; ``NONE`` if it can."""
        if context.symbol not in self.declared:
            return RefusalCode.INSTRUMENT_UNDECLARED
        if self.partition_of(context.symbol) != self.partition:
            return RefusalCode.WRONG_PARTITION
        if context.source not in self.sources:
            if len(self.sources) >= SOURCES_MAX:
                return RefusalCode.TOO_MANY_SOURCES
            self.sources.add(context.source)
        return RefusalCode.NONE

    def _snapshot(self, record: Received, why: Unreadable) -> Item:
        """Return a record that is no context as the snapshot that it is, or as it is kept."""
        read = read_control(record) if is_snapshot(record) else why
        if isinstance(read, DepthSnapshot):
            if read.symbol in self.declared and self.partition_of(read.symbol) == self.partition:
                return WaitingControl(record=read, cursor=Cursor(record=self.expected))
            return self._quarantined(record, why)
        return self._quarantined(record, read if isinstance(read, Unreadable) else why)

    def _quarantined(self, record: Received, why: Unreadable) -> Item:
        """Return a record that is no context as it is kept: under its offset."""
        kept = Quarantined(
            part=self.partition,
            record=record.offset,
            refusal=why.refusal,
            digest=why.digest,
            excerpt=why.excerpt,
        )
        trace = trace_of(dict(record.headers))
        cursor = Cursor(record=self.expected)
        return WaitingQuarantine(source=self.source, record=kept, cursor=cursor, trace=trace)
