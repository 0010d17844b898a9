"""What a log says about itself: heads it sealed, losses accepted, blocks that went to a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.eventlog.block import Head
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import DecisionLog, EventStore
from torghut.schemas.block import BlocksArchived
from torghut.schemas.control import Reasoned
from torghut.schemas.types import UNION, Identifier, Message, Sha256

HeadNumber = Annotated[int, Field(ge=-1, lt=2**40)]


class SealedHead(Message):
    """The end of one partition's chain."""

    partition: Annotated[int, Field(ge=0, lt=2**20)]
    number: HeadNumber
    digest: Sha256


class HeadsSealed(Message):
    """The heads of all partitions at one moment, to be found again by later readers."""

    type: Literal["eventlog.heads-sealed.v1"] = "eventlog.heads-sealed.v1"
    heads: tuple[SealedHead, ...]


class LossAccepted(Message):
    """A person accepted the log as it is, although its heads file said that there was more."""

    type: Literal["eventlog.loss-accepted.v1"] = "eventlog.loss-accepted.v1"
    reason: Reasoned
    findings: tuple[Annotated[str, Field(max_length=500)], ...]
    heads: tuple[SealedHead, ...]
    events: Annotated[int, Field(ge=0, lt=2**53)]


LogEvent = Annotated[BlocksArchived | HeadsSealed | LossAccepted, Field(discriminator="type")]

LOG_EVENT: TypeAdapter[LogEvent] = TypeAdapter(LogEvent, config=UNION)
"""Parses any event of a log's own stream."""


def log_stream(log_id: Identifier) -> str:
    """Return the stream in which the log named ``log_id`` speaks about itself."""
    return f"log-{log_id}"


def sealed_head(head: Head) -> SealedHead:
    """Return ``head`` as it stands in an event."""
    return SealedHead(partition=head.partition, number=head.number, digest=head.digest)


def heads_sealed(heads: Iterable[Head]) -> HeadsSealed:
    """Return the event that puts ``heads`` on record."""
    return HeadsSealed(heads=tuple(map(sealed_head, heads)))


async def seal_heads(log: DecisionLog, events: EventStore, *, log_id: str, causes: Causes) -> None:
    """Append the heads of all partitions to the log's own stream.

    Raises:
        ConcurrencyConflictError: Another writer appended to that stream in between.
    """
    stream = log_stream(log_id)
    heads = [await log.head(partition) for partition in await log.partitions()]
    version = len(await events.read_events(stream))
    await events.append_events(
        stream, [heads_sealed(heads)], expected_version=version, causes=causes
    )
