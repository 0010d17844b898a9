"""A log that may go away: held open while it can be, opened anew where its writer broke."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from typing_extensions import override

from torghut.adapters.sqlite.store import SqliteLog
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError
from torghut.workflows.live.loop.keeping import LogKeeper


class RegainingLog(LogKeeper):
    """Holds one log open.

    Args:
        open_again: Opens it for writing; called in a thread of its own, since it may take long.
    """

    def __init__(self, open_again: Callable[[], SqliteLog]) -> None:
        self._open_again = open_again
        self._log: SqliteLog = open_again()
        self._closed = False

    @property
    @override
    def log(self) -> DecisionLog:
        return self._log

    @override
    async def regain(self) -> DecisionLog:
        if not self._closed:
            with suppress(TorghutError):
                await self._log.close()
            self._closed = True
        self._log = await asyncio.to_thread(self._open_again)
        self._closed = False
        return self._log

    @override
    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._log.close()
