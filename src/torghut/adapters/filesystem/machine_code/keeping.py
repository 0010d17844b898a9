"""Machine code kept in a folder for each build, below one that belongs to this user alone."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from typing_extensions import override

from torghut.adapters.filesystem.machine_code.opening import opened, read_own
from torghut.kernel.native.ports import CodeStore

BUILDS_KEPT: Final = 3
"""Builds of one kernel that stay, so that two checkouts do not take each other's away."""

_FOLDER_OURS: Final = 0o700
_FILE_OURS: Final = 0o600
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIGITS: Final = 32


@dataclass(frozen=True, slots=True)
class FolderCode(CodeStore):
    """Machine code below one folder.

    Attributes:
        root: The folder; it is made when something is first kept.
    """

    root: Path

    @override
    def read(self, build: str, name: str, /) -> bytes | None:
        with (
            suppress(OSError),
            opened(self.root) as root,
            opened(build, within=root) as folder,
        ):
            with suppress(OSError):  # a cache that may only be read serves all the same
                os.utime(folder)
            return read_own(folder, name)
        return None

    @override
    def keep(self, build: str, name: str, body: bytes, /) -> None:
        with suppress(OSError):  # a full disk: the code lives in memory
            self.root.mkdir(mode=_FOLDER_OURS, parents=True, exist_ok=True)
            with opened(self.root) as root:
                with suppress(FileExistsError):
                    os.mkdir(build, _FOLDER_OURS, dir_fd=root)
                with opened(build, within=root) as folder:
                    _write(folder, name, body)
                _remove_old(root, build)


def _write(folder: int, name: str, body: bytes) -> None:
    """Put a file into an open folder, all of it at once.

    Raises:
        OSError: It cannot be written; then nothing of it is left.
    """
    incoming = f".{name}.{os.urandom(8).hex()}"
    file = os.open(incoming, _NEW, _FILE_OURS, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as writing:
            writing.write(body)
        os.rename(incoming, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(incoming, dir_fd=folder)
        raise


def _remove_old(root: int, build: str) -> None:
    """Remove the builds of a kernel that were used longest ago, all but the newest few."""
    used = sorted(_builds(root, build[:-_DIGITS]), reverse=True)
    for _, name in used[BUILDS_KEPT:]:
        shutil.rmtree(name, ignore_errors=True, dir_fd=root)


def _builds(root: int, kernel: str) -> Iterator[tuple[int, str]]:
    """Yield when each build of a kernel was used last, and its folder's name."""
    for name in os.listdir(root):
        digits = name.removeprefix(kernel)
        if name == digits or len(digits) != _DIGITS or set(digits) - set("0123456789abcdef"):
            continue
        with suppress(OSError):  # another process was faster
            found = os.stat(name, dir_fd=root, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                yield found.st_mtime_ns, name
