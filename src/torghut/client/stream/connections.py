"""All connections of one client: each kept by a task of its own, and forgotten with it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from torghut.client.machine import Machine
from torghut.client.stream.link import Ends, Link, Notice
from torghut.client.stream.pulse import Pulse
from torghut.client.wire.dialing import Dialer


@dataclass(slots=True, kw_only=True)
class Connections:
    """Keeps connections to one service.

    Attributes:
        dialer: Makes them.
        machine: Whose clocks and chance hold.
        notices: Where what was noticed goes.
        looked: Called whenever a pulse may have changed.
    """

    dialer: Dialer
    machine: Machine
    notices: deque[Notice]
    looked: Callable[[], None]
    _links: dict[asyncio.Task[None], Link] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._links)

    def keep(
        self, ends: Ends, pulse: Pulse, tasks: asyncio.TaskGroup, *, lane: int
    ) -> asyncio.Task[None]:
        """Keep a connection to a lane until the task that is returned is cancelled."""
        link = Link(
            dialer=self.dialer,
            lane=lane,
            ends=ends,
            limits=self.dialer.limits,
            machine=self.machine,
            pulse=pulse,
            notices=self.notices,
            looked=self.looked,
        )
        task = tasks.create_task(link.keep())
        self._links[task] = link
        task.add_done_callback(self._links.pop)
        return task

    def denied(self, pulse: Pulse) -> int:
        """Return the HTTP status by which a connection was refused for good; 0 where it was not."""
        return next((link.denied for link in self._links.values() if link.pulse is pulse), 0)

    def end(self) -> None:
        """Give all of them up."""
        for task in self._links:
            task.cancel()
