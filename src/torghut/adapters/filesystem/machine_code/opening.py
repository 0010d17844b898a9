"""Folders and files of machine code, judged as they were opened: nobody else may have written them.

What lies there is executed. Something that is judged by its name and opened by it afterwards may be
something else by then, so all that is asked is asked of what is open. No link is followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BYTES_MAX: Final = 1 << 24
"""Of a file; machine code of a kernel has some ten kilobytes."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without blocking: nobody writes into a pipe that somebody has put there."""

_WRITABLE: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT_USER: Final = 0


@contextmanager
def opened(folder: str | Path, *, within: int | None = None) -> Iterator[int]:
    """Open a folder that this user, and nobody else, can write.

    Args:
        folder: Itself no link; the way to it may lead over some.
        within: An open folder that a relative path begins at.

    Raises:
        OSError: It is not there, cannot be opened, or others can write it.
    """
    found = os.open(folder, _FOLDER, dir_fd=within)
    try:
        if fault := _fault(os.fstat(found)):
            raise PermissionError(errno.EACCES, fault, str(folder))
        yield found
    finally:
        os.close(found)


def why_refused(folder: Path) -> str:
    """Return why machine code in ``folder`` is not to be run; empty if it may be, or is not there.

    Example:
        >>> why_refused(Path("/nowhere/at/all"))
        ''
    """
    try:
        with opened(folder):
            return ""
    except FileNotFoundError:
        return ""
    except NotADirectoryError:
        return f"{folder} is a link, or no folder"
    except OSError as error:
        return f"{folder} {error.strerror}"


def read_own(folder: int, name: str) -> bytes | None:
    """Return a plain file of an open folder; None if others can write it, or it is none.

    Raises:
        OSError: It is not there, or cannot be read.
    """
    file = os.open(name, _FILE, dir_fd=folder)
    try:
        found = os.fstat(file)
        plain = stat.S_ISREG(found.st_mode) and found.st_size <= BYTES_MAX
        return _all(file, found.st_size) if plain and not _fault(found) else None
    finally:
        os.close(file)


def _all(file: int, size: int) -> bytes:
    """Return the first bytes of an open file; fewer where it ends before."""
    parts: list[bytes] = []
    while size > 0 and (part := os.read(file, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _fault(found: os.stat_result) -> str:
    """Return why others may have written what is open; empty if they cannot have."""
    if found.st_uid not in {os.geteuid(), _ROOT_USER}:
        return f"belongs to user {found.st_uid}, this is user {os.geteuid()}"
    if found.st_mode & _WRITABLE:
        mode = stat.S_IMODE(found.st_mode)
        return f"can be written by others (mode {mode:o}): empty it, then chmod go-w"
    return ""
