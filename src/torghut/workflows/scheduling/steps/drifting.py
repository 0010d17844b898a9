"""A cycle's look at drift: measured on what the loop did, judged, and acted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torghut.governance.rollouts.evidence import Subject
from torghut.governance.safety.drift_actions import TakeVerdict
from torghut.schemas.governing.drift import ActionWithheld, DriftEvent, DriftVerdict
from torghut.schemas.rollout.run import DriftStatus, candidate_digest
from torghut.workflows.aggregates import DRIFT
from torghut.workflows.scheduling.office import MS, Office, Turn
from torghut.workflows.scheduling.ports import DriftMeasured

LOOP: Subject = Subject(run_id="loop", candidate_id="loop")
"""What is measured while no candidate was ever run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSeen:
    """What a cycle knows of drift.

    Attributes:
        status: As the manifest says it.
        measured: The verdict with its evidence.
    """

    status: DriftStatus
    measured: DriftMeasured


async def look_for_drift(office: Office, turn: Turn, subject: Subject | None) -> DriftSeen:
    """Measure and judge drift, and put on record what follows from it."""
    about = subject or LOOP
    window_ns = office.policies.scheduler.window_ms * MS
    measured = await office.drift.measure(
        about, from_ns=max(0, turn.now_ns - window_ns), to_ns=turn.now_ns
    )
    before = (await office.governance.state(DRIFT)).last
    command = TakeVerdict(
        evaluation=1 if before is None else before.evaluation + 1,
        at_ns=turn.now_ns,
        verdict=measured.verdict,
        candidate=candidate_digest(about.candidate_id),
        policy=office.policies.drift,
    )
    events = await office.governance.run(DRIFT, command)
    return DriftSeen(status=_status(measured.verdict, events), measured=measured)


def _status(verdict: DriftVerdict, events: Sequence[DriftEvent]) -> DriftStatus:
    """Return what a verdict is called in a manifest; drift whose action rests is drift."""
    if verdict.status == "drifted":
        withheld = any(isinstance(event, ActionWithheld) for event in events)
        return "cooldown" if withheld else "detected"
    return verdict.status
