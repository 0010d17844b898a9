"""One writer at a time: a lock on a file beside the log that dies with its process."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from typing import Final

from torghut.eventlog.errors import LogInUseError

# Such a lock is the process's own: it is no bar to another store in the same process, and closing
# any descriptor of the file would drop it. So what this process holds is remembered here.
_HELD: Final[dict[Path, int]] = {}
_GUARD: Final = threading.Lock()


class WriterLock:
    """The right to write one log, from construction to ``release``.

    Args:
        log: The log's file.

    Raises:
        LogInUseError: Somebody else has it.
        OSError: The file beside the log cannot be made.
    """

    def __init__(self, log: Path) -> None:
        self._path = lock_path(log).resolve()
        with _GUARD:
            if _HELD.get(self._path) == os.getpid():
                raise LogInUseError(path=str(log), holder="this process")
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
                os.close(descriptor)
                raise LogInUseError(path=str(log), holder=f"process {holder}") from error
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            self._descriptor = descriptor
            _HELD[self._path] = os.getpid()

    def release(self) -> None:
        """Let the next writer in."""
        with _GUARD:
            _HELD.pop(self._path, None)
            os.close(self._descriptor)


def lock_path(log: Path) -> Path:
    """Return the path of the lock of ``log``."""
    return log.with_name(log.name + ".lock")
