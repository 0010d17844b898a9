"""A decision log opened for a while, whatever its disk does: what takes too long is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from torghut.eventlog.ports import DecisionLog
from torghut.kernel.errors import TorghutError

_MS_PER_S: Final = 1000


@asynccontextmanager
async def opened(opening: Callable[[], DecisionLog], budget_ms: int) -> AsyncIterator[DecisionLog]:
    """Give a log, opened in a thread, for as long as opening and reading it may take together.

    Raises:
        TimeoutError: The budget is spent.
        TorghutError: It cannot be opened.
    """
    async with asyncio.timeout(budget_ms / _MS_PER_S):
        under_way = asyncio.ensure_future(asyncio.to_thread(opening))
        try:
            log = await asyncio.shield(under_way)
        except asyncio.CancelledError:
            with suppress(TorghutError):  # too late, but it is open all the same
                await (await under_way).close()
            raise
        try:
            yield log
        finally:
            await log.close()
