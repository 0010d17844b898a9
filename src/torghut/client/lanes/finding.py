"""The lanes of a service: known at once, or asked for until somebody tells."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torghut.client.lanes.streams import Reach
from torghut.client.stream.link import MS, Notice, wait_s
from torghut.client.wire.dialing import CutError, Dialer, Lane

Opening = Callable[[Sequence[Lane]], None]
"""Called once, with the lanes."""


@dataclass(slots=True, kw_only=True)
class Lanes:
    """What is known of the lanes, and who waits for them.

    Attributes:
        dialer: Asks for them.
        reach: Of the client.
        notices: Where it goes that nobody tells.
        found: All of them; nothing before they are known.
    """

    dialer: Dialer
    reach: Reach
    notices: deque[Notice]
    found: Sequence[Lane] = field(init=False)
    _opening: list[Opening] = field(default_factory=list)
    _told: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Take what is known at once."""
        self.found = self.dialer.known
        if self.found:
            self._told.set()

    def once(self, opening: Opening) -> None:
        """Call ``opening`` with the lanes: now, or once they are known."""
        if self.found:
            opening(self.found)
        else:
            self._opening.append(opening)

    async def wait(self) -> Sequence[Lane]:
        """Return the lanes; the one who waits keeps the time."""
        await self._told.wait()
        return self.found

    async def find(self) -> None:
        """Ask until somebody tells."""
        attempts = 0
        while not self.found:
            if reason := await self._asked():
                self.notices.append(Notice("connection", reason))
                self.reach.standing.away = f"not connected: {reason}"
                self.reach.standing.look()
                await asyncio.sleep(wait_s(self.reach.limits, self.reach.machine, attempts))
                attempts += 1
        for opening in self._opening:
            opening(self.found)
        self._told.set()

    async def _asked(self) -> str:
        """Ask once; return why nobody told, empty if somebody did."""
        limits = self.reach.limits
        try:
            async with asyncio.timeout(limits.connect_ms / MS):
                self.found = await self.dialer.lanes()
        except TimeoutError:
            return f"nobody answers within {limits.connect_ms} ms"
        except CutError as error:
            return str(error)
        return ""
