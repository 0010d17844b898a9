"""Being asked to stop: the first signal sets an event, so that what is under way can be finished.

The second signal does what it would have done without all this.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

_INPUT: Final = 0
_CHUNK: Final = 4096
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Stopping:
    """Whether, and how, this process was asked to stop.

    Attributes:
        asked: Set by the first signal.
        interrupted: Whether that was SIGINT, a person's Ctrl-C.
    """

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: bool = False

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until asked to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.asked.wait()


@contextlib.contextmanager
def stop_on_signals(*, at_end_of_input: bool = False) -> Iterator[Stopping]:
    """Yield what SIGINT and SIGTERM set until the end of the block; in a running event loop.

    Args:
        at_end_of_input: Whether the end of standard input, a pipe, asks to stop too: it comes when
            whoever holds its other end is gone, however that happened.
    """
    loop = asyncio.get_running_loop()
    stopping = Stopping()

    def ask(number: signal.Signals) -> None:
        stopping.interrupted = number is signal.SIGINT
        stopping.asked.set()
        for one in _SIGNALS:
            loop.remove_signal_handler(one)

    for number in _SIGNALS:
        loop.add_signal_handler(number, ask, number)
    if at_end_of_input:
        _watch_input(loop, stopping)
    try:
        yield stopping
    finally:
        if at_end_of_input:
            loop.remove_reader(_INPUT)
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _watch_input(loop: asyncio.AbstractEventLoop, stopping: Stopping) -> None:
    """Ask to stop once standard input has ended; what comes in is of no interest."""

    def look() -> None:
        if not os.read(_INPUT, _CHUNK):
            loop.remove_reader(_INPUT)
            stopping.asked.set()

    loop.add_reader(_INPUT, look)


@contextlib.contextmanager
def end_on_terminate() -> Iterator[None]:
    """Let SIGTERM end the process with status 0 while there is nothing to finish yet."""

    def end(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
