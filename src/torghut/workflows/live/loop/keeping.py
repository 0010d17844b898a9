"""The log as the live loop holds it: it may go away and be had again."""

from __future__ import annotations

from typing import Final, Protocol

from typing_extensions import override

from torghut.eventlog.ports import DecisionLog

_PROBE: Final = b"torghut: can this log be written?"


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


class LentLog(LogKeeper):
    """A log that others hold open as well, and that finds back to its store by itself.

    Args:
        log: That was lent; whoever lent it closes it.
    """

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    @property
    @override
    def log(self) -> DecisionLog:
        return self._log

    @override
    async def regain(self) -> DecisionLog:
        await self._log.put_object(_PROBE)
        return self._log

    @override
    async def close(self) -> None:
        """Give it back."""
