"""Folders of machine code: only this user may write them, and only the newest builds stay.

What lies in such a folder is executed. Whoever can write there decides what this process does.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Final

BUILDS_KEPT: Final = 3
"""Builds of one kernel that stay, so that two checkouts do not take each other's away."""

_OURS_ALONE: Final = 0o700
_WRITABLE: Final = stat.S_IWGRP | stat.S_IWOTH
_USED: Final = ".writable"
_ROOT_USER: Final = 0


def why_refused(folder: Path) -> str:
    """Return why machine code in ``folder`` is not to be run; empty if it may be, or is not there.

    Example:
        >>> why_refused(Path("/nowhere/at/all"))
        ''
    """
    try:
        found = folder.stat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{folder}: {error.strerror}"
    if found.st_uid not in {os.geteuid(), _ROOT_USER}:
        return f"{folder} belongs to user {found.st_uid}, this is user {os.geteuid()}"
    if found.st_mode & _WRITABLE:
        mode = stat.S_IMODE(found.st_mode)
        return f"{folder} can be written by others (mode {mode:o}): empty it, then chmod go-w"
    return ""


def prepare_folder(root: Path, kernel: str, build: str) -> Path | None:
    """Return the folder below ``root`` for a build; None where it cannot be kept, or not trusted.

    A build that is new takes the place of the oldest of the same kernel.
    """
    folder = folder_of(root, kernel, build)
    try:
        for made in (root, folder):
            made.mkdir(mode=_OURS_ALONE, parents=True, exist_ok=True)
            if why_refused(made):
                return None
        (folder / _USED).touch()
    except OSError:
        return None
    _remove_old(root, kernel)
    return folder


def folder_of(root: Path, kernel: str, build: str) -> Path:
    """Return where a build of ``kernel`` is kept below ``root``."""
    return root / f"{kernel}-{build[:32]}"


def _remove_old(root: Path, kernel: str) -> None:
    """Remove the builds of ``kernel`` that were used longest ago, all but the newest few."""
    used: list[tuple[float, Path]] = []
    for mark in root.glob(f"{kernel}-{'[0-9a-f]' * 32}/{_USED}"):
        try:
            used.append((mark.stat().st_mtime, mark.parent))
        except OSError:  # another process was faster
            continue
    for _, folder in sorted(used, reverse=True)[BUILDS_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
