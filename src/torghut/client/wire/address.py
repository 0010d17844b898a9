"""Where the live service is, as people write it, and what lets in there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from torghut.client.errors import AddressMalformedError, TokenUnreadableError

DEFAULT_URL: Final = "http://127.0.0.1:8787"

_SCHEMES: Final = {"http": "ws", "ws": "ws", "https": "wss", "wss": "wss"}
KAFKA: Final = "kafka"
_BROKER: Final = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):[1-9][0-9]{0,4}\Z",
    re.ASCII,
)
_PORT_MAX: Final = 65_535
_TOKEN_BYTES_MAX: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a live service listens.

    Attributes:
        shown: As it was written.
        uri: Of its WebSocket, without the question; empty where a broker carries its lines.
        socket: Path of its Unix socket; empty where it listens on the network.
        brokers: Of Kafka, host:port, separated by commas; empty where it listens by itself.
    """

    shown: str
    uri: str
    socket: str
    brokers: str = ""


def parse_address(text: str) -> Address:
    """Return the address that ``text`` spells.

    Raises:
        AddressMalformedError: It spells none.

    Example:
        >>> parse_address("http://127.0.0.1:8787").uri
        'ws://127.0.0.1:8787/v1/stream'
        >>> parse_address("unix:///run/torghut.sock").socket
        '/run/torghut.sock'
        >>> parse_address("kafka://broker-1:9092,broker-2:9092").brokers
        'broker-1:9092,broker-2:9092'
    """
    scheme, _, rest = text.partition("://")
    if scheme == KAFKA:
        return _of_brokers(text, rest.rstrip("/"))
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


def _of_brokers(text: str, rest: str) -> Address:
    """Return the address of a service whose lines brokers carry.

    Raises:
        AddressMalformedError: They are none.
    """
    for one in rest.split(","):
        if not _BROKER.match(one) or int(one.rpartition(":")[2]) > _PORT_MAX:
            raise AddressMalformedError(found=text)
    return Address(shown=text, uri="", socket="", brokers=rest)


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
