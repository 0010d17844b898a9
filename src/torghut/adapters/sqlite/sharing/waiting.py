"""Who waits for the turn says so, that whoever just had it lets them go first.

The turn itself is a lock that is tried again and again: nobody queues for it, and whoever lets go
and takes it again at once would always be the first. A file beside the log, shared-locked by all
who wait, tells that there is somebody; it dies with its process like any lock.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from torghut.adapters.sqlite.faults import writing_to


def waiting_path(log: Path) -> Path:
    """Return the path of the file that those who wait hold."""
    return log.with_name(log.name + ".waiting")


def others_wait(log: Path) -> bool:
    """Say whether somebody waits for the turn.

    Raises:
        LogWriteError: The file cannot be looked at.
    """
    with writing_to(log):
        try:
            descriptor = os.open(waiting_path(log), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


@contextmanager
def waiting(log: Path) -> Iterator[None]:
    """Be one of those who wait.

    Raises:
        LogWriteError: The file cannot be made.
    """
    with writing_to(log):
        descriptor = os.open(waiting_path(log), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # Somebody who looks holds it alone for a moment; missing that moment only costs politeness.
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
