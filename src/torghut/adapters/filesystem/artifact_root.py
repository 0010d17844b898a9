"""Artifacts as files below one folder, opened step by step so that no link leads anywhere."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from typing_extensions import override

from torghut.artifacts.errors import (
    ArtifactExistsError,
    ArtifactUnreadableError,
    ArtifactUnwritableError,
    ReadFault,
)
from torghut.artifacts.paths import stays_below
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.digests import sha256_hex

_BYTES_MAX: Final = 1 << 26
_PLAIN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""For files and for folders on the way: with O_DIRECTORY a link would look like a plain file."""

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderArtifacts(ArtifactStore):
    """Artifacts below one folder.

    Args:
        root: The folder; it may itself be reached by a link, what is in it may not.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @override
    def read(self, path: str, /) -> bytes:
        if not stays_below(path):
            raise ArtifactUnreadableError(path=path, fault=ReadFault.OUTSIDE)
        try:
            with self._folder_of(path) as (folder, name):
                return _read(path, folder, name)
        except OSError as error:
            raise ArtifactUnreadableError(path=path, fault=_fault(error)) from error

    @override
    def names(self, folder: str, /) -> Sequence[str]:
        if not stays_below(folder):
            raise ArtifactUnreadableError(path=folder, fault=ReadFault.OUTSIDE)
        try:
            with self._folder_of(f"{folder}/.") as (here, _), os.scandir(here) as entries:
                return sorted(
                    one.name
                    for one in entries
                    if one.is_file(follow_symlinks=False) and not one.name.startswith(".")
                )
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ArtifactUnreadableError(path=folder, fault=_fault(error)) from error

    @override
    def replace(self, path: str, body: bytes, /) -> None:
        with self._writing(path) as (folder, name), _incoming(folder, name, body) as made:
            os.rename(made, name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    @override
    def create(self, path: str, body: bytes, /) -> None:
        with self._writing(path) as (folder, name), _incoming(folder, name, body) as made:
            try:
                os.link(made, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            except FileExistsError:
                _check_same(path, body, _standing(path, folder, name))
            os.fsync(folder)

    @contextlib.contextmanager
    def _writing(self, path: str) -> Iterator[tuple[int, str]]:
        """Yield the folder that ``path`` is in, made if need be, and the name there."""
        if not stays_below(path):
            raise ArtifactUnwritableError(path=path, reason=ReadFault.OUTSIDE)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with self._folder_of(path, make=True) as place:
                yield place
        except OSError as error:
            reason = error.strerror or str(error)
            raise ArtifactUnwritableError(path=path, reason=reason) from error

    @contextlib.contextmanager
    def _folder_of(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Yield a descriptor of the folder that ``path`` is in, and the name there."""
        *folders, name = path.split("/")
        here = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                if make:
                    _make_folder(here, folder)
                below = os.open(folder, _PLAIN, dir_fd=here)
                os.close(here)
                here = below
            yield here, name
        finally:
            os.close(here)


def _make_folder(parent: int, name: str) -> None:
    """Make a folder durably, unless something of that name is there."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=parent)
        os.fsync(parent)


def _read(path: str, folder: int, name: str) -> bytes:
    """Return the bytes of a plain file of a size that artifacts have."""
    descriptor = os.open(name, _PLAIN, dir_fd=folder)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ArtifactUnreadableError(path=path, fault=ReadFault.NOT_A_FILE)
        body = file.read(_BYTES_MAX + 1)
    if len(body) > _BYTES_MAX:
        raise ArtifactUnreadableError(path=path, fault=ReadFault.TOO_LARGE)
    return body


def _fault(error: OSError) -> ReadFault:
    """Return what an operating system's error means for a reader."""
    match error.errno:
        case errno.ENOENT:
            return ReadFault.MISSING
        case errno.ELOOP:
            return ReadFault.LINKED
        case errno.ENXIO | errno.EISDIR | errno.ENOTDIR:
            return ReadFault.NOT_A_FILE
        case _:
            return ReadFault.UNREADABLE


@contextlib.contextmanager
def _incoming(folder: int, name: str, body: bytes) -> Iterator[str]:
    """Yield the name of a durable file with ``body`` beside its place; it is gone afterwards."""
    made = f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(made, _NEW, 0o644, dir_fd=folder)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(body)
            file.flush()
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        yield made
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(made, dir_fd=folder)


def _standing(path: str, folder: int, name: str) -> bytes:
    """Return what stands where a file was to be made; nothing where it is no plain file."""
    try:
        return _read(path, folder, name)
    except (ArtifactUnreadableError, OSError):
        return b""


def _check_same(path: str, body: bytes, found: bytes) -> None:
    """Refuse what stands there, unless it is what was to be written."""
    if found != body:
        raise ArtifactExistsError(path=path, expected=sha256_hex(body), found=sha256_hex(found))
