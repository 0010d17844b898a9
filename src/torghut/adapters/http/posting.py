"""One request to a live service, sent and answered once, over the network or a Unix socket."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, Protocol
from urllib.parse import urlsplit

from typing_extensions import override

from torghut.adapters.http.errors import ServiceUnreachableError
from torghut.kernel.units import MS_PER_S

_ANSWER_BYTES_MAX: Final = 1_048_576

JSON: Final = "application/json"
"""Media type of what is sent where nothing else is said."""


class Knock(Protocol):
    """Asks a service at an address as people write it, and shows what lets in."""

    def __call__(
        self, api: str, path: str, body: bytes, *, media_type: str = JSON, budget_ms: int
    ) -> tuple[int, bytes]:
        """Return the status and the body of its answer.

        Args:
            api: Address of the service.
            path: Of what is asked there, with its first slash.
            body: What is sent.
            media_type: Of the body.
            budget_ms: Longest wait for each of connecting, sending and the answer.

        Raises:
            AddressMalformedError: The address is none.
            TokenUnreadableError: There is no token to show.
            ServiceUnreachableError: There is no whole answer.
        """
        ...


class _UnixConnection(HTTPConnection):
    """A connection over a Unix socket.

    Args:
        path: Of the socket.
        timeout: Longest wait for anything, in seconds.
    """

    def __init__(self, path: str, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, unix: str = "", budget_ms: int
) -> tuple[int, bytes]:
    """Send JSON, and return the status and the body of the answer.

    Args:
        url: Of what is asked, with ``http`` or ``https``; no proxy that the environment names.
        body: What is sent.
        headers: Sent beside its type.
        unix: Path of the Unix socket that the service listens on; empty: on the network.
        budget_ms: Longest wait for each of connecting, sending and the answer.

    Raises:
        ServiceUnreachableError: There is no whole answer.
    """
    return _exchange("POST", url, body, {"Content-Type": JSON, **headers}, unix, budget_ms)


def fetch(
    url: str, headers: Mapping[str, str], *, unix: str = "", budget_ms: int
) -> tuple[int, bytes]:
    """Ask for a page, and return the status and the body of the answer.

    Args:
        url: Of the page, as for ``post``.
        headers: Sent with it.
        unix: As for ``post``.
        budget_ms: As for ``post``.

    Raises:
        ServiceUnreachableError: There is no whole answer.
    """
    return _exchange("GET", url, None, headers, unix, budget_ms)


def _exchange(
    method: str,
    url: str,
    body: bytes | None,
    headers: Mapping[str, str],
    unix: str,
    budget_ms: int,
) -> tuple[int, bytes]:
    """Send one request on a connection of its own, and return the answer."""
    parts = urlsplit(url)
    timeout = budget_ms / MS_PER_S
    connection: HTTPConnection
    if unix:
        connection = _UnixConnection(unix, timeout=timeout)
    elif parts.scheme == "https":
        connection = HTTPSConnection(parts.netloc, timeout=timeout)
    else:
        connection = HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request(method, parts.path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(_ANSWER_BYTES_MAX)
    except (OSError, HTTPException) as error:
        raise ServiceUnreachableError(url=url, found=str(error) or type(error).__name__) from error
    finally:
        connection.close()
