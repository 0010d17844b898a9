"""Which files a path means, and the digest that names each, without holding one in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from torghut.adapters.sources.errors import (
    SourceChangedError,
    SourceEmptyError,
    SourcePartsError,
    SourceUnreadableError,
)
from torghut.adapters.sources.reading.limits import ReadLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """A file as it was when it was digested.

    Attributes:
        path: Where it is.
        digest: sha256 of its bytes, 64 hex digits.
        size: In bytes, as stored.
        modified_ns: Its time of change, to notice another file in its place.
    """

    path: Path
    digest: str
    size: int
    modified_ns: int

    @property
    def name(self) -> str:
        """Return what people call it: never a whole path."""
        return self.path.name


def digest_file(path: Path) -> InputFile:
    """Return ``path`` with its digest, read in pieces.

    Raises:
        SourceUnreadableError: It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            status = os.fstat(stream.fileno())
    except OSError as error:
        raise _unreadable(path, error) from error
    return InputFile(path=path, digest=digest, size=status.st_size, modified_ns=status.st_mtime_ns)


@contextmanager
def open_unchanged(file: InputFile) -> Iterator[BinaryIO]:
    """Give ``file`` opened for reading.

    Raises:
        SourceUnreadableError: It cannot be read.
        SourceChangedError: It is not the file that was digested.
    """
    try:
        with file.path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if (status.st_size, status.st_mtime_ns) != (file.size, file.modified_ns):
                raise SourceChangedError(name=file.name)
            yield stream
    except OSError as error:
        raise _unreadable(file.path, error) from error


def find_files(path: Path, suffixes: Sequence[str]) -> Sequence[Path]:
    """Return ``path`` itself, or the files below it that end in ``suffixes``, sorted by path.

    Raises:
        SourceUnreadableError: There is no such file or folder.
        SourceEmptyError: The folder holds no such file.
    """
    try:
        if path.is_file():
            return [path]
        if not path.is_dir():
            raise SourceUnreadableError(name=str(path), reason="no such file or folder")
        found = sorted(_named(path.rglob("*"), suffixes))
    except OSError as error:
        raise _unreadable(path, error) from error
    if not found:
        raise SourceEmptyError(name=str(path), expected=f"files ending in {', '.join(suffixes)}")
    return found


def find_parts(path: Path, suffixes: Sequence[str], limits: ReadLimits) -> Sequence[Path]:
    """Return the same for a source of which each file is a part; none has been digested yet.

    Raises:
        SourceUnreadableError: There is no such file or folder.
        SourceEmptyError: The folder holds no such file.
        SourcePartsError: The folder holds more than a source can have.
    """
    found = find_files(path, suffixes)
    check_parts(path, len(found), limits)
    return found


def check_parts(path: Path, count: int, limits: ReadLimits) -> None:
    """Refuse a source of more parts than a context can tell apart.

    Raises:
        SourcePartsError: ``count`` is too many.
    """
    if count > limits.parts:
        raise SourcePartsError(name=str(path), limit=limits.parts)


def _named(paths: Iterable[Path], suffixes: Sequence[str]) -> Sequence[Path]:
    """Return the files among ``paths`` whose name ends in one of ``suffixes``."""
    return [path for path in paths if path.name.endswith(tuple(suffixes)) and path.is_file()]


def _unreadable(path: Path, error: OSError) -> SourceUnreadableError:
    """Return ``error`` as the source's own."""
    return SourceUnreadableError(name=str(path), reason=error.strerror or type(error).__name__)
