"""What a client is: the worst of what its connections say, looked at even when nobody asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.client.delivery import State
from torghut.client.limits import Limits
from torghut.client.stream.link import MS
from torghut.client.stream.pulse import Pulse
from torghut.client.wire.messages import StateName

_SEVERITY: Final[Mapping[StateName, int]] = {"live": 0, "stale": 1, "stopped": 2}


@dataclass(slots=True)
class Standing:
    """The state of a client, and those who wait for it to change.

    Attributes:
        limits: How often to look.
        pulses: Of its connections, the first ones the most important.
        away: Why there is no connection yet.
        ended: Why the client is at its end; empty while it is not.
    """

    limits: Limits
    pulses: MutableSequence[Pulse] = field(default_factory=list)
    away: str = "not connected yet"
    ended: str = ""
    _last: State | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def state(self) -> State:
        """What holds now."""
        if self.ended or not self.pulses:
            return State("stale", f"the client is {self.ended}" if self.ended else self.away)
        return max((one.state for one in self._counting), key=lambda state: _SEVERITY[state.name])

    @property
    def _counting(self) -> Sequence[Pulse]:
        """Those whose state is the client's: the worst of them counts.

        A connection that never was does not make worse what others say, unless it has to be. Nor
        does a lane in which nothing is ever decided, or one whose source is silent while those of
        others are not: no decision comes of it.
        """
        counting = [pulse for pulse in self.pulses if pulse.counts] or self.pulses[:1]
        counting = [one for one in counting if not one.idle] or counting
        return [one for one in counting if not one.quiet] or counting

    @property
    def awaited(self) -> Sequence[Pulse]:
        """Those that have to be heard and were not; whichever is first where none has to be."""
        if not any(pulse.newest is not None for pulse in self.pulses):
            return [one for one in self.pulses if one.needed] or self.pulses[:1]
        return [one for one in self.pulses if one.needed and one.newest is None]

    def look(self) -> None:
        """Look at the state, and wake those who wait if it changed."""
        if (now := self.state) != self._last:
            self._last = now
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    async def watch(self) -> None:
        """Look again and again, for ever: silence changes the state and makes no noise."""
        while True:
            self.look()
            await asyncio.sleep(self.limits.look_ms / MS)

    async def states(self) -> AsyncIterator[State]:
        """Yield the state and then each other one; who is slow gets the newest."""
        told: State | None = None
        while not self.ended:
            changed = self._changed
            if (now := self.state) != told:
                told = now
                yield now
            else:
                await changed.wait()
