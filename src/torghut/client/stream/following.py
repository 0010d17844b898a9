"""The stream of outcomes on its way to one reader: complete, in order, and no more than fits.

A reader that is slow holds back reading, and with it the service's sending. Nothing is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from typing_extensions import override
from websockets.asyncio.client import ClientConnection

from torghut.client.errors import AnnouncedMissingError, BeyondEndError
from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.stream.announced import Announced, BehindError
from torghut.client.stream.buffer import Buffer
from torghut.client.stream.link import Ends, LinkFaultError
from torghut.client.stream.ordering import DisorderedError, Ordering
from torghut.client.stream.pulse import Pulse
from torghut.client.wire.messages import Decided, Heartbeat, Incoming, Outcome, Refused
from torghut.schemas.live.position import (
    PLACE_MAX,
    START,
    Position,
    PositionMalformedError,
    parse_position,
)


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
    _announced: Announced = field(init=False)
    _handed: Position | None = None

    def __post_init__(self) -> None:
        """Make room for as many outcomes as may wait."""
        self.waiting = Buffer(self.limits.queue_max)
        self._announced = Announced(self.limits, self.machine)

    @property
    def left_at(self) -> Position | None:
        """After which position another stream goes on; None where nothing was heard yet."""
        cursor = self.ordering.cursor
        if self._handed is None or cursor is None:
            return self.ordering.origin
        return min(self._handed, cursor)

    def hand_over(self) -> Received:
        """Return the oldest outcome that waits, which there must be."""
        received = self.waiting.pop()
        self._handed = received.at
        return received

    @override
    def query(self) -> str:
        self._announced.wait_anew()
        return f"after={asked_after(self.ordering.cursor)}"

    @override
    async def take(self, message: Incoming, line: str) -> None:
        if isinstance(message, Heartbeat):
            self._hear(message)
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
        self._announced.wait_anew()
        self.pulse.broken = self.ordering.accepted
        if self.ordering.in_order:
            self.pulse.doubt = ""
        await self.waiting.put(Received(outcome, line, at))
        first = self._announced.first
        if self.until_head and first is not None and at >= first:
            self.waiting.end()

    def _hear(self, heartbeat: Heartbeat) -> None:
        """Compare what the service has with what came.

        Raises:
            LinkFaultError: Nothing came for as long as silence may last.
        """
        end = end_of(heartbeat)
        if (cursor := self.ordering.cursor) is None:
            cursor = end
            self.ordering.begin(end)
        try:
            complete = self._announced.hear(heartbeat, end, cursor)
        except BehindError as error:
            raise _BehindFaultError(str(error)) from error
        if beyond := self._announced.beyond:
            self.pulse.doubt = f"the log ends at {beyond}, before {cursor}: it is another one"
        elif complete and self.ordering.in_order:
            self.pulse.doubt = ""
        if self.until_head:
            self._end(self._announced.first or end, cursor)

    def _end(self, first: Position, cursor: Position) -> None:
        """End the stream if it has come to the end that was announced at first, or never will."""
        said = self._announced
        reached = cursor >= first and not said.short
        if said.beyond:
            self.waiting.end(BeyondEndError(after=cursor, end=said.beyond))
        elif reached or (said.missing and first.place == PLACE_MAX):  # where no outcome stands
            self.waiting.end()
        elif said.missing:
            announced, found = f"outcomes up to {first}", f"none after {cursor}"
            self.waiting.end(AnnouncedMissingError(announced=announced, found=found))


def place_of(text: str) -> Position:
    """Return where something stands in the stream.

    Raises:
        LinkFaultError: It is no place.
    """
    try:
        return parse_position(text)
    except PositionMalformedError as error:
        raise _PlaceFaultError(str(error)) from error


def end_of(heartbeat: Heartbeat) -> Position:
    """Return where the log ends, as a heartbeat says.

    Raises:
        LinkFaultError: It names no place.
    """
    return START if heartbeat.position is None else place_of(heartbeat.position)


def asked_after(at: Position | None) -> str:
    """Return a position as it is asked for."""
    if at is None:
        return "now"
    return "start" if at.block < 0 else str(at)
