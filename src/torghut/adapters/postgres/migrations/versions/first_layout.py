"""The first layout: heads and blocks by partition, events in one order, objects, snapshots."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "1"
down_revision: Final = None

# Text is compared byte by byte, whatever the database's own order: streams are found by prefix.
_STATEMENTS: Final = (
    """
    CREATE TABLE log (
        log_id text COLLATE "C" NOT NULL PRIMARY KEY,
        created_at_ns bigint NOT NULL,
        single boolean NOT NULL DEFAULT true UNIQUE CHECK (single)
    )""",
    """
    CREATE TABLE heads (
        partition integer NOT NULL PRIMARY KEY CHECK (partition >= 0),
        number bigint NOT NULL CHECK (number >= -1),
        digest text COLLATE "C" NOT NULL,
        cursor text NOT NULL,
        epoch bigint NOT NULL CHECK (epoch >= 0),
        holder text NOT NULL
    ) WITH (fillfactor = 50)""",
    """
    CREATE TABLE blocks (
        partition integer NOT NULL,
        number bigint NOT NULL CHECK (number >= 0),
        previous text COLLATE "C" NOT NULL,
        digest text COLLATE "C" NOT NULL,
        cursor text NOT NULL,
        cites text NOT NULL,
        arms text NOT NULL,
        header bytea NOT NULL,
        records bytea NOT NULL,
        inputs bytea NOT NULL,
        leaves bytea NOT NULL,
        "rows" bytea NOT NULL,
        PRIMARY KEY (partition, number)
    )""",
    """
    ALTER TABLE blocks
        ALTER COLUMN header SET STORAGE EXTERNAL,
        ALTER COLUMN records SET STORAGE EXTERNAL,
        ALTER COLUMN inputs SET STORAGE EXTERNAL,
        ALTER COLUMN leaves SET STORAGE EXTERNAL,
        ALTER COLUMN "rows" SET STORAGE EXTERNAL""",
    """
    CREATE TABLE objects (
        digest text COLLATE "C" NOT NULL PRIMARY KEY,
        body bytea NOT NULL
    )""",
    "ALTER TABLE objects ALTER COLUMN body SET STORAGE EXTERNAL",
    """
    CREATE TABLE snapshots (
        partition integer NOT NULL,
        "key" text COLLATE "C" NOT NULL,
        block_number bigint NOT NULL,
        block_digest text COLLATE "C" NOT NULL,
        body_digest text COLLATE "C" NOT NULL,
        body bytea NOT NULL,
        PRIMARY KEY (partition, "key")
    )""",
    "ALTER TABLE snapshots ALTER COLUMN body SET STORAGE EXTERNAL",
    """
    CREATE TABLE events (
        position bigint NOT NULL PRIMARY KEY CHECK (position > 0),
        stream text COLLATE "C" NOT NULL,
        version bigint NOT NULL CHECK (version > 0),
        recorded_at_ns bigint NOT NULL,
        correlation_id text NOT NULL,
        causation_id text NOT NULL,
        digest text COLLATE "C" NOT NULL,
        type text NOT NULL,
        body bytea NOT NULL,
        UNIQUE (stream, version)
    )""",
    "CREATE INDEX events_begun ON events (stream, position) WHERE version = 1",
    """
    CREATE TABLE events_end (
        position bigint NOT NULL,
        digest text COLLATE "C" NOT NULL,
        single boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (single)
    ) WITH (fillfactor = 50)""",
    "INSERT INTO events_end (position, digest) VALUES (0, repeat('0', 64))",
    """
    CREATE TABLE leases (
        name text COLLATE "C" NOT NULL PRIMARY KEY,
        epoch bigint NOT NULL,
        holder text NOT NULL,
        expires_wall_ns bigint NOT NULL
    ) WITH (fillfactor = 50)""",
)


def upgrade() -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
