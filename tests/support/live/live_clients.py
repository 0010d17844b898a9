"""Clients of a fake live service, with limits that a test can wait for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

from tests.fakes.live_service import FakeLiveService
from torghut.client import Client, Limits
from torghut.client.lanes.places import After
from torghut.client.machine import Machine
from torghut.client.wire.address import Credentials, parse_address
from torghut.client.wire.websocket import WebSocketDialer

T = TypeVar("T")

QUICK: Final = Limits(
    stale_ms=150,
    silence_ms=300,
    retry_first_ms=1,
    retry_max_ms=10,
    look_ms=5,
    close_ms=200,
    quiet_ms=40,
)


@dataclass(slots=True)
class HandMachine:
    """A machine whose clocks are this one's, and what a test adds to them."""

    added_ns: int = 0
    real: Machine = field(default_factory=Machine)

    def machine(self) -> Machine:
        """Return it as a client takes it."""
        return Machine(
            wall_ns=lambda: self.real.wall_ns() + self.added_ns,
            steady_ns=lambda: self.real.steady_ns() + self.added_ns,
            chance=lambda: 0.5,
        )


def client_of(
    service: FakeLiveService,
    *,
    after: After = None,
    limits: Limits = QUICK,
    machine: Machine | None = None,
    token: str = "",
) -> Client:
    """Return a client of a fake."""
    dialer = WebSocketDialer(
        address=parse_address(service.url), credentials=Credentials(token=token), limits=limits
    )
    return Client(dialer, after=after, machine=machine)


def with_service(scenario: Callable[[FakeLiveService], Coroutine[Any, Any, T]]) -> T:
    """Return what a scenario beside a running fake returns; none may take long."""

    async def played() -> T:
        with TemporaryDirectory() as folder:
            service = FakeLiveService(Path(folder) / "socket")
            async with asyncio.timeout(10), service.running():
                return await scenario(service)

    return asyncio.run(played())


@contextlib.contextmanager
def served() -> Iterator[FakeLiveService]:
    """Yield a fake that runs in a thread of its own."""
    ready, end = threading.Event(), threading.Event()

    async def serve(service: FakeLiveService) -> None:
        async with service.running():
            ready.set()
            await asyncio.to_thread(end.wait, 30)

    with TemporaryDirectory() as folder:
        service = FakeLiveService(Path(folder) / "socket")
        thread = threading.Thread(target=lambda: asyncio.run(serve(service)))
        thread.start()
        try:
            assert ready.wait(10)
            yield service
        finally:
            end.set()
            thread.join()


def waiting_in(client: Client) -> int:
    """Return how many outcomes wait for the reader of a client."""
    outcomes = client._outcomes  # noqa: SLF001 - memory is what is tested
    return 0 if outcomes is None else len(outcomes.waiting._items)  # noqa: SLF001


async def first(source: AsyncIterator[T], count: int) -> list[T]:
    """Return the first items of a stream."""
    found: list[T] = []
    async for item in source:
        found.append(item)
        if len(found) == count:
            break
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; the scenario's own time is the limit."""
    while not condition():  # noqa: ASYNC110 - conditions of a fake have no event
        await asyncio.sleep(0.002)
