"""WebSocket frames made once and written to many connections as they are."""

from __future__ import annotations

from typing import Final, Protocol

WIRE: Final = "torghut.wire"
"""The extension of an ASGI scope under which the connection's ``Wire`` is found."""

_TEXT: Final = 0x81
"""A whole text message in one frame, from a server: not masked, not compressed."""

_SHORT_MAX: Final = 125
_MEDIUM: Final = 126
_MEDIUM_MAX: Final = 0xFFFF
_LONG: Final = 127


class Wire(Protocol):
    """An open WebSocket connection that takes ready-made frames."""

    @property
    def ready(self) -> bool:
        """Whether a frame goes out at once: it is open and its peer takes what it is sent."""
        ...

    def write(self, frame: bytes) -> None:
        """Hand a frame over; nothing happens once the connection is closing."""
        ...

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what was written.

        Raises:
            ConnectionError: It is gone, or was dropped.
        """
        ...

    def drop(self, code: int, reason: str) -> None:
        """Close the connection, whether its peer reads or not.

        Args:
            code: Of RFC 6455.
            reason: For people; at most 123 bytes.
        """
        ...


def text_frame(payload: bytes) -> bytes:
    """Return the frame of a whole text message.

    Args:
        payload: UTF-8.

    Example:
        >>> list(text_frame(b"{}"))
        [129, 2, 123, 125]
    """
    size = len(payload)
    if size <= _SHORT_MAX:
        return bytes((_TEXT, size)) + payload
    if size <= _MEDIUM_MAX:
        return bytes((_TEXT, _MEDIUM)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, _LONG)) + size.to_bytes(8, "big") + payload
