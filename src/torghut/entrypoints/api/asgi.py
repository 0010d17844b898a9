"""What ASGI servers and applications say to each other, as types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TypeAlias, cast

Scope: TypeAlias = MutableMapping[str, object]
Event: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of every header called ``name``, which is in lower case."""
    headers = cast("Iterable[tuple[bytes, bytes]]", scope["headers"])
    return [value for key, value in headers if key == name]
