"""Where lines come from: standard input, or a Unix socket that any number of senders may open."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar, Final

from torghut.adapters.live.lines import LineFeed
from torghut.adapters.sockets.conversing import Met, conversing
from torghut.kernel.errors import ExitCode, TorghutError

_BUFFER_BYTES: Final = 65_536
_UMASK: Final = 0o177
_PROBE_S: Final = 1.0
"""Who serves a socket and hangs is not waited for longer."""

_NOBODY: Final = frozenset({errno.ECONNREFUSED, errno.ENOENT})
_SOMEBODY: Final = frozenset({0, errno.EAGAIN, errno.ETIMEDOUT})
"""Connected at once, too many wait there already, or nobody took it in time."""


class SocketTakenError(TorghutError):
    """Something is where the socket is to be."""

    code: ClassVar[str] = "live.socket-taken"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, path: Path, found: str) -> None:
        super().__init__(f"{path}: expected nothing, or a socket that nobody serves, found {found}")
        self.path = path
        self.found = found


class SocketUnusableError(TorghutError):
    """No socket can be made where one is to be."""

    code: ClassVar[str] = "live.socket-unusable"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, path: Path, found: str) -> None:
        super().__init__(
            f"{path}: expected a short path in a folder that can be written, found {found}"
        )
        self.path = path
        self.found = found


async def serve_stdin(feed: LineFeed) -> None:
    """Hand everything on standard input to ``feed``, until its end."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (
        stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty()
    ):  # cannot be waited on
        await feed.read(lambda most: asyncio.to_thread(os.read, sys.stdin.fileno(), most))
        return
    reader = asyncio.StreamReader(limit=_BUFFER_BYTES)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    try:
        await feed.read(reader.read)
    finally:
        transport.close()


async def serve_socket(
    feed: LineFeed, path: Path, let_go: Callable[[TorghutError], None] = lambda _: None
) -> None:
    """Hand what senders write into the Unix socket at ``path`` to ``feed``, until cancelled.

    Args:
        feed: Takes the lines.
        path: Where senders connect.
        let_go: Told why a sender's line was not taken and its connection ended: it gets no answer.

    Raises:
        SocketTakenError: Something is there.
        SocketUnusableError: Nothing can be made there.
    """
    listening = bound_at(path)

    async def hear(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError):
                await feed.read(reader.read)
        except TorghutError as error:
            let_go(error)

    def listen(met: Met) -> Awaitable[asyncio.Server]:
        return asyncio.start_unix_server(met, sock=listening, limit=_BUFFER_BYTES)

    try:
        async with conversing(hear, listen):
            await asyncio.Event().wait()
    finally:
        _take_away(path)


def bound_at(path: Path) -> socket.socket:
    """Return a socket at ``path`` that only this user may open.

    Raises:
        SocketTakenError: Something is there.
        SocketUnusableError: Nothing can be made there.
    """
    if os.path.lexists(path):
        _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(_UMASK)
    try:
        listening.bind(str(path))
    except OSError as error:
        listening.close()
        raise SocketUnusableError(path=path, found=str(error)) from error
    finally:
        os.umask(before)
    return listening


def _clear(path: Path) -> None:
    """Take away a socket that a service left behind when it was killed.

    Raises:
        SocketTakenError: It is no socket, or somebody serves it, or nobody can tell.
    """
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise SocketTakenError(path=path, found="something else")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        code = probe.connect_ex(str(path))
    if code in _SOMEBODY:
        raise SocketTakenError(path=path, found="one that is served")
    if code not in _NOBODY:
        raise SocketTakenError(path=path, found=f"one that cannot be tried: {os.strerror(code)}")
    _take_away(path)


def _take_away(path: Path) -> None:
    """Remove a socket's file."""
    path.unlink(missing_ok=True)
