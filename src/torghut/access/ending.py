"""Clients of a broker are ended within a budget, and leave nothing behind that still runs.

A client's own ``stop`` waits until all that it has is sent. Cut short, or ended by a task of its
own that it cancelled, it leaves a sender that goes on and connections that nobody closes. So it is
ended by a task of its own, which whoever waits for it can leave, and cannot interrupt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from types import TracebackType
from typing import Final, Protocol, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from typing_extensions import override

from torghut.kernel.units import MS_PER_S

T = TypeVar("T")

_UNATTENDED: Final[set[asyncio.Task[object]]] = set()
"""Nobody else holds on to them: a loop does not keep its tasks."""

_UNSENT: Final = "_message_accumulator"
_PARTS: Final = ("_coordinator", "_sender", "_fetcher", "client", "_client")
"""What a client is made of, in the order in which its own ``stop`` closes it."""
_INNER: Final = ("client", "_client")
_CONNECTIONS: Final = "_conns"
_SWEPT_S: Final = 3.0
"""How long after its end a client is looked at once more."""
_PART_S: Final = 0.2
"""Longest wait for one of them. Its requests fail once the connections are closed."""


class Client(Protocol):
    """A client of aiokafka's."""

    async def start(self) -> None:
        """Connect."""
        ...

    async def stop(self) -> None:
        """Finish what is under way, and let go."""
        ...


class Admin(AIOKafkaAdminClient):  # type: ignore[misc]  # it publishes no types
    """A client that asks about topics and changes them, and ends as others do."""

    async def stop(self) -> None:
        """Let go."""
        await self.close()


async def ended(client: Client, *, budget_ms: int) -> str | None:
    """End a client; return why it did not end by itself.

    Whoever is cancelled meanwhile leaves it to end without them.

    Args:
        client: Begun or not.
        budget_ms: How long it may take to finish what is under way; a second passes at the most
            until all of it is cut off.
    """
    return await asyncio.shield(unattended(_ended(client, budget_ms)))


def unattended(work: Coroutine[object, object, T]) -> asyncio.Task[T]:
    """Let some work go on by itself, whatever becomes of whoever began it."""
    task = asyncio.ensure_future(_Sure(work))
    _UNATTENDED.add(task)
    task.add_done_callback(_UNATTENDED.discard)
    return task


class _Sure(Coroutine[object, object, T]):
    """Work that gets to its first wait in any case: else a task cancelled before never runs it."""

    def __init__(self, work: Coroutine[object, object, T]) -> None:
        self._work = work
        self._begun = False

    @override
    def send(self, value: object, /) -> object:
        self._begun = True
        return self._work.send(value)

    @override
    def throw(
        self,
        typ: type[BaseException] | BaseException,
        _val: BaseException | object = None,
        _tb: TracebackType | None = None,
        /,
    ) -> object:
        if not self._begun:
            self.send(None)
        return self._work.throw(typ if isinstance(typ, BaseException) else typ())

    @override
    def close(self) -> None:
        self._work.close()

    @override
    def __await__(self) -> Generator[object, object, T]:
        return self._work.__await__()


async def _ended(client: Client, budget_ms: int) -> str | None:
    """End a client."""
    stopping = unattended(client.stop())
    try:
        await asyncio.wait([stopping], timeout=budget_ms / MS_PER_S)
    finally:  # the loop's own end may cancel this
        why = _why(stopping)
        if why is not None:
            await _cut(client, stopping)
        asyncio.get_running_loop().call_later(_SWEPT_S, _sweep, client)
    return why


def _sweep(client: Client) -> None:
    """Close what a client connected to after its end: a task of its own may not have noticed."""
    for name in _INNER:
        for connection in list(getattr(getattr(client, name, None), _CONNECTIONS, {}).values()):
            connection.close()


def _why(stopping: asyncio.Future[None]) -> str | None:
    """Return why a client has not ended."""
    if not stopping.done():
        return "it takes too long"
    if stopping.cancelled():
        return "it was cut short by a task of its own"
    error = stopping.exception()
    return None if error is None else f"{type(error).__name__}: {error}"


async def _cut(client: Client, stopping: asyncio.Future[None]) -> None:
    """Close what a client is made of, part by part; none of them may keep the others open."""
    stopping.cancel()
    if (unsent := getattr(client, _UNSENT, None)) is not None:
        unsent.fail_all(KafkaConnectionError("ended before it was sent"))
    parts = [part for name in _PARTS if (part := getattr(client, name, None)) is not None]
    for part in parts:
        for one in vars(part).values():
            if isinstance(one, asyncio.Task):
                one.cancel()
    for part in (*parts, *parts[-1:]):  # what ends meanwhile may have connected once more
        await _within(part.close())


async def _within(closing: Awaitable[object]) -> None:
    """Wait for something to be closed, and not for long."""
    task = asyncio.ensure_future(closing)
    await asyncio.wait([task], timeout=_PART_S)
    if task.done():
        _ = task.cancelled() or task.exception()  # it is of no use to anybody
    else:
        task.cancel()
