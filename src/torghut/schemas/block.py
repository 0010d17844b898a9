"""The JSON parts of a log block: its header, and the records that are no contexts."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from torghut.schemas.control import ControlRecord
from torghut.schemas.types import Added, AddedCount, Identifier, Message, Sha256, Symbol
from torghut.schemas.upcasting import read_message

Count = Annotated[int, Field(ge=0, lt=2**53)]
OptionalDigest = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class BlockCounts(Message):
    """What is in a block, to the unit.

    contexts + resolved = decisions + quarantined + pending.
    """

    contexts: Annotated[
        Count, Field(description="Admitted, refused, and records that were no context.")
    ]
    decisions: Annotated[Count, Field(description="Of the serving arm.")]
    quarantined: Annotated[
        Count,
        Field(description="Not decided: refused contexts, and records that were no context."),
    ]
    control_records: Annotated[Count, Field(description="New ones; none that came again.")]
    pending: Annotated[
        Count,
        AddedCount,
        Field(description="Contexts that wait for advice, decided in a later place."),
    ] = 0
    resolved: Annotated[
        Count, AddedCount, Field(description="Decisions of contexts that had waited for advice.")
    ] = 0


class BlockLineage(Message):
    """What rows that carry this lineage's digest rest on; empty where there is none."""

    arm: Annotated[Identifier, Field(description="serving, or the name of a shadow.")]
    kernel_version: Annotated[Count, Field(description="Raised when any golden log would change.")]
    declarations: Annotated[Sha256, Field(description="Of the declarations in force.")]
    package: Annotated[OptionalDigest, Field(description="Of the router package that serves.")]
    control: Annotated[OptionalDigest, Field(description="Of the last control record applied.")]


class BlockGenesis(Message):
    """What the log begins with; in its first block only."""

    declarations: Sha256
    packages: dict[Identifier, Sha256]
    shadow_router: bool


class BlockHeader(Message):
    """What a block's rows name by number or digest."""

    type: Literal["eventlog.block-header.v1"] = "eventlog.block-header.v1"
    kernel_version: Count
    kernel_build: Sha256
    leaf_version: Annotated[Count, Field(description="Of the layout of the block's rows.")]
    symbols: dict[Count, Symbol]
    sources: dict[Count, Sha256]
    lineages: dict[Sha256, BlockLineage]
    counts: BlockCounts
    genesis: BlockGenesis | None = None


class ReceivedControl(Message):
    """A new control record, and the row of the block's first context after it."""

    row: Count
    record: ControlRecord


class RepeatedControl(Message):
    """A control record that had been taken before; it has no effect."""

    row: Count
    control_id: Identifier


class RefusedControl(Message):
    """A control record that cannot hold, kept as it came with the reason; it has no effect."""

    row: Count
    code: Annotated[str, Field(pattern=r"^control\.[a-z-]+$")]
    record: ControlRecord


class AppliedControl(Message):
    """Where a control record took effect: after that many contexts of that symbol."""

    control_id: Identifier
    symbol: Count
    position: Count
    resolution: Annotated[
        Identifier | Literal[""],
        Added,
        Field(description="Of the record that resolved a context there; else a context came next."),
    ] = ""


class QuarantinedRecord(Message):
    """A record of a source that is no context at all."""

    source: Sha256
    record: Count
    code: Annotated[str, Field(pattern=r"^market\.[a-z-]+$")]
    digest: Sha256
    excerpt: Annotated[str, Field(max_length=120)]


class BlockRecords(Message):
    """Everything in a block that is neither a context nor a decision."""

    type: Literal["eventlog.block-records.v3"] = "eventlog.block-records.v3"
    received: tuple[ReceivedControl, ...] = ()
    repeated: tuple[RepeatedControl, ...] = ()
    refused: tuple[RefusedControl, ...] = ()
    applied: tuple[AppliedControl, ...] = ()
    quarantined: tuple[QuarantinedRecord, ...] = ()


BLOCK_HEADER: TypeAdapter[BlockHeader] = TypeAdapter(BlockHeader)
BLOCK_RECORDS: TypeAdapter[BlockRecords] = TypeAdapter(BlockRecords)


_NEWEST_HEADER: Final = b'"type":"eventlog.block-header.v1"'


def read_block_header(body: bytes) -> BlockHeader:
    """Return a block's header, whatever version it was written in.

    Raises:
        JsonRefusedError: ``body`` is no JSON object.
        MessageTypeError: It is of no known version.
        MessageContentError: It does not fit its version.
    """
    if _NEWEST_HEADER in body:  # read at once, in half the time
        with suppress(ValidationError):
            return BLOCK_HEADER.validate_json(body)
    return read_message(body, {"eventlog.block-header.v1": BlockHeader})


def read_block_records(body: bytes) -> BlockRecords:
    """Return a block's records, whatever version they were written in.

    Raises:
        JsonRefusedError: ``body`` is no JSON object.
        MessageTypeError: It is of no known version.
        MessageContentError: It does not fit its version.
    """
    return read_message(body, {"eventlog.block-records.v3": BlockRecords})


class BlocksArchived(Message):
    """Blocks of one partition went from the database into a file, verified before they went."""

    type: Literal["eventlog.blocks-archived.v1"] = "eventlog.blocks-archived.v1"
    partition: Annotated[int, Field(ge=0, lt=2**20)]
    first: Annotated[int, Field(ge=0, lt=2**40, description="Number of the first block.")]
    last: Annotated[int, Field(ge=0, lt=2**40, description="Number of the last block.")]
    last_digest: Annotated[Sha256, Field(description="Of the last block: what the next follows.")]
    file_digest: Annotated[Sha256, Field(description="Of the file, which is named after it.")]
