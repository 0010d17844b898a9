"""How governance says that it is there, where no API and no log is needed to hear it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.governing.fields import ArtifactPath, Ordinal
from torghut.schemas.governing.latch import IncidentId, Trigger
from torghut.schemas.rollout.gates import Reason
from torghut.schemas.scheduling.cycles import CycleOutcome
from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount

TTL_MAX_MS: Final = 3_600_000
"""Nobody is heard for longer than an hour by one beat."""


class GovernanceBeat(Message):
    """The holder of governance's lease is there; each worker records when that ends.

    The worker stamps it on its own receive clock when it reads it: no clock of another process is
    believed. One that was there before the worker began says nothing.
    """

    type: Literal["live.governance-beat.v1"] = "live.governance-beat.v1"
    epoch: Annotated[SafeCount, Field(ge=1, description="Of the lease.")]
    number: Annotated[SafeCount, Field(description="Another one with each beat of an epoch.")]
    ttl_ms: Annotated[int, Field(ge=1, le=TTL_MAX_MS, strict=True)]


class CyclesCounted(Message):
    """How many cycles ended how, since their scheduler began."""

    lane_completed: SafeCount
    lane_execution_failed: SafeCount
    blocked_no_signal: SafeCount


class LastCycle(Message):
    """The last cycle that is over."""

    cycle: Ordinal
    outcome: CycleOutcome
    reason: Reason
    note: ArtifactPath
    at_ns: Annotated[Nanoseconds, Field(description="Of the cycle; live, that is wall time.")]


class LatchClosed(Message):
    """What keeps the stop latch closed."""

    incident_id: IncidentId
    since_ns: Nanoseconds
    triggers: Annotated[tuple[Trigger, ...], Field(min_length=1)]
    live: Annotated[bool, Field(strict=True, description="true: two people release it.")]
    recovers: Annotated[bool, Field(strict=True, description="Whether it may open by itself.")]


class ManifestStands(Message):
    """The current phase manifest, as the last cycle left it."""

    path: ArtifactPath
    status: Literal["pass", "fail", "not-final"]


class GovernanceStanding(Message):
    """How governance stands, for those who must know while its log cannot be read.

    The log is what counts; this is replaced after each cycle, and what came since is not in it.
    """

    type: Literal["live.governance-standing.v1"] = "live.governance-standing.v1"
    holder: Identifier
    epoch: Annotated[SafeCount, Field(ge=1, description="Of the lease.")]
    pid: Annotated[SafeCount, Field(ge=1)]
    log: Annotated[str, Field(description="The decision log that it governs.")]
    written_wall_ns: Nanoseconds
    every_s: Annotated[Real, Field(gt=0, description="The declared length of a cycle.")]
    cycles: CyclesCounted
    last: Annotated[LastCycle | None, Field(description="Null before the first.")]
    latch: Annotated[LatchClosed | None, Field(description="Null while it is open.")]
    manifest: Annotated[ManifestStands | None, Field(description="Null before the first run.")]
    ended: Annotated[bool, Field(strict=True, description="Whether it let go in good order.")]
