"""The log as the live loop holds it: it may go away and be had again."""

from __future__ import annotations

from typing import Protocol

from torghut.eventlog.ports import DecisionLog


class LogKeeper(Protocol):
    """Has the log open, and opens it again where that is what it takes."""

    @property
    def log(self) -> DecisionLog:
        """The log as it is open now."""
        ...

    async def regain(self) -> DecisionLog:
        """Return the log once something was made durable in it; opened anew where it broke.

        Raises:
            TorghutError: It is still away; try again later.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and let go."""
        ...
