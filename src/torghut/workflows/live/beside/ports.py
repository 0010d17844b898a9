"""A process beside the service, as the service sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class Companion(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    async def ended(self) -> int:
        """Wait for its end and return its exit status, negative for a signal."""
        ...

    def complaint(self) -> str:
        """Return the last line that it complained with; empty where there is none."""
        ...

    def ask_to_end(self) -> None:
        """Let it finish what it is at, and end."""
        ...

    def kill(self) -> None:
        """End it at once, with everything that it started."""
        ...


Starting = Callable[[], Awaitable[Companion]]
"""Starts a process; raises ``CompanionNotStartedError`` where there is none to be had."""
