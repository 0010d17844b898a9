"""The note of one scheduler cycle, as its machine block says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from torghut.schemas.governing.continuity import NoSignalReason
from torghut.schemas.governing.fields import Evidence, Ordinal
from torghut.schemas.rollout.gates import Reason
from torghut.schemas.rollout.phases import Target
from torghut.schemas.rollout.run import DriftStatus
from torghut.schemas.scheduling.advice import AdviceNoted
from torghut.schemas.scheduling.cycles import CycleOutcome
from torghut.schemas.types import (
    Added,
    Identifier,
    Message,
    Nanoseconds,
    Real,
    SafeCount,
    Sha256,
)


class Throughput(Message):
    """What the loop got through since the cycle before."""

    signals: Annotated[SafeCount, Field(description="Contexts, refused ones included.")]
    decisions: SafeCount
    window_ns: Annotated[Nanoseconds, Field(description="On the receive clock.")]
    decisions_per_s: Annotated[Real | None, Field(ge=0, description="Null for no window.")]


class IterationNote(Message):
    """What one cycle of the scheduler did, found and left behind."""

    type: Literal["rollout.iteration-note.v1"] = "rollout.iteration-note.v1"
    iteration: Annotated[Ordinal, Field(description="In the note's name; each is used once.")]
    cycle: Ordinal
    epoch: Ordinal
    holder: Identifier
    began_at_ns: Nanoseconds
    outcome: CycleOutcome
    reason: Reason
    no_signal: Annotated[NoSignalReason | None, Field(description="Null where there were some.")]
    phase_manifest: Annotated[Evidence | None, Field(description="Null before the first run.")]
    manifest_status: Literal["pass", "fail", "not-final"] | None
    emergency_stop_evidence: Annotated[
        Evidence | None, Field(description="Of the stop in force; null while there is none.")
    ]
    rollback_evidence: Annotated[
        Evidence | None, Field(description="Of the rollback under way or done; else null.")
    ]
    drift_status: DriftStatus | None
    drift_evidence: Annotated[Evidence | None, Field(description="Of what was measured.")]
    continuity_alert: bool
    requested_promotion_target: Target | None
    missing_for_live: tuple[Reason, ...]
    throughput: Throughput
    recommendation_trace_ids: Annotated[
        tuple[Sha256, ...],
        Field(description="Lineage of the stages that lead to what the lane recommends."),
    ]
    remarks: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=500)], ...],
        Field(max_length=50, description="What else a reader should know, in words."),
    ]
    advice: Annotated[
        AdviceNoted | SkipJsonSchema[None],
        Added,
        Field(description="As the log shows it; left out where nobody could look."),
    ] = None
