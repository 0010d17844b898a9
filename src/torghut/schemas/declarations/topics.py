"""Topics: what a broker carries, from whom to whom, by which key, and for how long.

Durations are hours, sizes bytes. A topic is named ``torghut.<noun>.v<N>``; another meaning of its
records is another topic, ``v<N+1>``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from torghut.schemas.declarations.fields import Role, Why
from torghut.schemas.types import Message

TopicName = Annotated[
    str, Field(pattern=r"^torghut\.[a-z][a-z0-9]*(-[a-z0-9]+)*\.v[1-9][0-9]*$", max_length=100)
]
SchemaId = Annotated[
    str,
    Field(
        pattern=r"^[a-z]+\.[a-z][a-z-]*\.v[1-9][0-9]*$",
        description="Area, event and version of a published schema: market.context-received.v1.",
    ),
]
Hours = Annotated[int, Field(ge=1, le=87_600)]
"""Hours, at most ten years."""

RecordKey = Literal["symbol", "control-id", "stream", "worker-partition", "none"]
Partitioner = Literal["murmur2", "log-partition", "any"]
"""murmur2: the Java client's default, positive(murmur2(key bytes)) mod partitions. log-partition:
that of the log which the record comes from, whatever its key."""

Environment = Literal["one-node", "three-nodes"]

Party = Literal[
    "ingress",
    "relay",
    "worker",
    "reporter",
    "operator",
    "scheduler",
    "trading-loop",
    "auditor",
    "advisor",
]
"""Who writes or reads: ingress stamps contexts; worker decides; relay publishes the log; reporter
brings in fills, positions, news; operator throws switches; scheduler governs; auditor checks;
advisor asks a model."""

HeaderName = Literal[
    "schema",
    "source",
    "ingress-wall-ns",
    "speed",
    "correlation-id",
    "causation-id",
    "traceparent",
    "log-position",
    "block-digest",
    "event-position",
    "event-digest",
    "stream-version",
    "recorded-at-ns",
    "topic",
    "partition",
    "offset",
]

HEADERS: Final[Mapping[HeaderName, tuple[str, str]]] = MappingProxyType(
    {
        "schema": (
            r"^[a-z]+\.[a-z][a-z-]*\.v[1-9][0-9]*$",
            "Id of the published schema that the value fits.",
        ),
        "source": (
            r"^[0-9a-f]{64}$",
            "sha256 of the source: of a file's bytes, or of a feed's declaration.",
        ),
        "ingress-wall-ns": (
            r"^(0|[1-9][0-9]{0,18})$",
            "Wall time at first ingress, ns since 1970; enters no decision.",
        ),
        "speed": (
            r"^(max|(0|[1-9][0-9]*)(\.[0-9]+)?(e-?[0-9]+)?)$",
            "Of playing: 1 where it is live; max where nothing is measured.",
        ),
        "correlation-id": (
            r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,399}$",
            "The whole workflow that the record is part of.",
        ),
        "causation-id": (
            r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,399}$",
            "What the record follows from directly.",
        ),
        "traceparent": (
            r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
            "W3C trace context.",
        ),
        "log-position": (
            r"^(0|[1-9][0-9]{0,6}):(0|[1-9][0-9]{0,11}):(0|[1-9][0-9]{0,6})$",
            "Partition, block and place of the log's own record.",
        ),
        "block-digest": (r"^[0-9a-f]{64}$", "sha256 of the block that it stands in."),
        "event-position": (
            r"^[1-9][0-9]{0,14}$",
            "Of the event in governance's log, over all streams; ascending, without gaps.",
        ),
        "event-digest": (
            r"^[0-9a-f]{64}$",
            "sha256 of the event, and through it of its stream so far.",
        ),
        "stream-version": (r"^[1-9][0-9]{0,14}$", "Place of the event in its stream."),
        "recorded-at-ns": (
            r"^(0|[1-9][0-9]{0,18})$",
            "Wall time at which the event was recorded, ns since 1970.",
        ),
        "topic": (
            r"^[A-Za-z0-9._-]{1,249}$",
            "Where the record was found that is set aside here.",
        ),
        "partition": (r"^(0|[1-9][0-9]{0,9})$", "Of that record."),
        "offset": (r"^(0|[1-9][0-9]{0,18})$", "Of that record."),
    }
)
"""What each header holds, UTF-8 text: its pattern and its meaning."""


class Replication(Message):
    """How many nodes keep a record, and how many must have it before it is acknowledged."""

    copies: Annotated[int, Field(ge=1, le=7)]
    min_in_sync: Annotated[int, Field(ge=1, le=7)]

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        if self.min_in_sync > self.copies:
            message = "min_in_sync of at most copies"
            raise ValueError(message)
        return self


class ReplicationByEnvironment(Message):
    """One node keeps what it can; three must not lose what one of them loses."""

    one_node: Replication
    three_nodes: Replication

    @model_validator(mode="after")
    def _survives_a_node(self) -> Self:
        if self.one_node.copies != 1:
            message = "one copy on one node"
            raise ValueError(message)
        if self.three_nodes.copies < 3 or self.three_nodes.min_in_sync < 2:  # noqa: PLR2004
            message = "three copies, two of them in sync, on three nodes"
            raise ValueError(message)
        return self


class Compaction(Message):
    """Only the newest record of each key is sure to stay."""

    lag_hours_max: Annotated[Hours, Field(description="Longest that an older one stays.")]
    tombstone_hours: Annotated[
        Hours, Field(description="That a record which ends a key can still be read.")
    ]


class CarriedHeaders(Message):
    """Headers beside the value; what is not named here is not looked at."""

    always: tuple[HeaderName, ...]
    if_known: tuple[HeaderName, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        named = (*self.always, *self.if_known)
        if len(set(named)) != len(named):
            message = "each header once"
            raise ValueError(message)
        if "schema" not in self.always:
            message = "schema among those that are always there"
            raise ValueError(message)
        return self


class TopicDeclaration(Message):
    """One topic."""

    kind: Literal["topic.v1"]
    name: TopicName
    why: Why
    owner: Role
    key: RecordKey
    partitioner: Annotated[
        Partitioner,
        Field(
            description="murmur2 or log-partition where there is a key; log-partition or any where "
            "there is none."
        ),
    ]
    partitions: Annotated[int, Field(ge=1, le=1024)]
    replication: ReplicationByEnvironment
    retention_hours: Annotated[
        Hours | None, Field(description="Null: nothing is removed for its age.")
    ]
    compaction: Compaction | None = None
    record_bytes_max: Annotated[int, Field(ge=1024, le=8 << 20)]
    values: Annotated[tuple[SchemaId, ...], Field(min_length=1)]
    headers: CarriedHeaders
    producer: Party
    consumers: Annotated[tuple[Party, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _keyed_as_it_is_partitioned(self) -> Self:
        if self.partitioner == ("murmur2" if self.key == "none" else "any"):
            message = "partitioner murmur2 where there is a key, any where there is none"
            raise ValueError(message)
        if self.partitioner == "log-partition" and self.compaction is not None:
            message = "no compaction where a key stands on several partitions"
            raise ValueError(message)
        if self.compaction is not None and self.key == "none":
            message = "a key where there is compaction"
            raise ValueError(message)
        if self.compaction is not None and self.retention_hours is not None:
            message = "retention_hours null where there is compaction"
            raise ValueError(message)
        if len(set(self.values)) != len(self.values):
            message = "each schema once"
            raise ValueError(message)
        return self
