"""What a worker says of itself beside the log, where it can be read when all else is down."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from torghut.schemas.context import DecisionIdText
from torghut.schemas.control import Reasoned, Revision
from torghut.schemas.decision import ModeName
from torghut.schemas.live.delivery import Degraded, LiveState, Speed, SwitchName
from torghut.schemas.live.position import PositionText
from torghut.schemas.types import (
    Added,
    Identifier,
    Message,
    Nanoseconds,
    Real,
    SafeCount,
    Sha256,
    Symbol,
)


class SwitchThrownFile(Message):
    """A switch, thrown by a file: read by every worker, recorded by each log, never released here.

    The file's name says which switch. A file that cannot be read counts as thrown too.
    """

    type: Literal["live.switch-thrown.v1"] = "live.switch-thrown.v1"
    name: SwitchName
    throw_id: Annotated[Identifier, Field(description="Of this throw alone.")]
    reason: Reasoned
    who: Annotated[str, Field(min_length=1, max_length=200, description="User and machine.")]
    thrown_wall_ns: Nanoseconds
    revisions: Annotated[
        tuple[Revision, ...],
        Added,
        Field(
            max_length=16,
            description="That last-stable-revision fences; none: the one that reads it first.",
        ),
    ] = ()


class SwitchStanding(Message):
    """A switch that is in force for a worker."""

    name: SwitchName
    throw_id: Annotated[
        str, Field(description="Of this throw alone; its record's id where no file threw it.")
    ]
    who: str
    reason: str
    thrown_wall_ns: Annotated[Nanoseconds | None, Field(description="Null where nobody knows.")]
    recorded: Annotated[bool, Field(description="Whether the log has it.")]


class Acknowledged(Message):
    """A throw or drill that this worker has read; nothing is published without it from here on."""

    throw_id: Identifier
    wall_ns: Nanoseconds


class DegradedSince(Message):
    """Something that is not as it should be."""

    code: Degraded
    since_wall_ns: Nanoseconds
    detail: Annotated[str, Field(max_length=600)]


class OpenOrder(Message):
    """An order that the consumer may still be working on."""

    decision_id: Annotated[DecisionIdText, Field(description="The decision behind it.")]
    quantity: Annotated[Real, Field(description="From the position to the target.")]


class SymbolStatus(Message):
    """What holds for one symbol."""

    symbol: Symbol
    mode: ModeName
    notional_cap: Real
    position: Real
    position_basis: Literal["paper", "reported"]
    target: Real
    decisions: SafeCount
    order: Annotated[
        OpenOrder | SkipJsonSchema[None],
        Added,
        Field(
            description="Live: that of the standing target, while it may still be filled.",
        ),
    ] = None


OutcomesWithin = Annotated[
    tuple[SafeCount, ...],
    Field(
        max_length=64,
        description="Outcomes that became durable within each time since the process started; the "
        "times are the upper bounds of torghut_live_ingress_to_durable_seconds, all that came "
        "later included in the last count.",
    ),
]
"""Never falling from one to the next."""


class WorkerStatus(Message):
    """Everything about one worker, as of ``written_wall_ns``."""

    type: Literal["live.worker-status.v1"] = "live.worker-status.v1"
    worker: Identifier
    pid: SafeCount
    phase: Annotated[
        Literal["starting", "serving", "draining", "ended"], Field(description="Of its life.")
    ]
    started_wall_ns: Nanoseconds
    written_wall_ns: Nanoseconds
    log: Annotated[str, Field(description="Path of the log.")]
    api: Annotated[str, Field(description="Where it listens; empty where it does not.")]
    source: Annotated[str, Field(description="What it decides, as it was named.")]
    speed: Speed
    state: LiveState
    reason: Annotated[str, Field(max_length=600)]
    position: PositionText | None
    contexts: Annotated[SafeCount, Field(description="Taken by the log, refused ones included.")]
    decisions: SafeCount
    refused: SafeCount
    control_records: SafeCount
    last_decision_wall_ns: Annotated[Nanoseconds | None, Field(description="Null: none yet.")]
    lag_ms: Annotated[Real | None, Field(description="Null where nothing is measured.")]
    pending: Annotated[SafeCount, Field(description="Contexts taken in and not yet durable.")]
    subscribers: SafeCount
    symbols: Annotated[
        tuple[SymbolStatus, ...], Field(max_length=20, description="The first twenty.")
    ]
    packages: Annotated[dict[str, Sha256], Field(description="Serving, by router name.")]
    declarations: Annotated[str, Field(description="Digest of those in force.")]
    kernel_version: SafeCount
    revision: Annotated[
        str,
        Added,
        Field(
            max_length=128,
            description="What decides here, as one deployed thing.",
        ),
    ] = ""
    switches: tuple[SwitchStanding, ...]
    latch: Annotated[bool, Field(description="Whether the stop latch is closed for any symbol.")]
    degraded: tuple[DegradedSince, ...]
    acknowledged: Annotated[tuple[Acknowledged, ...], Field(max_length=16)]
    durable_within: Annotated[OutcomesWithin, Added] = ()
