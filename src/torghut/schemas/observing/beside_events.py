"""Lines about processes that run beside the service."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.schemas.observing.log_event import LogEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernanceStarted(LogEvent):
    """A scheduler was started beside the service; it governs once it holds the lease."""

    name = "governance.started"
    level = "info"

    pid: int
    starts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernanceDied(LogEvent):
    """The scheduler beside the service ended unasked; it is started again.

    One that did not start has -1 for an exit code.
    """

    name = "governance.died"
    level = "error"

    exit_code: int
    detail: str
    lasted_seconds: float
    again_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernanceEnded(LogEvent):
    """The scheduler beside the service ended because the service does."""

    name = "governance.ended"
    level = "info"

    exit_code: int
    killed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningStarted(LogEvent):
    """A process that asks for advice was started beside the service."""

    name = "reasoning.started"
    level = "info"

    pid: int
    starts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningDied(LogEvent):
    """The process that asks for advice ended unasked; it is started again.

    One that did not start has -1 for an exit code.
    """

    name = "reasoning.died"
    level = "error"

    exit_code: int
    detail: str
    lasted_seconds: float
    again_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningEnded(LogEvent):
    """The process that asks for advice ended because the service does."""

    name = "reasoning.ended"
    level = "info"

    exit_code: int
    killed: bool
