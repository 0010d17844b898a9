"""Sessions that stay taken out of the pool between one statement and the next.

To take one out and put it back costs as much as a statement that is said to it meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from asyncpg import Connection as Session
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from torghut.adapters.postgres.budgets import SESSIONS_MAX
from torghut.adapters.postgres.faults import FAULTS, drop_if_cut

_KEPT_MAX: Final = SESSIONS_MAX // 2
"""Most sessions that nobody uses and that are kept all the same: others find some in the pool."""


class KeptSessions:
    """Sessions for statements that are transactions by themselves.

    Args:
        engine: Whose pool they come from.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._idle: deque[tuple[AsyncConnection, Session]] = deque()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Give a session; one that may have been cut is not kept."""
        connection, session = self._idle.pop() if self._idle else await self._taken()
        sound = False
        try:
            yield session
            sound = True
        except FAULTS as error:
            await drop_if_cut(connection, error)
            raise
        finally:
            if sound and len(self._idle) < _KEPT_MAX:
                self._idle.append((connection, session))
            else:
                await connection.close()

    async def close(self) -> None:
        """Give back to the pool whatever is kept."""
        while self._idle:
            await self._idle.pop()[0].close()

    async def _taken(self) -> tuple[AsyncConnection, Session]:
        """Take a session out of the pool."""
        connection = await self._engine.connect()
        return connection, (await connection.get_raw_connection()).driver_connection
