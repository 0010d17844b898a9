"""The stop latch on record: what was read at each evaluation, and each stop with its evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.control import Reasoned
from torghut.schemas.decision import ModeName
from torghut.schemas.governing.fields import (
    ArtifactPath,
    Ordinal,
    Person,
    Reading,
)
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds, Real, SafeCount, Sha256

Trigger = Literal[
    "signal-lag",
    "staleness-streak",
    "lane-failure-streak",
    "fallback-ratio",
    "drawdown",
    "universe-unavailable",
    "evidence-corrupt",
]
"""What stops the loop."""

IncidentId = Annotated[str, Field(pattern=r"^incident-[0-9a-f]{64}$")]


class SafetyReadings(Message):
    """What one evaluation of the safety controls is told."""

    mode: ModeName
    session: Annotated[
        Literal["open", "closed", "unknown"], Field(description="Unknown counts as open.")
    ]
    lag_ms: Reading
    signal_age_ms: Annotated[Reading, Field(description="Of the newest signal.")]
    lane: Annotated[
        Literal["completed", "failed", "none"],
        Field(description="How the cycle's lane run ended; none: there was no run."),
    ]
    fallback_ratio: Reading
    drawdown_ratio: Annotated[Reading, Field(description="Of the portfolio, from its peak.")]
    universe: Literal["available", "unavailable", "unknown"]
    evidence: Literal["intact", "corrupt", "unknown"]


class Breach(Message):
    """A trigger whose limit is reached, or of which nothing is known."""

    trigger: Trigger
    reason: Literal["reached", "unmeasured"]
    value: Annotated[Real | None, Field(description="Null where nothing is known.")]
    threshold: Real
    unit: Literal["ms", "evaluations", "ratio", "flag"]


class SafetyEvaluated(Message):
    """The safety controls were evaluated; the streaks are those after it."""

    type: Literal["safety.evaluated.v1"] = "safety.evaluated.v1"
    evaluation: Ordinal
    at_ns: Nanoseconds
    policy: Annotated[Sha256, Field(description="Of the declared safety policy.")]
    readings: SafetyReadings
    breaches: tuple[Breach, ...]
    staleness_streak: SafeCount
    lane_failure_streak: SafeCount
    clean_streak: Annotated[SafeCount, Field(description="Clean evaluations in a row.")]


class _WithEvidence(Message):
    """What every event carries that adds to an incident."""

    incident_id: IncidentId
    evaluation: Ordinal
    at_ns: Nanoseconds
    triggers: Annotated[tuple[Trigger, ...], Field(min_length=1)]
    rollback_incident_evidence_path: ArtifactPath
    rollback_incident_evidence_sha256: Sha256


class LoopStopped(_WithEvidence):
    """The stop latch closed."""

    type: Literal["safety.loop-stopped.v1"] = "safety.loop-stopped.v1"


class IncidentExtended(_WithEvidence):
    """More triggers came while the loop was stopped; all of them are named."""

    type: Literal["safety.incident-extended.v1"] = "safety.incident-extended.v1"


class LoopRecovered(Message):
    """The latch opened by itself: its triggers recover, and enough evaluations were clean."""

    type: Literal["safety.loop-recovered.v1"] = "safety.loop-recovered.v1"
    incident_id: IncidentId
    evaluation: Ordinal
    at_ns: Nanoseconds


class ReleaseRequested(Message):
    """A first person wants a live loop released; a second one must say so too."""

    type: Literal["safety.release-requested.v1"] = "safety.release-requested.v1"
    incident_id: IncidentId
    triggers: tuple[Trigger, ...]
    person: Person
    reason: Reasoned
    at_ns: Nanoseconds
    expires_at_ns: Nanoseconds


class LoopReleased(Message):
    """People opened the latch."""

    type: Literal["safety.loop-released.v1"] = "safety.loop-released.v1"
    incident_id: IncidentId
    triggers: tuple[Trigger, ...]
    persons: Annotated[tuple[Person, ...], Field(min_length=1, max_length=2)]
    reason: Annotated[Reasoned, Field(description="As the last of them gave it.")]
    at_ns: Nanoseconds


class ReleaseStatement(Message):
    """What a signature of a release covers, as canonical JSON in a DSSE envelope."""

    type: Literal["safety.release-statement.v1"] = "safety.release-statement.v1"
    latch: Annotated[Identifier, Field(description="Which one; so it fits no other.")]
    incident_id: IncidentId
    triggers: Annotated[
        tuple[Trigger, ...], Field(min_length=1, description="All of them, sorted.")
    ]
    reason: Reasoned
    signed_at_ns: Annotated[Nanoseconds, Field(description="Wall time.")]


class ReleaseSigned(Message):
    """The signature under the event before it, kept so that anybody can verify it again."""

    type: Literal["safety.release-signed.v1"] = "safety.release-signed.v1"
    incident_id: IncidentId
    person: Person
    envelope: Annotated[str, Field(max_length=8192, description="DSSE, as it was handed in.")]
    at_ns: Nanoseconds


LatchEvent = Annotated[
    SafetyEvaluated
    | LoopStopped
    | IncidentExtended
    | LoopRecovered
    | ReleaseRequested
    | LoopReleased
    | ReleaseSigned,
    Field(discriminator="type"),
]

LATCH_EVENT: TypeAdapter[LatchEvent] = TypeAdapter(LatchEvent, config=UNION)
"""Parses any event of the stop latch."""


class StopIncident(Message):
    """The file that proves why the latch closed, or why it stays closed."""

    type: Literal["safety.stop-incident.v1"] = "safety.stop-incident.v1"
    incident_id: IncidentId
    latch: Identifier
    extension: Annotated[SafeCount, Field(description="0 for the stop itself, then counting up.")]
    triggers: Annotated[tuple[Trigger, ...], Field(min_length=1)]
    evaluated: SafetyEvaluated
