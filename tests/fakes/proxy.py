"""A way to a server that can be cut: what goes over it stands still, or all connections end."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Literal

How = Literal["stall", "reset"]

HOST: Final = "127.0.0.1"
_CHUNK: Final = 65_536
_BUDGET_S: Final = 10.0
_NAME_AT: Final = 12
"""Where a Kafka request's client id begins: behind its size, kind, version and number."""


def whoever(_: bytes) -> str:
    """Return no name: all who come are one."""
    return ""


def kafka_client(first: bytes) -> str:
    """Return the client id that the first bytes of a connection to Kafka tell."""
    if len(first) < _NAME_AT + 2:
        return ""
    (length,) = struct.unpack_from(">h", first, _NAME_AT)
    return first[_NAME_AT + 2 : _NAME_AT + 2 + max(0, length)].decode("utf-8", "replace")


@dataclass(slots=True, kw_only=True)
class _Link:
    """One connection.

    Attributes:
        who: Made it.
        writers: Both its ends.
        passing: Set while what comes is passed on.
    """

    who: str
    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    passing: asyncio.Event

    def abort(self) -> None:
        """End it as a network does that is gone."""
        self.passing.set()
        for one in self.writers:
            one.transport.abort()


@dataclass(slots=True, kw_only=True)
class Proxy:
    """Passes on what comes to a port of its own.

    Attributes:
        target: Port or socket that it leads to.
        named: Tells from its first bytes who made a connection.
        port: Where it listens, once it does.
    """

    target: int | str = 0
    named: Callable[[bytes], str] = whoever
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _links: list[_Link] = field(default_factory=list)
    _cuts: dict[str, How] = field(default_factory=dict)

    def cut(self, how: How, who: str = "") -> None:
        """Cut it for those whose name begins so, until it is mended."""
        self._do(lambda: self._cut(how, who))

    def mend(self) -> None:
        """Let everything pass again."""
        self._do(self._mend)

    @contextmanager
    def open(self) -> Iterator[Proxy]:
        """Listen until the end of the block."""
        ready = threading.Event()
        thread = threading.Thread(target=self._run, args=[ready], daemon=True)
        thread.start()
        assert ready.wait(_BUDGET_S)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(_BUDGET_S)

    def _run(self, ready: threading.Event) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(asyncio.start_server(self._came, HOST, self.port))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        loop.run_forever()
        server.close()
        for link in self._links:
            link.abort()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    def _do(self, what: Callable[[], None]) -> None:
        """Do something where connections are looked after, and wait until it is done."""

        async def done() -> None:
            what()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(_BUDGET_S)

    def _cut(self, how: How, who: str) -> None:
        self._cuts[who] = how
        for link in list(self._links):
            if not link.who.startswith(who):
                continue
            if how == "stall":
                link.passing.clear()
            else:
                link.abort()

    def _mend(self) -> None:
        self._cuts.clear()
        for link in self._links:
            link.passing.set()

    def _how(self, who: str) -> How | None:
        """Return how somebody is cut off; None where nobody is."""
        return next((how for name, how in self._cuts.items() if who.startswith(name)), None)

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Look after one connection until it ends."""
        with suppress(OSError):
            first = await reader.read(_CHUNK)
            who = self.named(first)
            if self._how(who) == "reset":
                writer.transport.abort()
                return
            link = _Link(who=who, writers=(writer, writer), passing=asyncio.Event())
            self._links.append(link)
            try:
                if self._how(who) is None:
                    link.passing.set()
                await link.passing.wait()
                await self._passed(link, first, reader, writer)
            finally:
                self._links.remove(link)
                link.abort()

    async def _passed(
        self,
        link: _Link,
        first: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Pass on what comes from either side until one of them ends."""
        there, back = await self._reached()
        link.writers = (writer, back)
        back.write(first)
        both = [
            asyncio.ensure_future(_pumped(link, reader, back)),
            asyncio.ensure_future(_pumped(link, there, writer)),
        ]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for one in both:
            one.cancel()
        await asyncio.gather(*both, return_exceptions=True)

    async def _reached(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, str):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(HOST, self.target)


async def _pumped(link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes from one side until it ends."""
    while data := await reader.read(_CHUNK):
        await link.passing.wait()
        writer.write(data)
        await writer.drain()
