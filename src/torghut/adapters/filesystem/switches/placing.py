"""Putting a switch file where workers look, on a full disk too.

Room is kept beside it: a spare file whose blocks are there already is written over and renamed.
Where even that fails the spare itself, or an empty file, throws: what cannot be read throws.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.switches.reading import FILE_BYTES
from torghut.adapters.filesystem.writing import sync_folder

_ABOUT: Final = (
    b"Room for a throw on a full disk. Under the name of a switch it throws that switch.\n"
)
_SPARE: Final = _ABOUT.ljust(FILE_BYTES)
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_OLD: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """One file that is to be there.

    Attributes:
        targets: Names for it; the first that is free is taken, none is ever written over.
        incoming: Hidden name that nobody else uses.
        spare: Kept room.
        body: What it says.
    """

    targets: Sequence[Path]
    incoming: Path
    spare: Path
    body: bytes


def place(placement: Placement) -> None:
    """Put a file there, durably; on a full disk at least its name.

    Raises:
        OSError: Nothing can be put there, and why not even a new file.
    """
    faults: list[OSError] = []
    for attempt in _ATTEMPTS:
        try:
            attempt(placement)
        except OSError as error:
            faults.append(error)
        else:
            return
    raise faults[0]


def keep_room(spare: Path, incoming: Path) -> None:
    """Have a spare file, its blocks written.

    Raises:
        OSError: There is no room.
    """
    if not _is_spare(spare):
        with _discarded(incoming):
            _write(os.open(incoming, _NEW, 0o644), _SPARE)
            incoming.rename(spare)


def make_folder(folder: Path) -> None:
    """Make a folder, durably, if there is none.

    Raises:
        OSError: It cannot be made.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)


def _place_new(placement: Placement) -> None:
    """Write a new file."""
    make_folder(placement.incoming.parent)
    with _discarded(placement.incoming):
        _write(os.open(placement.incoming, _NEW, 0o644), placement.body)
        _publish(placement)


def _place_in_spare(placement: Placement) -> None:
    """Write over the spare, which takes no room; put it back where that fails."""
    if not _is_spare(placement.spare):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    placement.spare.rename(placement.incoming)  # of two who throw, one has it
    try:
        _write(os.open(placement.incoming, _OLD), placement.body.ljust(FILE_BYTES))
        _publish(placement)
    except OSError:
        placement.incoming.rename(placement.spare)
        raise


def _place_spare(placement: Placement) -> None:
    """Let the spare itself throw, unread."""
    placement.spare.rename(placement.incoming)
    _publish(placement)


def _place_empty(placement: Placement) -> None:
    """Let an empty file throw."""
    for target in placement.targets:
        with contextlib.suppress(FileExistsError):
            _write(os.open(target, _NEW, 0o644), b"")
            sync_folder(target.parent)
            return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


_ATTEMPTS: Final[Sequence[Callable[[Placement], None]]] = (
    _place_new,
    _place_in_spare,
    _place_spare,
    _place_empty,
)


def _publish(placement: Placement) -> None:
    """Give what is written the first name that is free, all at once."""
    for target in placement.targets:
        with contextlib.suppress(FileExistsError):
            _name(placement.incoming, target)
            sync_folder(target.parent)
            return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _name(incoming: Path, target: Path) -> None:
    """Give a file a name that is free."""
    try:
        target.hardlink_to(incoming)
    except FileExistsError:
        raise
    except OSError:  # no links on this file system, or no room for one
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        incoming.rename(target)
    else:
        incoming.unlink()


def _is_spare(path: Path) -> bool:
    """Return whether a spare is a file of its own, with its blocks."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size == FILE_BYTES


def _write(descriptor: int, body: bytes) -> None:
    """Write into an open file from its start, durably, and close it."""
    with open(descriptor, "wb", buffering=0) as file:
        if file.write(body) != len(body):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with contextlib.suppress(PermissionError):  # of somebody else, who let us write
            os.fchmod(descriptor, 0o644)  # whoever runs a worker may read it
        os.fsync(descriptor)


@contextlib.contextmanager
def _discarded(incoming: Path) -> Iterator[None]:
    """Take a hidden file away at the end, where it still is."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            incoming.unlink()
