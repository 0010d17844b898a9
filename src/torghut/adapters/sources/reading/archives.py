"""The bytes inside a file, whether it is plain, gzip or zip, a piece at a time.

What a file is is read from its first bytes, never from its name. Broken, cut and encrypted
archives and those that expand without measure are typed errors.
"""

from __future__ import annotations

import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Final, Protocol

from torghut.adapters.sources.errors import (
    SourceArchiveError,
    SourceExpansionError,
    SourceUnreadableError,
)
from torghut.adapters.sources.reading.files import InputFile, open_unchanged
from torghut.adapters.sources.reading.limits import ReadLimits

_MAGIC_BYTES: Final = 4
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZIP_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_GZIP_SMALLEST: Final = 18
_GZIP_SIZE_BYTES: Final = 4
_GZIP_WINDOW: Final = 31
_ENCRYPTED: Final = 1
_BROKEN: Final = (
    EOFError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


class ByteStream(Protocol):
    """Bytes to be read once, front to back."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none only at the end."""
        ...


@contextmanager
def open_bytes(file: InputFile, limits: ReadLimits) -> Iterator[ByteStream]:
    """Give the bytes inside ``file``; reading them may raise a ``SourceError`` at any point.

    Raises:
        SourceUnreadableError: The file cannot be read.
        SourceChangedError: It is not the file that was digested.
        SourceArchiveError: It is an archive, and broken.
    """
    with open_unchanged(file) as raw:
        magic = raw.read(_MAGIC_BYTES)
        raw.seek(0)
        if magic.startswith(_GZIP_MAGIC):
            yield _Guarded(_Gzip(raw, limits.chunk_bytes), file, limits)
        elif magic in _ZIP_MAGICS:
            with _open_zip(raw, file.name) as member:
                yield _Guarded(member, file, limits)
        else:
            yield _Guarded(raw, file, limits)


def expanded_size(file: InputFile) -> int:
    """Return how many bytes ``file`` says it holds, for showing progress; 0 if it cannot say.

    Raises:
        SourceUnreadableError: The file cannot be read.
        SourceArchiveError: It is a zip, and broken.
    """
    with open_unchanged(file) as raw:
        magic = raw.read(_MAGIC_BYTES)
        if magic in _ZIP_MAGICS:
            return _only_member(raw, file.name)[1].file_size
        if not magic.startswith(_GZIP_MAGIC):
            return file.size
        if file.size < _GZIP_SMALLEST:
            return 0
        raw.seek(-_GZIP_SIZE_BYTES, os.SEEK_END)
        return int.from_bytes(raw.read(_GZIP_SIZE_BYTES), "little")


def member_name(file: InputFile) -> str:
    """Return the name of the one file inside the zip ``file``.

    Raises:
        SourceUnreadableError: The file cannot be read.
        SourceArchiveError: It is no zip, or not one with a single readable file.
    """
    with open_unchanged(file) as raw:
        return _only_member(raw, file.name)[1].filename


def _only_member(raw: BinaryIO, name: str) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
    """Return the archive in ``raw`` and the one file that it holds."""
    try:
        archive = zipfile.ZipFile(raw)
    except (*_BROKEN, OSError) as error:
        raise SourceArchiveError(name=name, expected="a zip", found=_said(error)) from error
    members = [info for info in archive.infolist() if not info.is_dir()]
    if len(members) != 1:
        found = f"{len(members)} files"
        raise SourceArchiveError(name=name, expected="a zip of one file", found=found)
    if members[0].flag_bits & _ENCRYPTED:
        raise SourceArchiveError(name=name, expected="a zip without password", found="encrypted")
    return archive, members[0]


def _open_zip(raw: BinaryIO, name: str) -> IO[bytes]:
    """Open the one file inside a zip."""
    archive, member = _only_member(raw, name)
    try:
        return archive.open(member)
    except (*_BROKEN, OSError) as error:
        raise SourceArchiveError(name=name, expected="a zip", found=_said(error)) from error


class _Gzip:
    """The bytes inside a gzip file of any number of members."""

    def __init__(self, raw: BinaryIO, chunk_bytes: int) -> None:
        self._raw = raw
        self._chunk_bytes = chunk_bytes
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)
        self._waiting = b""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; raises ``EOFError`` where the file was cut off."""
        while True:
            if self._inflater.eof and not self._next_member():
                return b""
            self._waiting = self._waiting or self._raw.read(self._chunk_bytes)
            if not self._waiting:
                message = "cut off before its end"
                raise EOFError(message)
            produced = self._inflater.decompress(self._waiting, size)
            self._waiting = self._inflater.unconsumed_tail
            if produced:
                return produced

    def _next_member(self) -> bool:
        """Begin with the member behind the finished one, if any; zeros may pad the file."""
        waiting = self._inflater.unused_data.lstrip(b"\0")
        while not waiting:
            piece = self._raw.read(self._chunk_bytes)
            if not piece:
                return False
            waiting = piece.lstrip(b"\0")
        self._waiting = waiting
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)
        return True


class _Guarded:
    """A stream whose faults are the source's own errors, and whose expansion is bounded."""

    def __init__(self, stream: ByteStream | IO[bytes], file: InputFile, limits: ReadLimits) -> None:
        self._stream = stream
        self._file = file
        self._limits = limits
        self._total = 0

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, none only at the end."""
        try:
            piece = self._stream.read(size)
        except _BROKEN as error:
            raise SourceArchiveError(
                name=self._file.name, expected="an archive that is whole", found=_said(error)
            ) from error
        except OSError as error:
            raise SourceUnreadableError(
                name=self._file.name, reason=error.strerror or str(error)
            ) from error
        self._total += len(piece)
        if (
            self._total > self._limits.expansion_floor_bytes
            and self._total > self._limits.expansion_ratio * self._file.size
        ):
            raise SourceExpansionError(
                name=self._file.name,
                expanded_bytes=self._total,
                ratio_limit=self._limits.expansion_ratio,
            )
        return piece


def _said(error: Exception) -> str:
    """Return what a library said about a broken archive."""
    return str(error) or type(error).__name__
