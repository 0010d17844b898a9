"""The tables of a log, and how a block becomes a row of one and back.

A block is one row: what is small comes first, so that reading it never touches the pages of the
rows. Its primary key is its place, which SQLite makes the row's own number: one tree, no index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
)

from torghut.eventlog.block import Arm, Block
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.verification import block_place
from torghut.kernel.canonical import JsonValue, canonical_text

LAYOUT_VERSION: Final = 1
"""Kept as the file's ``user_version``; raised when these tables change."""

APPLICATION_ID: Final = 0x54474C47
"""Kept as the file's ``application_id``: it is a log, not some other database."""

METADATA: Final = MetaData()

IDENTITY: Final = Table(
    "log",
    METADATA,
    Column("log_id", Text, primary_key=True),
    Column("created_at_ns", Integer, nullable=False),
)

BLOCKS: Final = Table(
    "blocks",
    METADATA,
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("commit_number", Integer, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("cites", Text, nullable=False),
    Column("arms", Text, nullable=False),  # name, bytes of leaves, bytes of rows, of each
    Column("header", LargeBinary, nullable=False),
    Column("records", LargeBinary, nullable=False),
    Column("inputs", LargeBinary, nullable=False),
    Column("leaves", LargeBinary, nullable=False),
    Column("rows", LargeBinary, nullable=False),
)

EVENTS: Final = Table(
    "events",
    METADATA,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("commit_number", Integer, nullable=False),
    Column("stream", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("recorded_at_ns", Integer, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("stream", "version"),
)

OBJECTS: Final = Table(
    "objects",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

SNAPSHOTS: Final = Table(
    "snapshots",
    METADATA,
    Column("partition", Integer, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("block_number", Integer, nullable=False),
    Column("block_digest", Text, nullable=False),
    Column("body_digest", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

_NUMBER_BITS: Final = 40
_ARMS: Final = TypeAdapter(tuple[tuple[str, int, int], ...])
_CITES: Final = TypeAdapter(tuple[str, ...])


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
    """Return ``block`` as a row of ``BLOCKS``, in the order of its columns."""
    arms = sorted(block.arms.items())
    layout: list[JsonValue] = [[name, len(arm.leaves), len(arm.rows)] for name, arm in arms]
    one = arms[0][1] if len(arms) == 1 else None  # the usual case, without copying
    return (
        place_of(block.partition, block.number),
        commit_number,
        block.previous,
        block.digest,
        block.cursor,
        canonical_text(list(block.cites)),
        canonical_text(layout),
        block.header,
        block.records,
        block.inputs,
        one.leaves if one else b"".join(arm.leaves for _, arm in arms),
        one.rows if one else b"".join(arm.rows for _, arm in arms),
    )


def read_block(row: Row[tuple[object, ...]]) -> Block:
    """Return the block in a row of ``BLOCKS``.

    Raises:
        LogIntegrityError: The row cannot be a block.
    """
    partition, number = partition_and_number(row.place)
    try:
        return Block(
            partition=partition,
            number=number,
            previous=row.previous,
            header=row.header,
            cursor=row.cursor,
            inputs=row.inputs,
            records=row.records,
            arms=_arms(_ARMS.validate_json(row.arms), leaves=row.leaves, rows=row.rows),
            cites=_CITES.validate_json(row.cites),
        )
    except (ValidationError, ValueError, TypeError, AttributeError) as error:
        raise LogIntegrityError(
            place=block_place(partition, number), expected="a block", found=str(error)
        ) from error


def event_values(envelope: Envelope, *, commit_number: int) -> tuple[int | str | bytes, ...]:
    """Return ``envelope`` as a row of ``EVENTS``, in the order of its columns."""
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


def read_envelope(row: Row[tuple[object, ...]]) -> Envelope:
    """Return the event in a row of ``EVENTS``."""
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


def _arms(
    layout: Sequence[tuple[str, int, int]], *, leaves: bytes, rows: bytes
) -> Mapping[str, Arm]:
    """Return the arms that ``layout`` cuts out of the stored bytes."""
    arms: dict[str, Arm] = {}
    leaf = row = 0
    for name, leaf_bytes, row_bytes in layout:
        arms[name] = Arm(leaves=leaves[leaf : leaf + leaf_bytes], rows=rows[row : row + row_bytes])
        leaf, row = leaf + leaf_bytes, row + row_bytes
    if (leaf, row) != (len(leaves), len(rows)):
        message = f"arms of {leaf} and {row} bytes in {len(leaves)} and {len(rows)}"
        raise ValueError(message)
    return arms
