"""Clients of a broker begin within a budget; one that does not leaves nothing behind.

Python's own way to end a start that takes too long is to cancel it. The connection over which
aiokafka first asks what the cluster is made of belongs to nobody but that start, and would stay
open until the collector finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from aiokafka.conn import AIOKafkaConnection

from torghut.access.ending import Client, ended, unattended
from torghut.kernel.units import MS_PER_S

_BROKEN_OFF_S: Final = 0.2
"""Longest wait for a start to notice that it was broken off."""
_LEAVE_MS: Final = 1_000
"""Longest that a client takes leave which has done nothing yet."""


async def begun(client: Client, *, budget_ms: int) -> None:
    """Let a client connect; one that does not is ended, for which nobody waits.

    Args:
        client: Not begun.
        budget_ms: Longest that it may take. One that does not begin is gone two seconds later.

    Raises:
        TimeoutError: No broker answers within the budget.
        Exception: Whatever the client raises.
    """
    starting = asyncio.ensure_future(client.start())
    connected = False
    try:
        await asyncio.wait([starting], timeout=budget_ms / MS_PER_S)
        if not starting.done():
            message = f"not connected within {budget_ms} ms"
            raise TimeoutError(message)
        await starting
        connected = True
    finally:
        if not connected:
            unattended(_given_up(client, starting))


async def _given_up(client: Client, starting: asyncio.Task[None]) -> None:
    """End a client that has not begun."""
    try:
        await _break_off(starting)
    finally:
        await ended(client, budget_ms=_LEAVE_MS)


async def _break_off(starting: asyncio.Task[None]) -> None:
    """End a start, and the connection that it waits for."""
    if starting.done():
        return
    for connection in _awaited(starting):
        connection.close()
    starting.cancel()
    await asyncio.wait([starting], timeout=_BROKEN_OFF_S)


def _awaited(task: asyncio.Task[None]) -> Iterator[AIOKafkaConnection]:
    """Yield the connections of the calls in which a task waits; nothing else refers to them."""
    waiting: object = task.get_coro()
    while (frame := getattr(waiting, "cr_frame", None)) is not None:
        yield from (one for one in frame.f_locals.values() if isinstance(one, AIOKafkaConnection))
        waiting = getattr(waiting, "cr_await", None)
