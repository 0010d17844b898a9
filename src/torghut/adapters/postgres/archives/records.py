"""What the database keeps of blocks that went to a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text

from torghut.kernel.digests import DIGEST_BYTES
from torghut.schemas.block import BlocksArchived

GENESIS_BLOCK: Final = 0
"""Stays in its row for ever: it says what a fold began with, and every fold asks for it."""

_COLUMNS: Final = "partition, first_number, last_number, file_digest, digests"

ARCHIVE_AT: Final = text(
    f"SELECT {_COLUMNS} FROM (SELECT * FROM archives WHERE partition = :partition"  # noqa: S608 -- our own columns
    " AND first_number <= :number ORDER BY first_number DESC LIMIT 1) AS archive"
    " WHERE last_number >= :number"
)
LAST_ARCHIVED: Final = text(
    "SELECT max(last_number) AS number FROM archives WHERE partition = :partition"
)
INSERT_ARCHIVE: Final = text(
    f"INSERT INTO archives ({_COLUMNS}) VALUES"  # noqa: S608 -- our own columns
    " (:partition, :first_number, :last_number, :file_digest, :digests)"
)
DIGESTS_BETWEEN: Final = text(
    "SELECT digest FROM blocks WHERE partition = :partition AND number BETWEEN :first AND :last"
    " ORDER BY number"
)
DELETE_BETWEEN: Final = text(
    "DELETE FROM blocks WHERE partition = :partition AND number BETWEEN :first AND :last"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Consecutive blocks of one partition that are in one file.

    Attributes:
        first: Number of the first of them.
        last: Number of the last.
        file_digest: Of the file, which is named after it.
        digests: Of the blocks, 32 bytes each, in their order.
    """

    partition: int
    first: int
    last: int
    file_digest: str
    digests: bytes

    @property
    def path(self) -> str:
        """Return where the file is, below the folder of artifacts."""
        return archive_path(self.file_digest)

    def digest(self, number: int) -> str:
        """Return the digest of one of the blocks."""
        start = (number - self.first) * DIGEST_BYTES
        return self.digests[start : start + DIGEST_BYTES].hex()

    def event(self) -> BlocksArchived:
        """Return what the log says of it."""
        return BlocksArchived(
            partition=self.partition,
            first=self.first,
            last=self.last,
            last_digest=self.digest(self.last),
            file_digest=self.file_digest,
        )

    def values(self) -> dict[str, int | str | bytes]:
        """Return it as the values of ``INSERT_ARCHIVE``."""
        return {
            "partition": self.partition,
            "first_number": self.first,
            "last_number": self.last,
            "file_digest": self.file_digest,
            "digests": self.digests,
        }


def read_archive(row: Row[Any]) -> Archive:
    """Return the archive in a row of ``archives``."""
    return Archive(
        partition=row.partition,
        first=row.first_number,
        last=row.last_number,
        file_digest=row.file_digest,
        digests=bytes(row.digests),
    )


def archive_path(file_digest: str) -> str:
    """Return where the file with a digest is, below the folder of artifacts."""
    return f"log-archives/{file_digest}.parquet"
