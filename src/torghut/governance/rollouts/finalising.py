"""What the safety controls say of a run: the rules of runtime governance and of rollback proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from torghut.governance.rollouts.evidence import INCIDENT_SCHEMA, EvidenceFault, Examined
from torghut.governance.rollouts.judging import digest_faults
from torghut.schemas.rollout.events import (
    RollbackEvidence,
    RollbackJudged,
    RuntimeAdvice,
    RuntimeJudged,
)
from torghut.schemas.rollout.gates import EvidenceReference
from torghut.schemas.rollout.run import DriftStatus

_NO_EVIDENCE: Final = RollbackEvidence(
    drift_last_detection_path=None,
    drift_last_action_path=None,
    drift_last_outcome_path=None,
    rollback_incident_evidence_path=None,
)

NO_INCIDENT: Final = "incident-missing"
NOT_IN_FORCE: Final = "rollback-not-in-force"
_CONTESTED: Final = "evidence-contested"
"""One path, two digests: nobody could say which is meant, so neither is cited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackFacts:
    """What is known of a rollback, with every piece of evidence examined by whoever says so.

    Attributes:
        triggered: Whether the latch says that the candidate is to be taken back.
        in_force: Whether the first decisions since then show that it was.
        incident: What shows that it was.
        detection: What was detected.
        action: What was done about it.
        outcome: What came of it.
    """

    triggered: bool
    in_force: bool = False
    incident: Examined | None = None
    detection: Examined | None = None
    action: Examined | None = None
    outcome: Examined | None = None


def judge_rollback(
    facts: RollbackFacts, *, known: Sequence[EvidenceReference] = ()
) -> RollbackJudged:
    """Return what the rollback-proof rule makes of ``facts``.

    Not triggered: pass, and whatever evidence is offered is left out, so nothing stale leaks in.
    Triggered: pass only with an incident, with nothing offered that is not as cited, and once the
    rollback is in force.

    Args:
        facts: What is known of a rollback.
        known: What the run cites already; one path cannot have two digests.
    """
    if not facts.triggered:
        return RollbackJudged(status="pass", reason=None, triggered=False, evidence=_NO_EVIDENCE)
    reason = _rollback_fault(facts, known)
    return RollbackJudged(
        status="pass" if reason is None else "fail",
        reason=reason,
        triggered=True,
        evidence=_NO_EVIDENCE if reason == _CONTESTED else _evidence(facts),
    )


def _rollback_fault(facts: RollbackFacts, known: Sequence[EvidenceReference]) -> str | None:
    """Return why a rollback is not proven; None where it is."""
    offered = (facts.detection, facts.action, facts.outcome, facts.incident)
    sound = [one.reference for one in offered if one is not None and one.fault is None]
    if any(digest_faults([*known, *sound])):
        return _CONTESTED
    if facts.incident is None:
        return NO_INCIDENT
    if facts.incident.reference.schema_ != INCIDENT_SCHEMA:
        return f"evidence-{EvidenceFault.WRONG_SCHEMA}"
    faults = [one.fault for one in offered if one is not None and one.fault is not None]
    if faults:
        return f"evidence-{faults[0]}"
    return None if facts.in_force else NOT_IN_FORCE


def _evidence(facts: RollbackFacts) -> RollbackEvidence:
    """Return what is to be cited of what was offered."""
    return RollbackEvidence(
        drift_last_detection_path=_sound(facts.detection),
        drift_last_action_path=_sound(facts.action),
        drift_last_outcome_path=_sound(facts.outcome),
        rollback_incident_evidence_path=_sound(facts.incident),
    )


def _sound(offered: Examined | None) -> EvidenceReference | None:
    """Return what is cited, if it was found as cited."""
    return offered.reference if offered is not None and offered.fault is None else None


def judge_runtime(
    *, drift_status: DriftStatus | None, triggered: bool, advice: RuntimeAdvice | None = None
) -> RuntimeJudged:
    """Return what the runtime-governance rule makes of drift and of the rollback latch.

    How advice stands is observed beside it: its level is a service level of the loop, and no
    candidate's merit or fault.
    """
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
        advice=advice,
    )
