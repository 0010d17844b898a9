"""Where the live service is, as people write it, and how a connection to it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect, unix_connect

from torghut.client.errors import AddressMalformedError, TokenUnreadableError
from torghut.client.limits import Limits

DEFAULT_URL: Final = "http://127.0.0.1:8787"

_SCHEMES: Final = {"http": "ws", "ws": "ws", "https": "wss", "wss": "wss"}
_TOKEN_BYTES_MAX: Final = 4_096
_QUEUED_FRAMES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a live service listens.

    Attributes:
        shown: As it was written.
        uri: Of its WebSocket, without the question.
        socket: Path of its Unix socket; empty where it listens on the network.
    """

    shown: str
    uri: str
    socket: str


def parse_address(text: str) -> Address:
    """Return the address that ``text`` spells.

    Raises:
        AddressMalformedError: It spells none.

    Example:
        >>> parse_address("http://127.0.0.1:8787").uri
        'ws://127.0.0.1:8787/v1/stream'
        >>> parse_address("unix:///run/torghut.sock").socket
        '/run/torghut.sock'
    """
    try:
        parts = urlsplit(text)
        known = bool(parts.hostname) and parts.port != 0 and text.isprintable()
        (parts.hostname or "").encode("idna")  # as it is looked up, which is no place to refuse it
    except ValueError as error:
        raise AddressMalformedError(found=text) from error
    spare = parts.query or parts.fragment or parts.username
    socket = parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1
    if socket and not spare and text.isprintable():
        return Address(shown=text, uri="ws://localhost/v1/stream", socket=parts.path)
    if parts.scheme not in _SCHEMES or not known or spare:
        raise AddressMalformedError(found=text)
    root = f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}"
    return Address(shown=text, uri=f"{root}/v1/stream", socket="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client shows; a file is read anew for every connection.

    Attributes:
        token: As given; empty where there is none or it is in a file.
        file: That holds one token; None where there is none.
    """

    token: str = ""
    file: Path | None = None

    def headers(self) -> Mapping[str, str]:
        """Return what goes into the request.

        Raises:
            TokenUnreadableError: The file cannot be read, or holds none.
        """
        token = self.token or (_read_token(self.file) if self.file is not None else "")
        return {"Authorization": f"Bearer {token}"} if token else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialer:
    """Makes connections to one service.

    Attributes:
        address: Of the service.
        credentials: What is shown to it.
        limits: Whose frames and times hold.
    """

    address: Address
    credentials: Credentials
    limits: Limits

    async def dial(self, query: str) -> ClientConnection:
        """Return a new connection; the one who waits for it keeps the time.

        Args:
            query: The question, such as ``after=0:1:2``.

        Raises:
            TokenUnreadableError: There is no token to show.
        """
        uri = f"{self.address.uri}?{query}"
        headers = self.credentials.headers()
        second = 1_000
        # Neither compression, which costs time, nor pings: heartbeats tell more. And no proxy
        # that the environment names: who trades names the way to the service.
        if self.address.socket:
            return await unix_connect(
                self.address.socket,
                uri,
                additional_headers=headers,
                compression=None,
                ping_interval=None,
                close_timeout=self.limits.close_ms / second,
                max_size=self.limits.frame_bytes,
                max_queue=_QUEUED_FRAMES,
            )
        return await connect(
            uri,
            additional_headers=headers,
            compression=None,
            ping_interval=None,
            proxy=None,
            close_timeout=self.limits.close_ms / second,
            max_size=self.limits.frame_bytes,
            max_queue=_QUEUED_FRAMES,
        )


def _read_token(path: Path) -> str:
    """Return the token in a file."""
    try:
        with path.open("rb") as file:
            token = file.read(_TOKEN_BYTES_MAX).decode("ascii").strip()
    except OSError as error:
        raise TokenUnreadableError(path=path, reason=error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise TokenUnreadableError(path=path, reason="what is no text") from error
    if not token or not token.isprintable() or " " in token:
        raise TokenUnreadableError(path=path, reason="none")
    return token
