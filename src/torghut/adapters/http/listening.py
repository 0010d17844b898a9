"""Where the service listens: a loopback address, a Unix socket, or more where that is permitted."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.adapters.http.errors import (
    ListenFailedError,
    ListenMalformedError,
    ListenRefusedError,
)
from torghut.adapters.live.streams import bound_at

_UNIX: Final = "unix:"
_PORT_MAX: Final = 65_535
_NAMES: Final = {"localhost": "127.0.0.1"}
"""Names are not looked up: what they mean may change, and with it who can reach the service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """A socket that is bound.

    Attributes:
        socket: It.
        address: As people write it: ``http://127.0.0.1:8787`` or ``unix:PATH``.
    """

    socket: socket.socket
    address: str


@contextmanager
def listening(where: str, *, anywhere: bool) -> Iterator[Listening]:
    """Bind a socket, and close it afterwards.

    Args:
        where: ``ADDRESS:PORT``, port 0 for any that is free, or ``unix:PATH``.
        anywhere: Whether it may be an address that other machines reach.

    Raises:
        ListenMalformedError: It names no place.
        ListenRefusedError: Other machines reach it, and that is not permitted.
        ListenFailedError: The system does not let us.
        SocketTakenError: Something else is where the Unix socket is to be.
        SocketUnusableError: There can be no socket there.
    """
    if where.startswith(_UNIX):
        path = Path(where.removeprefix(_UNIX))
        bound = _bound_unix(path)
        try:
            yield Listening(socket=bound, address=where)
        finally:
            bound.close()
            path.unlink(missing_ok=True)
        return
    bound = _bound_tcp(where, anywhere=anywhere)
    try:
        yield Listening(socket=bound, address=f"http://{_shown(bound)}")
    finally:
        bound.close()


def _bound_unix(path: Path) -> socket.socket:
    """Return a socket at ``path`` that only this user may open."""
    if not path.name:
        raise ListenMalformedError(found=f"{_UNIX}{path}")
    return bound_at(path)


def _bound_tcp(where: str, *, anywhere: bool) -> socket.socket:
    """Return a socket at an address and port."""
    host, _, port = where.rpartition(":")
    try:
        host = _NAMES.get(host, host).removeprefix("[").removesuffix("]")
        address = ipaddress.ip_address(host)
        number = int(port) if port.isascii() and port.isdigit() else -1
    except ValueError as error:
        raise ListenMalformedError(found=where) from error
    if not 0 <= number <= _PORT_MAX:
        raise ListenMalformedError(found=where)
    if not (address.is_loopback or anywhere):
        raise ListenRefusedError(found=where)
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((str(address), number))
    except OSError as error:
        bound.close()
        raise ListenFailedError(address=where, reason=error.strerror or str(error)) from error
    return bound


def _shown(bound: socket.socket) -> str:
    """Return address and port of a socket."""
    host, port = bound.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
