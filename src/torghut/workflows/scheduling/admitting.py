"""What a run of the lane is admitted for: live only while nothing is missing for its candidate."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from torghut.governance.approvals.validity import Approved, best_approval
from torghut.governance.rollouts.target import LiveFacts, decide_target
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.workflows.aggregates import DRIFT, SIGNALS, Governance
from torghut.workflows.approving.office import Office
from torghut.workflows.lane.naming import candidate_digest_of
from torghut.workflows.lane.ports import Admission, LaneWork
from torghut.workflows.lane.working import admit_on_paper
from torghut.workflows.staging.climbing import ladder_standing

_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What an admission looks into.

    Attributes:
        governance: The streams.
        office: Of approvals.
        roadmap: The declared stages.
        allow_live: Whether the scheduler is declared to allow live at all.
        evidence_max_age_ms: Of drift evidence that may speak for live.
    """

    governance: Governance
    office: Office
    roadmap: StageRoadmap
    allow_live: bool
    evidence_max_age_ms: int

    async def admit(self, submission: CandidateSubmitted, work: LaneWork) -> Admission:
        """Return what a candidate's run may ask for now."""
        paper = await admit_on_paper(submission, work)
        digest = candidate_digest_of(submission.asked.candidate) or ""
        found = best_approval(
            await self.office.approvals(), self.office.now_ns, self.office.policy, digest
        )
        standing = await ladder_standing(self.governance.streams, self.roadmap)
        approved = found[1] if isinstance(found, tuple) else None
        facts = LiveFacts(
            allow_live=self.allow_live,
            approval_fault=None if isinstance(found, tuple) else found.code.replace(".", "-"),
            drift_fault=await self._drift_fault(),
            continuity_alert=(await self.governance.state(SIGNALS)).alert_id is not None,
            stage_target=standing.allowed.target,
        )
        target, missing = decide_target(submission.asked.target, facts)
        return Admission(
            target=target,
            missing=missing,
            notional_cap=_cap(approved, standing.cap) if target == "live" else None,
            approver=None if approved is None else approved.approvers[0].name,
            rollback_target=paper.rollback_target,
        )

    async def _drift_fault(self) -> str | None:
        """Return why the last drift evidence does not speak for live; None where it does."""
        last = (await self.governance.state(DRIFT)).last
        if last is None:
            return "drift-evidence-missing"
        age_ns = self.office.now_ns - last.at_ns
        if not 0 <= age_ns <= self.evidence_max_age_ms * _NS_PER_MS:
            return "drift-evidence-stale"
        return None if last.verdict.status == "stable" else "drift-evidence-not-stable"


def _cap(approved: Approved | None, given: Decimal) -> float:
    """Return what a live candidate may trade: what was approved, and no more than is given."""
    return float(given if approved is None else min(given, approved.promotion.notional_cap))
