"""The second layout: what of each partition's chain is in which file, and no longer in a row."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "2"
down_revision: Final = "1"

# The digests stay, 32 bytes a block: a chain, a seal or a snapshot is compared without the file.
_STATEMENTS: Final = (
    """
    CREATE TABLE archives (
        partition integer NOT NULL,
        first_number bigint NOT NULL CHECK (first_number >= 0),
        last_number bigint NOT NULL CHECK (last_number >= first_number),
        file_digest text COLLATE "C" NOT NULL,
        digests bytea NOT NULL
            CHECK (length(digests) = 32 * (last_number - first_number + 1)),
        PRIMARY KEY (partition, first_number)
    )""",
    "ALTER TABLE archives ALTER COLUMN digests SET STORAGE EXTERNAL",
)


def upgrade() -> None:
    """Make the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
