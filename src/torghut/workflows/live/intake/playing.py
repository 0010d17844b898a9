"""Plays a recorded source into the live loop: each context when it is due, held back if need be."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.kernel.clock import SteadyNs
from torghut.kernel.ids import SOURCE_KEY_DIGITS
from torghut.kernel.units import NS_PER_S
from torghut.market.ports import Batch, Cursor, Source
from torghut.schemas.codes import Stream, published_names
from torghut.workflows.decision_loop import Window
from torghut.workflows.live.intake.stamping import IngressClock, Stamp
from torghut.workflows.live.intake.waiting import (
    Item,
    WaitingContext,
    WaitingControl,
    WaitingLine,
    WaitingQuarantine,
    moving,
)
from torghut.workflows.running.pacing import Player, Schedule
from torghut.workflows.running.window import EndingSource

_STREAMS: Final = published_names(Stream)
_AT_ONCE: Final = 64
"""Records after which others get their turn, where nothing is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """A recorded source on its way into a line.

    Attributes:
        source: What is played.
        window: What part of it is taken.
        player: How fast; None as fast as it is taken.
        line: Where its contexts wait.
        clock: Stamps them.
    """

    source: Source
    window: Window
    player: Player | None
    line: WaitingLine
    clock: IngressClock

    async def play(self, after: Cursor) -> None:
        """Let everything after a cursor wait when it is due; return at the end, or once asked to.

        Raises:
            SourceError: The source cannot be read any further.
        """
        schedule = None
        if self.player is not None:
            schedule = Schedule(player=self.player, window=self.window)
        ending = EndingSource(source=self.source, to_ns=self.window.to_ns)
        for count, record in enumerate(ending.batches(after=after, max_records=1)):
            wait_s = 0.0 if schedule is None else await self._until_due(schedule, record)
            if self.line.closed:
                return
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)
            await self.line.room()
            self.line.put(self._items(record, wait_s))

    async def _until_due(self, schedule: Schedule, record: Batch) -> float:
        """Wait until a record is due; return how far that is off, in seconds, 0 or less."""
        player = schedule.player
        wait_s = schedule.wait_s(record)
        while wait_s > 0.0 and not player.asked():
            await player.pause(wait_s)
            wait_s = schedule.wait_s(record)
        return min(0.0, wait_s)

    def _items(self, record: Batch, wait_s: float) -> Sequence[Item]:
        """Return what one record brings; the last of it moves the cursor past the record."""
        items = [*self._beside(record), *self._contexts(record, wait_s)]
        return [*items[:-1], *(moving(last, record.cursor) for last in items[-1:])]

    def _beside(self, record: Batch) -> Iterator[Item]:
        """Yield what is no context."""
        parts = self.source.description.parts
        for control in record.controls:
            yield WaitingControl(record=control.record)
        for quarantined in record.quarantined:
            yield WaitingQuarantine(source=parts[quarantined.part].digest, record=quarantined)

    def _contexts(self, record: Batch, wait_s: float) -> Iterator[Item]:
        """Yield the contexts that lie inside the window."""
        for context in record.contexts:
            receive_ns = int(context["receive_ns"])
            if not self.window.from_ns <= receive_ns <= self.window.to_ns:
                continue
            source = self.source.description.parts[int(context["source"])].digest
            symbol = self.source.description.symbols[int(context["symbol"])]
            stream = int(context["stream"])
            word = _STREAMS[stream] if stream < len(_STREAMS) else "other"
            yield WaitingContext(
                context_id=f"{source[:SOURCE_KEY_DIGITS]}:{symbol}:{word}:{context['sequence']}",
                symbol=symbol,
                source=source,
                row=context.item(),
                stamp=self._stamp(wait_s, receive_ns),
            )

    def _stamp(self, wait_s: float, receive_ns: int) -> Stamp:
        """Return when a record was due, which is when it came in."""
        now_ns = self.clock.steady.now_ns()
        return self.clock.due(SteadyNs(now_ns + int(wait_s * NS_PER_S)), receive_ns)
