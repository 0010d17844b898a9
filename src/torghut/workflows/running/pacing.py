"""When contexts are handed to the loop: as fast as it takes them, or each when it is due.

At a finite speed a recorded source is played: a context is due when as much time has passed as
between its receive time and that of the first, divided by the speed. What is due together is
decided, made durable and told together, at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from typing_extensions import override

from torghut.decisions.recording import parse_cursor
from torghut.eventlog.block import Head
from torghut.kernel.clock import SteadyClock
from torghut.kernel.units import NS_PER_S
from torghut.market.ports import Batch, Cursor, Source, SourceDescription
from torghut.schemas.control import ControlRecord
from torghut.schemas.rows import LATEST_NS
from torghut.workflows.decision_loop import Run, Window, run_loop
from torghut.workflows.running.gathering import Gathered

Asked = Callable[[], bool]
"""Whether somebody asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """How a recorded source is played.

    Attributes:
        speed: How much faster than it was recorded; above 0.
        clock: Tells how much time has passed.
        pause: Waits so many seconds, or shorter once somebody asks to stop.
        asked: Whether somebody has.
    """

    speed: float
    clock: SteadyClock
    pause: Callable[[float], Awaitable[None]]
    asked: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Stoppable(Source):
    """A source that ends before its next batch once somebody asks to stop."""

    source: Source
    asked: Asked

    @property
    @override
    def description(self) -> SourceDescription:
        return self.source.description

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        for batch in self.source.batches(after=after, max_records=max_records):
            if self.asked():
                return
            yield batch


async def play(run: Run, player: Player, *, partition: int = 0) -> Head:
    """Decide ``run.source`` as it is played; return the new head.

    Raises:
        SourceError: The source cannot be read any further.
        LogWriteError: A block could not be made durable; nothing after it was told.
    """
    head = await run.log.head(partition)
    after = parse_cursor(head.cursor)
    schedule = Schedule(player=player, window=run.window)
    due = Gathered()
    controls: Sequence[ControlRecord] = run.controls
    for record in run.source.batches(after=after, max_records=1):
        wait_s = schedule.wait_s(record)
        if due.records and (wait_s > 0.0 or due.records >= run.settings.batch_records):
            head = await _hand_on(run, due, controls, partition)
            due, controls = Gathered(), ()
            wait_s = schedule.wait_s(record)
        while wait_s > 0.0 and not player.asked():
            await player.pause(wait_s)
            wait_s = schedule.wait_s(record)
        if player.asked():
            break
        due.add(record)
    if due.records or controls:
        due.cursor = due.cursor or after
        head = await _hand_on(run, due, controls, partition)
    return head


@dataclass(frozen=True, slots=True, kw_only=True)
class _Handed(Source):
    """One batch, as a source of its own."""

    description: SourceDescription
    batch: Batch

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        yield self.batch


async def _hand_on(
    run: Run, due: Gathered, controls: Sequence[ControlRecord], partition: int
) -> Head:
    """Decide what is due, make it durable and tell of it."""
    handed = _Handed(description=run.source.description, batch=due.batch())
    return await run_loop(replace(run, source=handed, controls=controls), partition=partition)


@dataclass(slots=True, kw_only=True)
class Schedule:
    """When each context is due: receive times laid onto the player's clock.

    Where a new part of the source begins earlier than what came before, as files of several
    symbols do, it is played from there on: its first context is due at once.
    """

    player: Player
    window: Window
    _begun: bool = False
    _part: int = 0
    _latest_ns: int = 0
    _from_ns: int = 0
    _began_ns: int = 0

    def wait_s(self, record: Batch) -> float:
        """Return how long to wait until a record is due; none for what will not be decided."""
        if not len(record.contexts):
            return 0.0
        context = record.contexts[0]
        receive_ns, part = int(context["receive_ns"]), int(context["source"])
        latest_ns = min(self.window.to_ns, LATEST_NS)
        outside = not self.window.from_ns <= receive_ns <= latest_ns
        if outside or context["refusal"]:
            return 0.0
        now_ns = self.player.clock.now_ns()
        if not self._begun or (part != self._part and receive_ns < self._latest_ns):
            self._begun, self._latest_ns = True, receive_ns
            self._from_ns, self._began_ns = receive_ns, now_ns
        self._part = part
        self._latest_ns = max(self._latest_ns, receive_ns)
        due_ns = self._began_ns + int((receive_ns - self._from_ns) / self.player.speed)
        return (due_ns - now_ns) / NS_PER_S
