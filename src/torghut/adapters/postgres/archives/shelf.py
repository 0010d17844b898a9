"""Where archived blocks are: files below the folder of artifacts, each named by its digest.

What reads and writes them is an extra, and imported when the first one is touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import ClassVar, Final

from torghut.adapters.postgres.archives.records import Archive, archive_path
from torghut.adapters.postgres.layout import BlockRow
from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.errors import ArchiveAlteredError, ArchiveMissingError
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode, TorghutError

_FILES: Final = "torghut.adapters.postgres.archives.blockfile"


class ArchiveExtraMissingError(TorghutError):
    """Blocks are in files, or are to go there, and the package for such files is not installed."""

    code: ClassVar[str] = "adapters.archive-extra-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, package: str) -> None:
        super().__init__(
            f"archived blocks: expected the package {package}, found it not installed; "
            "pip install 'torghut[parquet]'"
        )
        self.package = package


class ShelfMissingError(TorghutError):
    """Blocks are to go to files, and the log was opened without a folder for them."""

    code: ClassVar[str] = "adapters.archive-folder-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "archiving blocks: expected a folder of artifacts, found none; "
            "name one in TORGHUT_ARTIFACT_DIR"
        )


class Shelf:
    """The files of one log's archived blocks.

    Args:
        artifacts: Where they are; None: they are not to be had.
    """

    def __init__(self, artifacts: ArtifactStore | None) -> None:
        self._artifacts = artifacts

    def keep(self, rows: Sequence[BlockRow]) -> str:
        """Put ``rows`` into a durable file and return its digest; again: nothing is changed.

        Raises:
            ArtifactUnwritableError: It cannot be written.
            ArtifactExistsError: Another file has its name.
            ShelfMissingError: There is no folder for it.
            ArchiveExtraMissingError: What writes it is not installed.
        """
        if self._artifacts is None:
            raise ShelfMissingError
        body: bytes = _files().pack(rows)
        digest = sha256_hex(body)
        self._artifacts.create(archive_path(digest), body)
        return digest

    def rows(self, archive: Archive) -> Sequence[BlockRow]:
        """Return the rows of ``archive``, from a file with its digest.

        Raises:
            ArchiveMissingError: The file is not to be had.
            ArchiveAlteredError: It is not the one that was written.
            ArchiveExtraMissingError: What reads it is not installed.
        """
        body = self._body(archive)
        found = sha256_hex(body)
        if found != archive.file_digest:
            raise _altered(archive, expected=archive.file_digest, found=found)
        try:
            rows: Sequence[BlockRow] = _files().unpack(body)
        except ValueError as error:
            raise _altered(archive, expected="a file of blocks", found=str(error)) from error
        places = [(row.partition, row.number) for row in rows]
        if places != [(archive.partition, n) for n in range(archive.first, archive.last + 1)]:
            expected = f"blocks {archive.first} to {archive.last} of partition {archive.partition}"
            raise _altered(archive, expected=expected, found=f"{len(rows)} other blocks")
        return rows

    def _body(self, archive: Archive) -> bytes:
        """Return the bytes of the file of ``archive``."""
        found = "no folder of artifacts"
        if self._artifacts is not None:
            try:
                return self._artifacts.read(archive.path)
            except ArtifactUnreadableError as error:
                found = str(error.fault)
        raise ArchiveMissingError(
            partition=archive.partition,
            first=archive.first,
            last=archive.last,
            path=archive.path,
            found=found,
        )


def _altered(archive: Archive, *, expected: str, found: str) -> ArchiveAlteredError:
    return ArchiveAlteredError(
        partition=archive.partition,
        last=archive.last,
        path=archive.path,
        expected=expected,
        found=found,
    )


def _files() -> ModuleType:
    """Return what reads and writes files of blocks.

    Raises:
        ArchiveExtraMissingError: Its package is not installed.
    """
    try:
        return import_module(_FILES)
    except ModuleNotFoundError as error:
        raise ArchiveExtraMissingError(package=str(error.name).partition(".")[0]) from error
