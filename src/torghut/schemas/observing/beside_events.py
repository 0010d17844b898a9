"""Lines about processes that run beside the service."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.schemas.observing.log_event import LogEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionStarted(LogEvent):
    """A process was started beside the service."""

    level = "info"

    pid: int
    starts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionDied(LogEvent):
    """A process beside the service ended unasked, or did not start: its exit code is then -1."""

    level = "error"

    exit_code: int
    detail: str
    lasted_seconds: float
    again_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionEnded(LogEvent):
    """A process beside the service ended because the service does."""

    level = "info"

    exit_code: int
    killed: bool


class GovernanceStarted(CompanionStarted):
    """A scheduler was started beside the service; it governs once it holds the lease."""

    name = "governance.started"


class GovernanceDied(CompanionDied):
    """The scheduler beside the service ended unasked; it is started again.

    One that did not start has -1 for an exit code.
    """

    name = "governance.died"


class GovernanceEnded(CompanionEnded):
    """The scheduler beside the service ended because the service does."""

    name = "governance.ended"


class ReasoningStarted(CompanionStarted):
    """A process that asks for advice was started beside the service."""

    name = "reasoning.started"


class ReasoningDied(CompanionDied):
    """The process that asks for advice ended unasked; it is started again.

    One that did not start has -1 for an exit code.
    """

    name = "reasoning.died"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasoningRenewed(LogEvent):
    """The process that asks for advice ended in order and is started again, at once as a rule.

    It does so when another program is promoted.
    """

    name = "reasoning.renewed"
    level = "info"

    lasted_seconds: float
    again_seconds: float


class ReasoningEnded(CompanionEnded):
    """The process that asks for advice ended because the service does."""

    name = "reasoning.ended"
