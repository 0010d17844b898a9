"""Files that gates and rollbacks cite as evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from torghut.schemas.rollout.gates import Reason, Unit
from torghut.schemas.rollout.phases import GateId
from torghut.schemas.rollout.run import RunId
from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount


class GateEvidence(Message):
    """What was measured for one gate of one run; the gate's row says the same, or is forged."""

    type: Literal["rollout.gate-evidence.v1"] = "rollout.gate-evidence.v1"
    run_id: RunId
    gate: GateId
    value: Real | None
    unit: Unit | None
    n: Annotated[SafeCount | None, Field(description="Observations behind the value.")]
    measured_at_ns: Annotated[Nanoseconds, Field(description="By the clock of the lane.")]


class RollbackIncident(Message):
    """That a candidate was taken back: which, why and when."""

    type: Literal["rollout.rollback-incident.v1"] = "rollout.rollback-incident.v1"
    incident_id: Identifier
    run_id: RunId
    candidate_id: Identifier
    reasons: Annotated[tuple[Reason, ...], Field(min_length=1)]
    triggered_at_ns: Annotated[Nanoseconds, Field(description="By the clock of the scheduler.")]
