"""Writing a file whole or not at all: a reader sees what was there before, or what is there now."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class FileWriteError(TorghutError):
    """A file that was to be produced cannot be written."""

    code: ClassVar[str] = "filesystem.write-failed"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path}: expected a file that can be written, found: {reason}")
        self.path = path
        self.reason = reason


class FileReadError(TorghutError):
    """A file or folder that is there cannot be read."""

    code: ClassVar[str] = "filesystem.read-failed"
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path}: expected something that can be read, found: {reason}")
        self.path = path
        self.reason = reason


def write_text(path: Path, text: str) -> None:
    """Put ``text`` into ``path``, durably, in place of what was there.

    Raises:
        FileWriteError: It cannot be written; what was there still is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    except OSError as error:
        raise FileWriteError(path=path, reason=error.strerror or str(error)) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, body: bytes) -> None:
    """Put ``body`` into ``path``, durably: written beside it and renamed there.

    Raises:
        OSError: It cannot be written; what was there still is.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    incoming = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(body)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        incoming.replace(path)
    finally:
        incoming.unlink(missing_ok=True)
    sync_folder(path.parent)
