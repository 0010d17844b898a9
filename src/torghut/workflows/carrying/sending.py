"""A recorded source sent to the topic of contexts: first ingress, where everything is fixed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from torghut.carrying.contexts import SCHEMA_ID, context_message
from torghut.carrying.controls import control_message
from torghut.carrying.messages import SCHEMA, Outgoing
from torghut.carrying.ports import Sender
from torghut.kernel.clock import WallClock
from torghut.kernel.units import NS_PER_S
from torghut.market.ports import Batch, Cursor, Source
from torghut.schemas.control import ControlRecord, DepthSnapshot
from torghut.workflows.decision_loop import Window
from torghut.workflows.running.pacing import Player, Schedule
from torghut.workflows.running.window import EndingSource

_AT_ONCE: Final = 1000
_IS_CONTEXT: Final = (SCHEMA, SCHEMA_ID.encode())


@dataclass(frozen=True, slots=True)
class Sent:
    """How far a source was sent.

    Attributes:
        contexts: That the broker keeps.
        left_out: Records that are no contexts, control records among them, or that no message can
            say.
        cursor: Of the source.
    """

    contexts: int
    left_out: int
    cursor: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSending:
    """A source on its way to a topic.

    Attributes:
        source: What is sent.
        window: What part of it.
        player: How fast; None as fast as the broker takes it.
        sender: To the broker.
        topic: Where it goes.
        wall: Tells when a context comes in.
        told: Told how far it is.
    """

    source: Source
    window: Window
    player: Player | None
    sender: Sender
    topic: str
    wall: WallClock
    told: Callable[[Sent], None] = lambda _: None

    async def send(self, *, after: Cursor) -> Sent:
        """Send everything after a cursor; return at the end, or once asked to.

        Raises:
            SourceError: The source cannot be read any further.
            BrokerUnreachableError: It is not known whether the last of it was kept.
            BrokerRefusedError: The broker takes not all of it.
        """
        sent, player = Sent(0, 0, after), self.player
        schedule = None if player is None else Schedule(player=player, window=self.window)
        source = EndingSource(source=self.source, to_ns=self.window.to_ns)
        most = _AT_ONCE if player is None else 1
        waiting: list[Outgoing] = []
        for batch in source.batches(after=after, max_records=most):
            wait_s = 0.0 if schedule is None else schedule.wait_s(batch)
            if waiting and (wait_s > 0.0 or len(waiting) >= _AT_ONCE):
                sent = await self._kept(sent, waiting)
                waiting = []
            while schedule is not None and wait_s > 0.0 and not schedule.player.asked():
                await schedule.player.pause(wait_s)
                wait_s = schedule.wait_s(batch)
            if schedule is not None and schedule.player.asked():
                break
            made = list(self._made(batch, late_s=-min(0.0, wait_s)))
            waiting += [one for one in made if one is not None]
            left_out = made.count(None) + len(batch.quarantined)
            sent = Sent(sent.contexts, sent.left_out + left_out, batch.cursor)
            if schedule is None:
                sent = await self._kept(sent, waiting)
                waiting = []
        return await self._kept(sent, waiting)

    async def _kept(self, sent: Sent, waiting: list[Outgoing]) -> Sent:
        """Return how far it is once the broker keeps what waits."""
        if waiting:
            await self.sender.send(self.topic, waiting)
            contexts = sum(_IS_CONTEXT in one.headers for one in waiting)
            sent = Sent(sent.contexts + contexts, sent.left_out, sent.cursor)
        self.told(sent)
        return sent

    def _made(self, batch: Batch, *, late_s: float) -> Iterator[Outgoing | None]:
        """Yield what is in a batch as messages, in its order; None for what none can say.

        Of contexts those inside the window; of control records, snapshots of books.
        """
        speed = None if self.player is None else self.player.speed
        wall_ns = self.wall.now_ns() - int(late_s * NS_PER_S)
        symbols, parts = self.source.description.symbols, self.source.description.parts
        controls = deque(batch.controls)
        for number, row in enumerate(batch.contexts.tolist()):
            while controls and controls[0].row <= number:
                yield _beside(controls.popleft().record, wall_ns)
            if self.window.from_ns <= row[7] <= self.window.to_ns:
                yield context_message(
                    row,
                    symbol=symbols[row[0]],
                    source=parts[row[1]].digest,
                    ingress_wall_ns=wall_ns,
                    speed=speed,
                )
        for arrival in controls:
            yield _beside(arrival.record, wall_ns)


def _beside(record: ControlRecord, wall_ns: int) -> Outgoing | None:
    """Return a control record that stands among the contexts; None where it may not."""
    if not isinstance(record, DepthSnapshot):
        return None
    return control_message(record, wall_ns=wall_ns)
