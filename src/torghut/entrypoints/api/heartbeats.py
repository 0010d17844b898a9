"""One heartbeat for all who listen: made once, encoded once, written to each as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from torghut.entrypoints.api.errors import SubscribersExhaustedError
from torghut.workflows.live.ports import Desk
from torghut.workflows.live.told.frames import text_frame

_AT_ONCE: Final = 50
"""So many are told before whatever else waits gets its turn: deciding must not wait for all."""


class Listener(Protocol):
    """One who is told every heartbeat."""

    def beat(self, line: bytes, frame: bytes) -> None:
        """Take a heartbeat, without waiting for anything.

        Args:
            line: As JSON, ended by a line feed.
            frame: The same as a WebSocket frame.
        """
        ...


@dataclass(slots=True, kw_only=True)
class Heartbeats:
    """Tells everybody who has joined.

    Attributes:
        desk: Says when, and what.
        failed: Told of what nobody foresaw; then nobody is told any more, and all turn stale.
        beaten: Told to how many each heartbeat was told.
    """

    desk: Desk
    failed: Callable[[Exception], None]
    beaten: Callable[[int], None] = lambda _: None
    _listeners: dict[int, Listener] = field(default_factory=dict)
    _telling: asyncio.Task[None] | None = None
    _places: int = 0

    def __len__(self) -> int:
        return len(self._listeners)

    def line(self) -> bytes:
        """Return a heartbeat of now, ended by a line feed."""
        return self.desk.heartbeat().rstrip(b"\n") + b"\n"

    @contextmanager
    def place(self, limit: int) -> Iterator[None]:
        """Keep a place for one who will listen while the block lasts: from before its handshake.

        Raises:
            SubscribersExhaustedError: As many have a place as may.
        """
        if self._places >= limit:
            raise SubscribersExhaustedError(limit=limit)
        self._places += 1
        try:
            yield
        finally:
            self._places -= 1

    @contextmanager
    def joined(self, listener: Listener) -> Iterator[None]:
        """Tell ``listener`` every heartbeat while the block lasts."""
        self._listeners[id(listener)] = listener
        if self._telling is None:
            self._telling = asyncio.get_running_loop().create_task(self._tell())
        try:
            yield
        finally:
            del self._listeners[id(listener)]
            if not self._listeners and self._telling is not None:
                self._telling.cancel()
                self._telling = None

    async def _tell(self) -> None:
        """Tell heartbeats until cancelled."""
        due = self._due()
        try:
            while True:
                await due
                due = self._due()  # begun now: a change while all are told is not slept over
                await self._tell_all()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is reported and ends this
            self._telling = None
            self.failed(error)
        finally:
            due.cancel()

    def _due(self) -> asyncio.Task[None]:
        """Return what ends when the next heartbeat is due."""
        return asyncio.get_running_loop().create_task(self._beats())

    async def _beats(self) -> None:
        """Wait until the next heartbeat is due."""
        await self.desk.beats()

    async def _tell_all(self) -> None:
        """Tell one heartbeat to all who have joined by now."""
        line = self.line()
        frame = text_frame(line)
        for count, key in enumerate(list(self._listeners), start=1):
            listener = self._listeners.get(key)  # it may have left meanwhile
            if listener is not None:
                listener.beat(line, frame)
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)
        self.beaten(len(self._listeners))
