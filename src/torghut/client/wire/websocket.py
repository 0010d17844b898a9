"""Connections to a service that listens by itself: a WebSocket, or one over a Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import InvalidStatus, WebSocketException

from torghut.client.errors import TokenUnreadableError
from torghut.client.limits import Limits
from torghut.client.wire.address import Address, Credentials
from torghut.client.wire.dialing import (
    Connection,
    CutError,
    Dialer,
    Lane,
    Purpose,
    RefusedError,
)
from torghut.schemas.live.position import Position

_QUEUED_FRAMES: Final = 4
_SECOND: Final = 1_000
_ONLY: Final = (Lane(number=0),)


@dataclass(frozen=True, slots=True)
class WebSocketConnection(Connection):
    """One WebSocket."""

    socket: ClientConnection

    @override
    async def receive(self) -> str:
        with _cut():
            frame = await self.socket.recv()
        return frame if isinstance(frame, str) else frame.decode("utf-8", "replace")

    @override
    async def send(self, lines: str) -> None:
        with _cut():
            await self.socket.send(lines)

    @override
    async def leave(self) -> None:
        with _cut():
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self.socket.close())
                    both.create_task(_drain(self.socket))
            except* (OSError, WebSocketException) as group:
                raise group.exceptions[0] from group

    @override
    def drop(self) -> None:
        self.socket.transport.abort()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketDialer(Dialer):
    """Makes connections to one service.

    Attributes:
        address: Of the service.
        credentials: What is shown to it.
        limits: Whose frames and times hold.
    """

    address: Address
    credentials: Credentials
    limits: Limits

    @property
    @override
    def shown(self) -> str:
        return self.address.shown

    @property
    @override
    def known(self) -> Sequence[Lane]:
        return _ONLY

    @override
    def check(self) -> None:
        self.credentials.headers()

    @override
    def lane_of(self, symbol: str, lanes: Sequence[Lane]) -> Sequence[int]:
        return [0]

    @override
    async def lanes(self) -> Sequence[Lane]:
        return _ONLY

    @override
    async def dial(self, lane: int, purpose: Purpose) -> Connection:
        uri = f"{self.address.uri}?{_query(purpose)}"
        with _cut():
            return WebSocketConnection(await self._dialled(uri))

    @override
    async def close(self) -> None:
        """Nothing is shared."""

    async def _dialled(self, uri: str) -> ClientConnection:
        """Return a new WebSocket."""
        headers = self.credentials.headers()
        # Neither compression, which costs time, nor pings: heartbeats tell more. And no proxy
        # that the environment names: who trades names the way to the service.
        if self.address.socket:
            return await unix_connect(
                self.address.socket,
                uri,
                additional_headers=headers,
                compression=None,
                ping_interval=None,
                close_timeout=self.limits.close_ms / _SECOND,
                max_size=self.limits.frame_bytes,
                max_queue=_QUEUED_FRAMES,
            )
        return await connect(
            uri,
            additional_headers=headers,
            compression=None,
            ping_interval=None,
            proxy=None,
            close_timeout=self.limits.close_ms / _SECOND,
            max_size=self.limits.frame_bytes,
            max_queue=_QUEUED_FRAMES,
        )


def _query(purpose: Purpose) -> str:
    """Return a question as the service takes it."""
    more = "&controls=1" if purpose.use == "controls" else ""
    return f"after={_asked_after(purpose.after)}{more}"


def _asked_after(at: Position | None) -> str:
    """Return a position as it is asked for."""
    if at is None:
        return "now"
    return "start" if at.block < 0 else str(at)


async def _drain(socket: ClientConnection) -> None:
    """Pass over what is still on its way, because the other side's farewell comes behind it."""
    async for _ in socket:
        pass


@contextmanager
def _cut() -> Iterator[None]:
    """Turn whatever ends a connection into the one error that says so.

    Raises:
        CutError: It ended.
    """
    try:
        yield
    except InvalidStatus as error:
        raise RefusedError(error.response.status_code) from error
    except TimeoutError:
        raise  # of the one who waits
    except (OSError, EOFError, WebSocketException, TokenUnreadableError) as error:
        raise CutError(str(error) or type(error).__name__) from error
