"""The stream of outcomes on its way to one reader: complete, in order, and no more than fits.

A reader that is slow holds back reading, and with it the service's sending. Nothing is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from typing_extensions import override

from torghut.client.errors import AnnouncedMissingError, BeyondEndError
from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.stream.announced import Announced, BehindError
from torghut.client.stream.buffer import Buffer
from torghut.client.stream.link import Ends, LinkFaultError
from torghut.client.stream.ordering import DisorderedError, Ordering
from torghut.client.stream.pulse import Pulse
from torghut.client.wire.dialing import Connection, Purpose
from torghut.client.wire.messages import Decided, Heartbeat, Incoming, Outcome, Refused
from torghut.schemas.live.position import (
    PLACE_MAX,
    Position,
    PositionMalformedError,
    parse_position,
    start_of,
)


class Received(NamedTuple):
    """An outcome that waits for its reader.

    Attributes:
        outcome: As it was read.
        line: As it came.
        at: Where it stands.
        lane: In which it came.
    """

    outcome: Outcome
    line: str
    at: Position
    lane: int


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
    """Takes the outcomes of one lane in and keeps them for one reader, who may read several.

    Attributes:
        lane: Its number.
        ordering: What was taken so far, and where to go on.
        limits: How many may wait.
        machine: Whose steady clock counts.
        pulse: Told what is wrong with the stream.
        until_head: End once what the service had at first was taken, instead of going on.
        waiting: Outcomes for the reader.
        handed: The last that the reader was given; None before the first.
    """

    lane: int
    ordering: Ordering
    limits: Limits
    machine: Machine
    pulse: Pulse
    waiting: Buffer[Received]
    until_head: bool = False
    handed: Position | None = None
    _announced: Announced = field(init=False)
    _ended: bool = False
    _asked: int = 0

    def __post_init__(self) -> None:
        """Know nothing of the log's end."""
        self._announced = Announced(self.limits, self.machine)

    @property
    def left_at(self) -> Position | None:
        """After which position another stream goes on; None where nothing was heard yet."""
        cursor = self.ordering.cursor
        if self.handed is None or cursor is None:
            return self.ordering.origin
        return min(self.handed, cursor)

    @override
    def purpose(self) -> Purpose:
        self._announced.wait_anew()
        self._asked += 1
        if self.until_head and self._asked > 1 and not self.pulse.counts:
            self._end()  # nobody ever spoke here, and there was nothing
        return Purpose("outcomes", self.ordering.cursor)

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
    async def speak(self, connection: Connection) -> None:
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
        self.pulse.idle, self.pulse.needed = False, True
        self.pulse.broken = self.ordering.accepted
        if self.ordering.in_order:
            self.pulse.doubt = ""
        if not self._ended:
            await self.waiting.put(Received(outcome, line, at, self.lane))
        first = self._announced.first
        if self.until_head and first is not None and at >= first:
            self._end()

    def _hear(self, heartbeat: Heartbeat) -> None:
        """Compare what the service has with what came.

        Raises:
            LinkFaultError: Nothing came for as long as silence may last.
        """
        end = end_of(heartbeat, self.lane)
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
            self._end_at(self._announced.first or end, cursor)

    def _end(self) -> None:
        """Add nothing more."""
        if not self._ended:
            self._ended = True
            self.waiting.leave()

    def _end_at(self, first: Position, cursor: Position) -> None:
        """End the stream if it has come to the end that was announced at first, or never will."""
        said = self._announced
        reached = cursor >= first and not said.short
        if said.beyond:
            self.waiting.end(BeyondEndError(after=cursor, end=said.beyond))
        elif reached or (said.missing and first.place == PLACE_MAX):  # where no outcome stands
            self._end()
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


def end_of(heartbeat: Heartbeat, lane: int) -> Position:
    """Return where the log ends in a lane, as a heartbeat says.

    Raises:
        LinkFaultError: It names no place.
    """
    return start_of(lane) if heartbeat.position is None else place_of(heartbeat.position)
