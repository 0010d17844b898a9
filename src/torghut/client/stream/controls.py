"""Control records as the log takes them, on their way to one reader."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from typing_extensions import override

from torghut.client.errors import AnnouncedMissingError
from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.stream.buffer import Buffer
from torghut.client.stream.following import end_of, place_of
from torghut.client.stream.link import Ends
from torghut.client.wire.dialing import Connection, Purpose
from torghut.client.wire.messages import (
    ControlApplied,
    ControlRecorded,
    Decided,
    Heartbeat,
    Incoming,
    Outcome,
    Refused,
)
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.live.position import Position, start_of

ControlEvent: TypeAlias = ControlRecorded | ControlApplied


class ReceivedControl(NamedTuple):
    """Something that happened to a control record.

    Attributes:
        event: As it was read.
        line: As it came.
        at: Where it stands.
    """

    event: ControlEvent
    line: str
    at: Position


class _Announcement(NamedTuple):
    """What the service had when it was heard first.

    Attributes:
        end: Where the log ended.
        records: So many control records it had taken.
    """

    end: Position
    records: int


@dataclass(slots=True)
class ControlFollowing(Ends):
    """Takes in what happens to control records in one lane, for one reader.

    Several stand at one position. So after a lost connection the last position is asked for again,
    and what came before is passed over.

    The service announces how many records its log has taken, and not where the last one stands. So
    a stream that ends is told from the start, and counts them.

    Attributes:
        lane: Its number.
        begin: At or after which position what comes is handed over; None: from now on.
        limits: How many may wait, how many are known again, and when nothing more comes.
        machine: Whose steady clock counts.
        until_head: End once what the service had at first was taken, instead of going on.
        waiting: For the reader.
    """

    lane: int
    begin: Position | None
    limits: Limits
    machine: Machine
    waiting: Buffer[ReceivedControl]
    until_head: bool = False
    _after: Position | None = field(init=False)
    _given: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _last: Position | None = None
    _first: _Announcement | None = None
    _taken: int = 0
    _stirred_ns: int = 0
    _ended: bool = False

    def __post_init__(self) -> None:
        """Begin where it is to be begun."""
        told = self.until_head and self.begin is not None
        self._after = start_of(self.lane) if told else self.begin

    @override
    def purpose(self) -> Purpose:
        self._stirred_ns = self.machine.steady_ns()
        return Purpose("controls", self._after)

    @override
    async def take(self, message: Incoming, line: str) -> None:
        if isinstance(message, Heartbeat):
            self._hear(message)
        elif isinstance(message, ControlRecorded | ControlApplied):
            await self._event(message, line)
        elif isinstance(message, Decided | Refused) and self.until_head:
            self._stir(message)

    @override
    async def speak(self, connection: Connection) -> None:
        """Nothing is said here."""

    async def _event(self, event: ControlEvent, line: str) -> None:
        """Take in what happened to a record, unless it is known, and wait for room for it."""
        self._stirred_ns = self.machine.steady_ns()
        at = place_of(event.position)
        if self._last is not None and at > self._last:
            self._after = self._last
        self._last = at
        if line in self._given:
            return
        self._remember(line)
        self._taken += isinstance(event, ControlRecorded) and event.status == "taken"
        if not self._ended and (self.begin is None or at >= self.begin):
            await self.waiting.put(ReceivedControl(event, line, at))

    def _stir(self, outcome: Outcome) -> None:
        """Note that the log is still being told, up to where it ended at first."""
        if self._first is None or place_of(outcome.position) <= self._first.end:
            self._stirred_ns = self.machine.steady_ns()

    def _hear(self, heartbeat: Heartbeat) -> None:
        """Compare how many records the service has taken with those that came."""
        if self._after is None:
            self._after = end_of(heartbeat, self.lane)
        if self._first is None:
            self._first = _Announcement(end_of(heartbeat, self.lane), heartbeat.control_records)
        if self.until_head:
            self._end_at(self._first.records)

    def _end(self) -> None:
        """Add nothing more."""
        if not self._ended:
            self._ended = True
            self.waiting.leave()

    def _end_at(self, records: int) -> None:
        """End the stream once that many records came, or do not come."""
        quiet_ms = (self.machine.steady_ns() - self._stirred_ns) // NS_PER_MS
        if self.begin is None:
            self._end()
        elif self._taken >= records:
            # A record may apply long after it was taken, and no announcement says where.
            if quiet_ms >= self.limits.quiet_ms:
                self._end()
        elif quiet_ms > self.limits.stale_ms * self.limits.heal_attempts:
            announced, found = f"{records} control records", f"{self._taken} of them"
            self.waiting.end(AnnouncedMissingError(announced=announced, found=found))

    def _remember(self, line: str) -> None:
        """Note that a line was handed on."""
        self._given[line] = None
        if len(self._given) > self.limits.remembered:
            self._given.popitem(last=False)
