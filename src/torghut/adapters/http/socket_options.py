"""What the system is asked of a connection, and told about it."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios


def bound_silence(transport: asyncio.BaseTransport, budget_ms: int) -> None:
    """Let the system end a connection whose peer acknowledges nothing for so long.

    A machine that vanished never says so, and what is sent to it waits in the system.
    """
    peer = transport.get_extra_info("socket")
    if peer is not None and peer.family in {socket.AF_INET, socket.AF_INET6}:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, budget_ms)


def waiting_bytes(transport: asyncio.Transport) -> int:
    """Return how many bytes wait for the peer to take them, here and in the system.

    What waits here alone would not do: it only shrinks once the system's own buffer has emptied by
    a good part, which takes a slow peer its time.
    """
    here = transport.get_write_buffer_size()
    peer = transport.get_extra_info("socket")
    if peer is None or peer.fileno() < 0:
        return here
    found = fcntl.ioctl(peer.fileno(), termios.TIOCOUTQ, b"\0" * struct.calcsize("i"))
    return here + int(struct.unpack("i", found)[0])
