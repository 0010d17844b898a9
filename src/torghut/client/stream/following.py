"""The stream of outcomes on its way to one reader: complete, in order, and no more than fits.

A reader that is slow holds back reading, and with it the service's sending. Nothing is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple

from typing_extensions import override
from websockets.asyncio.client import ClientConnection

from torghut.client.limits import NS_PER_MS, Limits
from torghut.client.machine import Machine
from torghut.client.stream.buffer import Buffer
from torghut.client.stream.link import Ends, LinkFaultError
from torghut.client.stream.ordering import DisorderedError, Ordering
from torghut.client.stream.pulse import Pulse
from torghut.client.wire.messages import Decided, Heartbeat, Incoming, Outcome, Refused
from torghut.schemas.live.position import Position, PositionMalformedError, parse_position

_QUIET: Final = 2
"""So many heartbeats in a row without an outcome before, between or after: there is none."""


class Received(NamedTuple):
    """An outcome that waits for its reader.

    Attributes:
        outcome: As it was read.
        line: As it came.
        at: Where it stands.
    """

    outcome: Outcome
    line: str
    at: Position


class _DisorderFaultError(LinkFaultError):
    """An outcome came out of order."""

    what: ClassVar[str] = "disorder"


class _BehindFaultError(LinkFaultError):
    """The service said that there is more, and it does not come."""

    what: ClassVar[str] = "behind"


class _PlaceFaultError(LinkFaultError):
    """A position is none."""

    what: ClassVar[str] = "garbled"


@dataclass(slots=True)
class Following(Ends):
    """Takes outcomes in and keeps them for one reader.

    Attributes:
        ordering: What was taken so far, and where to go on.
        limits: How many may wait.
        machine: Whose steady clock counts.
        pulse: Told what is wrong with the stream.
        until_head: End once what the service had at first was taken, instead of going on.
        waiting: Outcomes for the reader.
    """

    ordering: Ordering
    limits: Limits
    machine: Machine
    pulse: Pulse
    until_head: bool = False
    waiting: Buffer[Received] = field(init=False)
    _head: Position | None = None
    _quiet: int = 0
    _behind_ns: int | None = None
    _missed: Position | None = None
    _misses: int = 0

    def __post_init__(self) -> None:
        """Make room for as many outcomes as may wait."""
        self.waiting = Buffer(self.limits.queue_max)

    @override
    def query(self) -> str:
        self._head = self._behind_ns = None
        self._quiet = 0
        return f"after={'now' if (at := self.ordering.cursor) is None else _spelled(at)}"

    @override
    async def take(self, message: Incoming, line: str) -> None:
        if isinstance(message, Heartbeat):
            await self._hear(message)
        elif isinstance(message, Decided):
            decision = message.decision
            await self._outcome(message, line, decision.symbol, decision.sequence)
        elif isinstance(message, Refused):
            await self._outcome(message, line, message.refusal.symbol, None)

    @override
    async def speak(self, connection: ClientConnection) -> None:
        """Nothing is said here."""

    async def _outcome(
        self, outcome: Outcome, line: str, symbol: str, sequence: int | None
    ) -> None:
        """Take an outcome in and wait until there is room for it."""
        at = place_of(outcome.position)
        try:
            self.ordering.take(at, symbol, sequence)
        except DisorderedError as error:
            raise _DisorderFaultError(str(error)) from error
        self._behind_ns = None
        self._quiet = 0
        self.pulse.broken = self.ordering.accepted
        if self.ordering.in_order:
            self.pulse.doubt = ""
        await self.waiting.put(Received(outcome, line, at))
        if self.until_head and self._head is not None and at >= self._head:
            self.waiting.end()

    async def _hear(self, heartbeat: Heartbeat) -> None:
        """Compare what the service has with what came."""
        head = None if heartbeat.position is None else place_of(heartbeat.position)
        cursor = self.ordering.cursor
        self._quiet += 1
        # Heartbeats with nothing between them: the newest position may be that of no outcome.
        complete = head is None or cursor is None or cursor >= head or self._quiet > _QUIET
        if complete and self.ordering.in_order:
            self.pulse.doubt = ""
        if self.until_head and complete:
            self.waiting.end()
        self._head = self._head or head
        if head is not None and cursor is not None and head > cursor:
            self._miss(head, cursor)

    def _miss(self, head: Position, cursor: Position) -> None:
        """Give the connection up if what was announced does not come; not for ever.

        Raises:
            LinkFaultError: Nothing came for as long as silence may last.
        """
        now_ns = self.machine.steady_ns()
        self._behind_ns = self._behind_ns or now_ns
        if now_ns - self._behind_ns <= self.limits.stale_ms * NS_PER_MS:
            return
        self._misses = self._misses + 1 if self._missed == head else 1
        self._missed = head
        if self._misses <= self.limits.heal_attempts:
            message = f"{head} was announced and nothing came after {cursor}"
            raise _BehindFaultError(message)


def place_of(text: str) -> Position:
    """Return where something stands in the stream.

    Raises:
        LinkFaultError: It is no place.
    """
    try:
        return parse_position(text)
    except PositionMalformedError as error:
        raise _PlaceFaultError(str(error)) from error


def _spelled(at: Position) -> str:
    """Return a position as it is asked for."""
    return "start" if at.block < 0 else str(at)
