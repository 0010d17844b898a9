"""Streams of events that one process appends to all the time: it keeps the turn, and the log open.

To open the log for each append costs ten times what the append does, and six times its fsyncs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

from typing_extensions import override

from torghut.adapters.sqlite.sharing.events import SharedEvents
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import ConcurrencyConflictError
from torghut.eventlog.ports import EventFeed, EventStore
from torghut.kernel.errors import TorghutError
from torghut.schemas.types import Message


class HeldEvents(EventStore, EventFeed):
    """Shared streams whose turn is taken with the first append, and kept until ``let_go``.

    What fails lets go as well: the next append opens the log anew.

    Args:
        shared: The streams; others may read them all the while.
    """

    def __init__(self, shared: SharedEvents) -> None:
        self._shared = shared
        self._turn: AsyncExitStack | None = None
        self._one_at_a_time = asyncio.Lock()

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        async with self._one_at_a_time:
            if self._turn is None:
                turn = AsyncExitStack()
                await turn.enter_async_context(self._shared.session())
                self._turn = turn
            try:
                return await self._shared.append_events(
                    stream, events, expected_version=expected_version, causes=causes
                )
            except ConcurrencyConflictError:
                raise
            except TorghutError:
                await self._end_turn()
                raise

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        return await self._shared.read_events(stream, after=after)

    @override
    async def events_after(self, position: int, limit: int, /) -> Sequence[Envelope]:
        return await self._shared.events_after(position, limit)

    @override
    async def streams(self, prefix: str, /) -> Sequence[str]:
        return await self._shared.streams(prefix)

    async def let_go(self) -> None:
        """Close the log, if it is open; others may append then."""
        async with self._one_at_a_time:
            await self._end_turn()

    async def _end_turn(self) -> None:
        """Give the turn back, if it was taken."""
        turn, self._turn = self._turn, None
        if turn is not None:
            await turn.aclose()
