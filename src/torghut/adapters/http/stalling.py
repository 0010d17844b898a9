"""Noticing a peer that takes nothing of what it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from torghut.adapters.http.socket_options import waiting_bytes
from torghut.kernel.units import MS_PER_S


@dataclass(slots=True, kw_only=True)
class Stall:
    """Watches a connection while what was written to it waits for its peer.

    Attributes:
        transport: Of the connection.
        budget_ms: How long the peer may take nothing at all.
        over: Called when it has taken nothing for so long.
    """

    transport: asyncio.Transport
    budget_ms: int
    over: Callable[[], None]
    _left: int = 0
    _timer: asyncio.TimerHandle | None = field(default=None)

    def begin(self) -> None:
        """Begin to watch: more waits than should."""
        self.end()
        self._left = waiting_bytes(self.transport)
        self._wait()

    def end(self) -> None:
        """Stop watching: the peer has taken enough, or is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        """Look again when the budget is over."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.budget_ms / MS_PER_S, self._look)

    def _look(self) -> None:
        """Give a peer that takes at least something another budget."""
        left = waiting_bytes(self.transport)
        if left < self._left:
            self._left = left
            self._wait()
        else:
            self._timer = None
            self.over()
