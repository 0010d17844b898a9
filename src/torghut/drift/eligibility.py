"""Whether evidence of drift is enough for a candidate that is to trade live money."""

from __future__ import annotations

from enum import StrEnum

from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.schemas.governing.drift_evidence import DriftDetection
from torghut.schemas.types import message_digest


class Ineligible(StrEnum):
    """Why evidence of drift does not count for a live target."""

    MISSING = "drift-evidence-missing"
    OF_ANOTHER_CANDIDATE = "drift-evidence-of-another-candidate"
    OF_ANOTHER_POLICY = "drift-evidence-of-another-policy"
    FUTURE = "drift-evidence-future"
    STALE = "drift-evidence-stale"
    NOT_STABLE = "drift-evidence-not-stable"
    UNMEASURED = "drift-evidence-unmeasured"


def ineligible(
    detection: DriftDetection | None, *, candidate_id: str, policy: DriftPolicy, now_ns: int
) -> Ineligible | None:
    """Return why ``detection`` does not count for a live target of a candidate; None if it does.

    Its age is that of the window's end, not of the file: an old window measured anew is old.

    Args:
        detection: As read from its file and examined; None where there is none.
        candidate_id: Of the candidate that is to be promoted.
        policy: In force: what another one called stable is not known to be.
        now_ns: Receive clock.
    """
    if detection is None:
        return Ineligible.MISSING
    verdict = detection.verdict
    unmeasured = any(finding.status == "unmeasured" for finding in verdict.findings)
    age_ns = now_ns - verdict.to_ns
    faults = {
        Ineligible.OF_ANOTHER_CANDIDATE: detection.candidate_id != candidate_id,
        Ineligible.OF_ANOTHER_POLICY: verdict.policy != message_digest(policy),
        Ineligible.FUTURE: min(age_ns, now_ns - detection.at_ns) < 0,
        Ineligible.STALE: age_ns > policy.evidence_max_age_ms * NS_PER_MS,
        Ineligible.NOT_STABLE: verdict.status == "drifted",
        Ineligible.UNMEASURED: unmeasured or verdict.status != "stable",
    }
    return next((fault for fault, found in faults.items() if found), None)
