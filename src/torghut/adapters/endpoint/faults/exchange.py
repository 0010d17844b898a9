"""One request and the way back to who sent it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET

from torghut.adapters.endpoint.answering import good_content
from torghut.adapters.endpoint.chat import ChatRequest
from torghut.kernel.units import MS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request, and the way back to who sent it.

    Attributes:
        request: As it came.
        writer: Of the connection.
        ms: Of whatever takes time; None for the fault's own.
        here: Where this endpoint listens.
    """

    request: ChatRequest
    writer: asyncio.StreamWriter
    ms: int | None
    here: str

    @property
    def good(self) -> str:
        """A good answer's content; of a request that is no question of ours, an empty object."""
        return good_content(self.request) or "{}"

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def pause(self, usual_ms: int) -> None:
        """Wait."""
        await asyncio.sleep((usual_ms if self.ms is None else self.ms) / MS_PER_S)

    def reset(self) -> None:
        """Let the connection be reset instead of closed."""
        transport = self.writer.transport
        if (raw := transport.get_extra_info("socket")) is not None:
            raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


Fault = Callable[[Exchange], Awaitable[None]]
