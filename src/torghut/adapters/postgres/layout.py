"""The tables of a log in PostgreSQL as statements, and how a row becomes a block or an event.

Every statement names its columns: a table whose columns are called otherwise is refused. Bytes are
stored as they are, uncompressed by the server: what is large has been compressed already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Row, text

from torghut.adapters.logs.arms import cites_text, pack_arms, read_cites, unpack_arms
from torghut.eventlog.block import Block, Head
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.verification import block_place

LAYOUT: Final = "2"
"""The layout that this code reads and writes, by its name among the migrations."""

VERSION_TABLE: Final = "torghut_log_layout"
"""Keeps the name of a database's layout."""

TABLES: Final = (
    "log",
    "heads",
    "blocks",
    "objects",
    "snapshots",
    "events",
    "events_end",
    "leases",
    "archives",
)
"""All that a laid out database has besides; whatever goes through a log's tables begins here."""

BLOCK_COLUMNS: Final = (
    "partition, number, previous, digest, cursor, cites, arms, header, records, inputs, leaves,"
    ' "rows"'
)
EVENT_COLUMNS: Final = (
    "position, stream, version, recorded_at_ns, correlation_id, causation_id, digest, type, body"
)


SELECT_HEAD: Final = text(
    "SELECT number, digest, cursor, epoch, holder FROM heads WHERE partition = :partition"
)
LOCK_HEAD: Final = text(f"{SELECT_HEAD.text} FOR UPDATE")
INSERT_HEAD: Final = text(
    "INSERT INTO heads (partition, number, digest, cursor, epoch, holder)"
    " VALUES (:partition, -1, :digest, '', 0, '') ON CONFLICT DO NOTHING"
)
CLAIM_HEAD: Final = text(
    "UPDATE heads SET epoch = :epoch, holder = :holder WHERE partition = :partition"
)

# One statement, so that a block costs one question and answer between lock and commit.
APPEND_BLOCK: Final = text(
    f"WITH appended AS (INSERT INTO blocks ({BLOCK_COLUMNS}) VALUES (:partition, :number,"  # noqa: S608 -- our own columns
    " :previous, :digest, :cursor, :cites, :arms, :header, :records, :inputs, :leaves, :rows))"
    " UPDATE heads SET number = :number, digest = :digest, cursor = :cursor"
    " WHERE partition = :partition"
)
# The same with the lock and the comparison, for the driver: the columns of a block, then the epoch.
# What waited for the head compares it anew, as it is then; where it differs nothing is returned.
APPEND_AT_ONCE: Final = (
    "WITH head AS (UPDATE heads SET number = $2, digest = $4, cursor = $5 WHERE partition = $1"  # noqa: S608 -- our own columns
    " AND number + 1 = $2 AND digest = $3 AND epoch = $13 RETURNING partition)"
    f" INSERT INTO blocks ({BLOCK_COLUMNS})"
    " SELECT partition, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM head RETURNING number"
)
# The digests of blocks that went to a file stayed: no file is opened for one.
BLOCK_DIGEST: Final = text(
    "SELECT digest FROM blocks WHERE partition = :partition AND number = :number UNION ALL"
    " SELECT encode(substring(digests FROM CAST((:number - first_number) * 32 + 1 AS integer)"
    " FOR 32), 'hex') FROM (SELECT * FROM archives WHERE partition = :partition"
    " AND first_number <= :number ORDER BY first_number DESC LIMIT 1) AS archive"
    " WHERE last_number >= :number LIMIT 1"
)
HEADS: Final = text(
    "SELECT partition, number, digest, cursor FROM heads WHERE number >= 0 ORDER BY partition"
)

INSERT_OBJECT: Final = text(
    "INSERT INTO objects (digest, body) VALUES (:digest, :body) ON CONFLICT DO NOTHING"
)
OBJECTS_AMONG: Final = text("SELECT digest FROM objects WHERE digest = ANY(:digests)")

SELECT_SNAPSHOT: Final = text(
    "SELECT block_number, block_digest, body_digest, body FROM snapshots"
    ' WHERE partition = :partition AND "key" = :key'
)
SNAPSHOT_PLACE: Final = text(
    'SELECT block_number, block_digest FROM snapshots WHERE partition = :partition AND "key" = :key'
)
INSERT_SNAPSHOT: Final = text(
    'INSERT INTO snapshots (partition, "key", block_number, block_digest, body_digest, body)'
    " VALUES (:partition, :key, :block_number, :block_digest, :body_digest, :body)"
    ' ON CONFLICT (partition, "key") DO UPDATE SET block_number = excluded.block_number,'
    " block_digest = excluded.block_digest, body_digest = excluded.body_digest,"
    " body = excluded.body"
)

