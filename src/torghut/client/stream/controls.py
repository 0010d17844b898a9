"""Control records as the log takes them, on their way to one reader."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from typing_extensions import override
from websockets.asyncio.client import ClientConnection

from torghut.client.limits import Limits
from torghut.client.stream.buffer import Buffer
from torghut.client.stream.following import place_of
from torghut.client.stream.link import Ends
from torghut.client.wire.messages import ControlApplied, ControlRecorded, Heartbeat, Incoming
from torghut.schemas.live.position import Position

ControlEvent: TypeAlias = ControlRecorded | ControlApplied

_QUIET: Final = 2


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


@dataclass(slots=True)
class ControlFollowing(Ends):
    """Takes in what happens to control records, for one reader.

    Several stand at one position. So after a lost connection the last position is asked for again,
    and what came before is passed over.

    Attributes:
        after: Where to begin, as it is asked for.
        limits: How many may wait, and how many are known again.
        until_head: End once nothing comes any more, instead of going on.
        waiting: For the reader.
    """

    after: str
    limits: Limits
    until_head: bool = False
    waiting: Buffer[ReceivedControl] = field(init=False)
    _given: OrderedDict[str, None] = field(default_factory=OrderedDict)
    _last: Position | None = None
    _quiet: int = 0

    def __post_init__(self) -> None:
        """Make room for as many as may wait."""
        self.waiting = Buffer(self.limits.queue_max)

    @override
    def query(self) -> str:
        self._quiet = 0
        return f"after={self.after}&controls=1"

    @override
    async def take(self, message: Incoming, line: str) -> None:
        self._quiet = self._quiet + 1 if isinstance(message, Heartbeat) else 0
        if isinstance(message, ControlRecorded | ControlApplied):
            at = place_of(message.position)
            if self._last is not None and at > self._last:
                self.after = str(self._last)
            self._last = at
            if line not in self._given:
                self._remember(line)
                await self.waiting.put(ReceivedControl(message, line, at))
        elif self.until_head and self._quiet >= _QUIET:
            self.waiting.end()

    @override
    async def speak(self, connection: ClientConnection) -> None:
        """Nothing is said here."""

    def _remember(self, line: str) -> None:
        """Note that a line was handed on."""
        self._given[line] = None
        if len(self._given) > self.limits.remembered:
            self._given.popitem(last=False)
