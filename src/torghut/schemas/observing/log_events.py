"""Every line that the service writes into its own log: a fixed name, a level, and typed fields.

Sentences cannot be counted or searched, so a line is an event. No event has a field for a secret,
a payload or a prompt. ``docs/reference/log-events.md`` is made from this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from torghut.schemas.live.delivery import Degraded, SwitchName
from torghut.schemas.observing.log_event import LogEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeStarted(LogEvent):
    """The process begins; the log is not open yet."""

    name = "serve.started"
    level = "info"

    version: str
    kernel_version: int
    pid: int
    source: str
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeReady(LogEvent):
    """State is restored, the log is writable, and contexts are decided from here on."""

    name = "serve.ready"
    level = "info"

    position: str
    symbols: int
    api: str
    start_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeDraining(LogEvent):
    """The service was asked to end: it takes nothing new and decides what waits."""

    name = "serve.draining"
    level = "info"

    waiting: int
    budget_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeEnded(LogEvent):
    """The last line of a process that ended by itself."""

    name = "serve.ended"
    level = "info"

    exit_code: int
    error_code: str
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockCommitted(LogEvent):
    """A block became durable and was told."""

    name = "loop.block-committed"
    level = "debug"

    block: int
    contexts: int
    refused: int
    control_records: int
    decide_seconds: float
    commit_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvisedLate(LogEvent):
    """A decision that had waited for advice was handed over after its budget."""

    name = "loop.advised-late"
    level = "warning"

    context_id: str
    late_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAway(LogEvent):
    """Nothing can become durable for now; nothing is told until it can."""

    name = "loop.log-away"
    level = "error"

    error_code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBack(LogEvent):
    """The log is had again."""

    name = "loop.log-back"
    level = "info"

    away_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotMissed(LogEvent):
    """A snapshot was not kept; the next start takes longer."""

    name = "loop.snapshot-missed"
    level = "warning"

    block: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradedBegun(LogEvent):
    """Something is not as it should be."""

    name = "degraded.begun"
    level = "warning"

    code: Degraded
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradedEnded(LogEvent):
    """It is as it should be again."""

    name = "degraded.ended"
    level = "info"

    code: Degraded
    lasted_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchTaken(LogEvent):
    """A switch file was read; nothing is told without it from here on."""

    name = "switch.taken"
    level = "warning"

    switch: SwitchName
    throw_id: str
    who: str
    reason: str
    drill: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRecorded(LogEvent):
    """A switch, thrown or released, is on the record."""

    name = "switch.recorded"
    level = "warning"

    switch: SwitchName
    state: Literal["thrown", "released"]
    control_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRefused(LogEvent):
    """A control record cannot hold; it is kept with its code and has no effect."""

    name = "control.refused"
    level = "warning"

    control_id: str
    kind: str
    symbol: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberLetGo(LogEvent):
    """A subscriber took nothing for too long; it may come back and go on where it was."""

    name = "subscriber.let-go"
    level = "warning"

    silent_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderLetGo(LogEvent):
    """A sender on a socket was let go: a line of it was not taken, and nothing after it."""

    name = "sender.let-go"
    level = "warning"

    error_code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorRefused(LogEvent):
    """A request was refused at the door."""

    name = "door.refused"
    level = "warning"

    code: str
    route: str
    method: str
    caller: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationAccepted(LogEvent):
    """A control record that changes what may be done was let in; the log has what became of it."""

    name = "door.operation-accepted"
    level = "info"

    caller: str
    control_id: str
    kind: str
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsAccepted(LogEvent):
    """Control records that say what happened were let in; the log has what became of each."""

    name = "door.reports-accepted"
    level = "info"

    caller: str
    records: int
    first_control_id: str
    last_control_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensUnread(LogEvent):
    """Nobody can tell which tokens are good, so nobody new is let in; what is open goes on."""

    name = "door.tokens-unread"
    level = "error"

    error_code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTakenUp(LogEvent):
    """A partition of market context is decided here from now on."""

    name = "partition.taken-up"
    level = "info"

    partition: int
    block: int
    offset: int
    published: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionGivenBack(LogEvent):
    """A partition was given back; everything that was decided of it is durable and published."""

    name = "partition.given-back"
    level = "info"

    partition: int
    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionLost(LogEvent):
    """Another worker took a partition over while this one held it: this one joins anew."""

    name = "partition.lost"
    level = "warning"

    partition: int
    error_code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTroubled(LogEvent):
    """A partition cannot be taken up, or not be gone on with; it is tried again later."""

    name = "partition.troubled"
    level = "error"

    partition: int
    error_code: str
    detail: str
    again_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerLost(LogEvent):
    """The broker does not answer this worker, which tries to join again."""

    name = "broker.lost"
    level = "warning"

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerRefused(LogEvent):
    """The broker answers this worker that it will not be read from; it is asked again later."""

    name = "broker.refused"
    level = "error"

    error_code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingFailed(LogEvent):
    """Traces could not be exported; the service goes on without them."""

    name = "tracing.failed"
    level = "warning"

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect(LogEvent):
    """An error that nobody foresaw; please report it with this line."""

    name = "defect"
    level = "error"

    where: str
    error: str
    detail: str


LOG_EVENTS: Final[Sequence[type[LogEvent]]] = tuple(
    value
    for value in tuple(globals().values())
    if isinstance(value, type) and issubclass(value, LogEvent) and value is not LogEvent
)
"""All of them, in the order in which they stand here."""
