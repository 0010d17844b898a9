"""What is tried again where the server went away, until it is back or the budget ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from torghut.adapters.postgres.faults import FAULTS, passes

T = TypeVar("T")

_PAUSE_FIRST_S: Final = 0.02
_PAUSE_MAX_S: Final = 0.5


async def regained(once: Callable[[], Awaitable[T]], *, within_ms: int) -> T:
    """Return what ``once`` comes to, tried again, ever more rarely, while what failed may pass.

    Args:
        once: One attempt.
        within_ms: Longest time from now to the beginning of the last attempt.

    Raises:
        Exception: One of ``FAULTS``: the last one.
        TorghutError: ``once`` refused.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + within_ms / 1000
    pause_s = _PAUSE_FIRST_S
    while True:
        try:
            return await once()
        except FAULTS as error:
            if not passes(error) or loop.time() + pause_s > deadline_s:
                raise
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_MAX_S)
