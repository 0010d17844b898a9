"""What was received and waits for its reader: bounded, so that a slow reader holds back reading."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from torghut.kernel.errors import TorghutError

T = TypeVar("T")


@dataclass(slots=True)
class Buffer(Generic[T]):
    """A queue with an end; who stops waiting for it loses nothing.

    Attributes:
        room: How many may wait.
        sources: So many have something to add; with the last of them it ends.
    """

    room: int
    sources: int = 1
    _items: deque[T] = field(default_factory=deque)
    _ended: bool = False
    _why: TorghutError | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, item: T) -> None:
        """Add an item once there is room for it; after the end nothing is added."""
        while len(self._items) >= self.room and not self._ended:
            await self._moves()
        if not self._ended:
            self._items.append(item)
            self._move()

    async def filled(self) -> bool:
        """Wait for an item; return whether there is one, or the end was reached.

        Raises:
            TorghutError: Why the end was reached, if it was said.
        """
        while not self._items and not self._ended:
            await self._moves()
        if not self._items and self._why is not None:
            raise self._why
        return bool(self._items)

    def pop(self) -> T:
        """Return the oldest item, which there must be, and make room."""
        item = self._items.popleft()
        if len(self._items) == self.room - 1:
            self._move()
        return item

    def end(self, why: TorghutError | None = None) -> None:
        """Let nothing more come; what waits is still to be had, and then why, if that is said."""
        if not self._ended:
            self._ended, self._why = True, why
        self._move()

    def leave(self) -> None:
        """Let one of the sources add nothing more."""
        self.sources -= 1
        if self.sources < 1:
            self.end()

    async def _moves(self) -> None:
        """Wait until something happens."""
        await self._moved.wait()

    def _move(self) -> None:
        """Wake those who wait."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
