"""The tables of a log, and how a block becomes a row of one and back.

A block is one row: what is small comes first, so that reading it never touches the pages of the
rows. Its primary key is its place, which SQLite makes the row's own number: one tree, no index.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from pydantic import ValidationError

from torghut.adapters.logs.arms import cites_text, pack_arms, read_cites, unpack_arms
from torghut.eventlog.block import Block
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.verification import block_place

LAYOUT_VERSION: Final = 1
"""Kept as the file's ``user_version``; raised when these tables change."""

APPLICATION_ID: Final = 0x54474C47
"""Kept as the file's ``application_id``: it is a log, not some other database."""

CREATE_IDENTITY: Final = """
CREATE TABLE log (
    log_id TEXT NOT NULL,
    created_at_ns INTEGER NOT NULL,
    PRIMARY KEY (log_id)
)"""

# arms: name, bytes of leaves, bytes of rows, of each
CREATE_BLOCKS: Final = """
CREATE TABLE blocks (
    place INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    previous TEXT NOT NULL,
    digest TEXT NOT NULL,
    cursor TEXT NOT NULL,
    cites TEXT NOT NULL,
    arms TEXT NOT NULL,
    header BLOB NOT NULL,
    records BLOB NOT NULL,
    inputs BLOB NOT NULL,
    leaves BLOB NOT NULL,
    rows BLOB NOT NULL,
    PRIMARY KEY (place)
)"""

CREATE_EVENTS: Final = """
CREATE TABLE events (
    position INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    recorded_at_ns INTEGER NOT NULL,
    correlation_id TEXT NOT NULL,
    causation_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    type TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (position),
    UNIQUE (stream, version)
)"""

CREATE_OBJECTS: Final = """
CREATE TABLE objects (
    digest TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (digest)
)"""

CREATE_SNAPSHOTS: Final = """
CREATE TABLE snapshots (
    partition INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    block_number INTEGER NOT NULL,
    block_digest TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (partition, "key")
)"""

TABLES: Final = (CREATE_IDENTITY, CREATE_BLOCKS, CREATE_EVENTS, CREATE_OBJECTS, CREATE_SNAPSHOTS)

# Columns are named in every statement: a table whose columns are called otherwise is refused.
BLOCK_COLUMNS: Final = (
    "place, commit_number, previous, digest, cursor, cites, arms, header, records, inputs, leaves,"
    " rows"
)
EVENT_COLUMNS: Final = (
    "position, commit_number, stream, version, recorded_at_ns, correlation_id, causation_id,"
    " digest, type, body"
)
SNAPSHOT_COLUMNS: Final = 'partition, "key", block_number, block_digest, body_digest, body'


def _insert(into: str, columns: str) -> str:
    """Return the statement that writes one row."""
    marks = ", ".join("?" * len(columns.split(",")))
    return f"{into} ({columns}) VALUES ({marks})"


INSERT_IDENTITY: Final = _insert("INSERT INTO log", "log_id, created_at_ns")
INSERT_BLOCK: Final = _insert("INSERT INTO blocks", BLOCK_COLUMNS)
INSERT_EVENT: Final = _insert("INSERT INTO events", EVENT_COLUMNS)
INSERT_OBJECT: Final = _insert("INSERT OR IGNORE INTO objects", "digest, body")
INSERT_SNAPSHOT: Final = _insert("INSERT OR REPLACE INTO snapshots", SNAPSHOT_COLUMNS)

_NUMBER_BITS: Final = 40


def place_of(partition: int, number: int) -> int:
    """Return the primary key of a block."""
    return (partition << _NUMBER_BITS) | number


def places_of(partition: int, *, after: int = -1) -> tuple[int, int]:
    """Return the first and the last primary key that blocks numbered above ``after`` can have."""
    return place_of(partition, after + 1), place_of(partition + 1, 0) - 1


def partition_and_number(place: int) -> tuple[int, int]:
    """Return the block that a primary key names."""
    return place >> _NUMBER_BITS, place & ((1 << _NUMBER_BITS) - 1)


def block_values(block: Block, *, commit_number: int) -> tuple[int | str | bytes, ...]:
    """Return ``block`` as a row of ``blocks``, in the order of its columns."""
    arms = pack_arms(block.arms)
    return (
        place_of(block.partition, block.number),
        commit_number,
        block.previous,
        block.digest,
        block.cursor,
        cites_text(tuple(block.cites)),
        arms.layout,
        block.header,
        block.records,
        block.inputs,
        arms.leaves,
        arms.rows,
    )


def read_block(row: sqlite3.Row) -> Block:
    """Return the block in a row of ``blocks``.

    Raises:
        LogIntegrityError: The row cannot be a block.
    """
    partition, number = partition_and_number(row["place"])
    try:
        return Block(
            partition=partition,
            number=number,
            previous=row["previous"],
            header=row["header"],
            cursor=row["cursor"],
            inputs=row["inputs"],
            records=row["records"],
            arms=unpack_arms(row["arms"], leaves=row["leaves"], rows=row["rows"]),
            cites=read_cites(row["cites"]),
        )
    except (ValidationError, ValueError, TypeError, AttributeError) as error:
        raise LogIntegrityError(
            place=block_place(partition, number), expected="a block", found=str(error)
        ) from error


def event_values(envelope: Envelope, *, commit_number: int) -> tuple[int | str | bytes, ...]:
    """Return ``envelope`` as a row of ``events``, in the order of its columns."""
    return (
        envelope.position,
        commit_number,
        envelope.stream,
        envelope.version,
        envelope.recorded_at_ns,
        envelope.causes.correlation_id,
        envelope.causes.causation_id,
        envelope.digest,
        envelope.type,
        envelope.body,
    )


def read_envelope(row: sqlite3.Row) -> Envelope:
    """Return the event in a row of ``events``."""
    return Envelope(
        stream=row["stream"],
        version=row["version"],
        position=row["position"],
        recorded_at_ns=row["recorded_at_ns"],
        causes=Causes(correlation_id=row["correlation_id"], causation_id=row["causation_id"]),
        digest=row["digest"],
        type=row["type"],
        body=row["body"],
    )
