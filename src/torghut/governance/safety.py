"""What the safety controls say of a run: the rules of runtime governance and of rollback proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torghut.governance.evidence import INCIDENT_SCHEMA, EvidenceFault, Examined
from torghut.schemas.rollout.events import RollbackEvidence, RollbackJudged, RuntimeJudged
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.rollout.run import DriftStatus

_NO_EVIDENCE: Final = RollbackEvidence(
    drift_last_detection_path=None,
    drift_last_action_path=None,
    drift_last_outcome_path=None,
    rollback_incident_evidence_path=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackFacts:
    """What is known of a rollback, with every piece of evidence examined by whoever says so.

    Attributes:
        triggered: Whether the latch says that the candidate is to be taken back.
        incident: What shows that it was.
        detection: What was detected.
        action: What was done about it.
        outcome: What came of it.
    """

    triggered: bool
    incident: Examined | None = None
    detection: Examined | None = None
    action: Examined | None = None
    outcome: Examined | None = None


def judge_rollback(facts: RollbackFacts) -> RollbackJudged:
    """Return what the rollback-proof rule makes of ``facts``.

    Not triggered: pass, and whatever evidence is offered is left out, so nothing stale leaks in.
    Triggered: pass only with an incident, and with nothing offered that is not as cited.
    """
    if not facts.triggered:
        return RollbackJudged(status="pass", reason=None, triggered=False, evidence=_NO_EVIDENCE)
    offered = (facts.detection, facts.action, facts.outcome, facts.incident)
    faults = [one.fault for one in offered if one is not None and one.fault is not None]
    reason = None
    if facts.incident is None:
        reason = "incident-missing"
    elif facts.incident.reference.schema_ != INCIDENT_SCHEMA:
        reason = f"evidence-{EvidenceFault.WRONG_SCHEMA}"
    elif faults:
        reason = f"evidence-{faults[0]}"
    return RollbackJudged(
        status="pass" if reason is None else "fail",
        reason=reason,
        triggered=True,
        evidence=RollbackEvidence(
            drift_last_detection_path=_sound(facts.detection),
            drift_last_action_path=_sound(facts.action),
            drift_last_outcome_path=_sound(facts.outcome),
            rollback_incident_evidence_path=_sound(facts.incident),
        ),
    )


def _sound(offered: Examined | None) -> EvidenceReference | None:
    """Return what is cited, if it was found as cited."""
    return offered.reference if offered is not None and offered.fault is None else None


def judge_runtime(*, drift_status: DriftStatus | None, triggered: bool) -> RuntimeJudged:
    """Return what the runtime-governance rule makes of drift and of the rollback latch."""
    reason = None
    if triggered:
        reason = "rollback-triggered"
    elif drift_status is None:
        reason = "drift-not-judged"
    elif drift_status != "stable":
        reason = f"drift-{drift_status}"
    return RuntimeJudged(
        status="pass" if reason is None else "fail",
        reason=reason,
        drift_status=drift_status,
        rollback_triggered=triggered,
    )
