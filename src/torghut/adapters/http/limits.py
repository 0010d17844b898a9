"""How much one peer may ask of the server, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torghut.schemas.declarations.live import LivePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What bounds every connection.

    Attributes:
        connections_max: Open at once, WebSockets included.
        request_ms: From a request's first byte, or from the connection, to its whole body.
        idle_ms: Between two requests on one connection.
        send_ms: A peer that takes nothing of what it is sent for longer is let go.
        message_bytes: Longest WebSocket message.
        header_bytes: Longest first line and headers together.
        headers_max: Most headers.
        close_ms: What closing waits for peers before it hangs up.
        let_go: Told of each peer that was let go, with the seconds that it took nothing.
    """

    connections_max: int
    request_ms: int
    send_ms: int
    message_bytes: int
    idle_ms: int = 60_000
    header_bytes: int = 8_192
    headers_max: int = 64
    close_ms: int = 1_000
    let_go: Callable[[float], None] = lambda _: None


def http_limits(policy: LivePolicy, let_go: Callable[[float], None] = lambda _: None) -> HttpLimits:
    """Return the limits that the live service declares.

    Args:
        policy: Of the live service.
        let_go: Told of each peer that was let go.
    """
    return HttpLimits(
        connections_max=policy.door.connections_max,
        request_ms=policy.door.request_ms,
        send_ms=policy.telling.send_ms,
        message_bytes=policy.door.body_bytes,
        let_go=let_go,
    )