LOCK_EVENTS: Final = text("SELECT position, digest FROM events_end FOR UPDATE")
STREAM_ENDS: Final = text(
    "SELECT wanted.stream, last.version, last.digest"
    " FROM unnest(CAST(:streams AS text[])) AS wanted (stream), LATERAL ("
    "SELECT version, digest FROM events WHERE events.stream = wanted.stream"
    " ORDER BY version DESC LIMIT 1) AS last"
)
RECORDED: Final = text(
    "SELECT type, body FROM events WHERE stream = :stream AND version > :after"
    " AND version <= :upto ORDER BY version"
)
INSERT_EVENTS: Final = text(
    f"WITH appended AS (INSERT INTO events ({EVENT_COLUMNS}) SELECT * FROM unnest("  # noqa: S608 -- our own columns
    "CAST(:position AS bigint[]), CAST(:stream AS text[]), CAST(:version AS bigint[]),"
    " CAST(:recorded_at_ns AS bigint[]), CAST(:correlation_id AS text[]),"
    " CAST(:causation_id AS text[]), CAST(:digest AS text[]), CAST(:type AS text[]),"
    " CAST(:body AS bytea[]))) UPDATE events_end SET position = :end, digest = :end_digest"
)


def block_values(block: Block) -> dict[str, int | str | bytes]:
    """Return ``block`` as the values of ``APPEND_BLOCK``, in the order of ``BLOCK_COLUMNS``."""
    arms = pack_arms(block.arms)
    return {
        "partition": block.partition,
        "number": block.number,
        "previous": block.previous,
        "digest": block.digest,
        "cursor": block.cursor,
        "cites": cites_text(tuple(block.cites)),
        "arms": arms.layout,
        "header": block.header,
        "records": block.records,
        "inputs": block.inputs,
        "leaves": arms.leaves,
        "rows": arms.rows,
    }


def event_values(envelopes: Sequence[Envelope]) -> dict[str, object]:
    """Return ``envelopes`` as the values of ``INSERT_EVENTS``: one list for each column."""
    return {
        "position": [one.position for one in envelopes],
        "stream": [one.stream for one in envelopes],
        "version": [one.version for one in envelopes],
        "recorded_at_ns": [one.recorded_at_ns for one in envelopes],
        "correlation_id": [one.causes.correlation_id for one in envelopes],
        "causation_id": [one.causes.causation_id for one in envelopes],
        "digest": [one.digest for one in envelopes],
        "type": [one.type for one in envelopes],
        "body": [one.body for one in envelopes],
        "end": envelopes[-1].position,
        "end_digest": envelopes[-1].digest,
    }


def read_head(partition: int, row: Row[Any] | None) -> Head:
    """Return the head in a row of ``heads``; that of an empty partition without one."""
    if row is None:
        return Head(partition=partition)
    return Head(partition=partition, number=row.number, digest=row.digest, cursor=row.cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRow:
    """The columns of a block, exactly as they stand in the database and in an archive."""

    partition: int
    number: int
    previous: str
    digest: str
    cursor: str
    cites: str
    arms: str
    header: bytes
    records: bytes
    inputs: bytes
    leaves: bytes
    rows: bytes


def read_block(row: Row[Any] | BlockRow) -> Block:
    """Return the block in a row of ``blocks``.

    Raises:
        LogIntegrityError: The row cannot be a block.
    """
    try:
        return Block(
            partition=row.partition,
            number=row.number,
            previous=row.previous,
            header=row.header,
            cursor=row.cursor,
            inputs=row.inputs,
            records=row.records,
            arms=unpack_arms(row.arms, leaves=row.leaves, rows=row.rows),
            cites=read_cites(row.cites),
        )
    except (ValidationError, ValueError, TypeError) as error:
        raise LogIntegrityError(
            place=block_place(row.partition, row.number), expected="a block", found=str(error)
        ) from error


def read_envelope(row: Row[Any]) -> Envelope:
    """Return the event in a row of ``events``."""
    return Envelope(
        stream=row.stream,
        version=row.version,
        position=row.position,
        recorded_at_ns=row.recorded_at_ns,
        causes=Causes(correlation_id=row.correlation_id, causation_id=row.causation_id),
        digest=row.digest,
        type=row.type,
        body=row.body,
    )
