"""One lane as a connection: what is read of its partitions waits here, and only so much of it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from typing_extensions import override

from torghut.client.wire.dialing import Connection, CutError

_FRAMES: Final = 4
"""So many batches of lines wait; then nothing more is read."""


class Sending(Protocol):
    """Sends what a trading loop says."""

    async def send(self, lines: str, answer: Callable[[str], None]) -> None:
        """Send lines; what was not taken is told ``answer`` at once.

        Raises:
            CutError: It is not known whether they arrive.
        """
        ...


@dataclass(slots=True, eq=False)
class KafkaConnection(Connection):
    """A lane of the service, as one use of it sees it.

    Attributes:
        sending: Sends what is said here.
        left: Called once when it is given up.
    """

    sending: Sending
    left: Callable[[], None] = lambda: None
    _frames: deque[str] = field(default_factory=deque)
    _beat: str = ""
    _answers: list[str] = field(default_factory=list)
    _why: str = ""
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def run(self, task: asyncio.Task[None]) -> None:
        """Keep a task of this connection: it is cancelled with it, and ends it if it fails."""
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    async def put(self, frame: str) -> None:
        """Let lines be received once there is room for them."""
        while len(self._frames) >= _FRAMES:
            await self._moves()
        self._frames.append(frame)
        self._moved.set()

    def beat(self, line: str) -> None:
        """Let a heartbeat be received; one that waits says nothing any more."""
        self._beat = line
        self._moved.set()

    def fail(self, why: str) -> None:
        """Let it have ended."""
        self._why = self._why or why
        self._moved.set()

    @override
    async def receive(self) -> str:
        while True:
            if self._why:
                raise CutError(self._why)
            if self._answers:
                lines = "\n".join(self._answers)
                self._answers.clear()
                return lines
            if beat := self._beat:
                self._beat = ""
                return beat
            if self._frames:
                frame = self._frames.popleft()
                self._moved.set()
                return frame
            await self._moves()

    @override
    async def send(self, lines: str) -> None:
        await self.sending.send(lines, self._answer)

    @override
    async def leave(self) -> None:
        self.drop()

    @override
    def drop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self.fail("given up")
        self.left()

    def _answer(self, line: str) -> None:
        """Let something be received that was said on this side."""
        self._answers.append(line)
        self._moved.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """End with a task that failed."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(str(error) or type(error).__name__)

    async def _moves(self) -> None:
        """Wait until something happens."""
        self._moved.clear()
        await self._moved.wait()
