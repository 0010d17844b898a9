"""A turn: whoever holds it is the only process that does something; it dies with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from torghut.adapters.filesystem.writing import FileWriteError
from torghut.kernel.errors import ExitCode, TorghutError


class TurnTakenError(TorghutError):
    """Another process is at it; wait for its end."""

    code: ClassVar[str] = "filesystem.turn-taken"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, path: Path, holder: str) -> None:
        super().__init__(f"expected {path} to be free, found it held by {holder}; wait for its end")
        self.path = path
        self.holder = holder


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the turn that the file at ``path`` stands for.

    Raises:
        TurnTakenError: Another process holds it, or this one does already.
        FileWriteError: The file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise FileWriteError(path=path, reason=error.strerror or str(error)) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            raise TurnTakenError(path=path, holder=f"process {holder or 'unknown'}") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
