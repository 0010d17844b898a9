"""One request and the way back to who sent it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from socket import SO_LINGER, SOL_SOCKET

from torghut.adapters.endpoint.answering import good_content
from torghut.adapters.endpoint.chat import ChatRequest, http_response, json_body
from torghut.kernel.units import MS_PER_S


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request, and the way back to who sent it.

    Attributes:
        request: As it came.
        writer: Of the connection.
        ms: Of whatever takes time; None for the fault's own.
        here: Where this endpoint listens.
        stays: Whether the connection takes another request after this one.
    """

    request: ChatRequest
    writer: asyncio.StreamWriter
    ms: int | None
    here: str
    stays: bool = False

    @property
    def good(self) -> str:
        """A good answer's content; of a request that is no question of ours, an empty object."""
        return good_content(self.request) or "{}"

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, said: object) -> None:
        """Send JSON as an endpoint does that misbehaves in nothing else: its connections stay."""
        self.stays = True
        await self.send(http_response(200, json_body(said), stays=True))

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
