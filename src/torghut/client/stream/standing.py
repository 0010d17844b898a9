"""What a client is: the worst of what its connections say, looked at even when nobody asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, MutableSequence
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
        pulses: Of its connections, the first one the most important.
        ended: Why the client is at its end; empty while it is not.
    """

    limits: Limits
    pulses: MutableSequence[Pulse] = field(default_factory=list)
    ended: str = ""
    _last: State | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def state(self) -> State:
        """What holds now."""
        if self.ended or not self.pulses:
            reason = f"the client is {self.ended}" if self.ended else "not connected yet"
            return State("stale", reason)
        # A connection that never was does not make worse what another one says.
        first, *others = self.pulses
        states = [first.state, *(pulse.state for pulse in others if pulse.newest is not None)]
        return max(states, key=lambda state: _SEVERITY[state.name])

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
