"""What a run of the lane is admitted for: live only while nothing is missing for its candidate."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from torghut.governance.approvals.validity import Approved
from torghut.governance.rollouts.target import decide_target
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.workflows.approving.answering import approval_of
from torghut.workflows.approving.grounds import LiveGrounds
from torghut.workflows.approving.office import Office
from torghut.workflows.lane.desk.admitting import rollback_target
from torghut.workflows.lane.naming import candidate_digest_of, candidate_id_of
from torghut.workflows.lane.ports import Admission, LaneWork
from torghut.workflows.staging.climbing import ladder_standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What an admission looks into.

    Attributes:
        office: Of approvals.
        grounds: What else speaks for live.
        roadmap: The declared stages.
    """

    office: Office
    grounds: LiveGrounds
    roadmap: StageRoadmap

    async def admit(self, submission: CandidateSubmitted, work: LaneWork) -> Admission:
        """Return what a candidate's run may ask for now."""
        candidate = submission.asked.candidate
        found = await approval_of(self.office, candidate_digest_of(candidate) or "")
        approved = found[1] if isinstance(found, tuple) else None
        facts = await self.grounds.facts(
            candidate_id_of(candidate),
            now_ns=await self.office.now(),
            approval_fault=None if isinstance(found, tuple) else found.code.replace(".", "-"),
        )
        target, missing = decide_target(submission.asked.target, facts)
        cap = (await ladder_standing(self.office.streams, self.roadmap)).cap
        return Admission(
            target=target,
            missing=missing,
            notional_cap=_cap(approved, cap) if target == "live" else None,
            approver=None if approved is None else approved.approvers[0].name,
            rollback_target=rollback_target(submission, work),
        )


def _cap(approved: Approved | None, given: Decimal) -> float:
    """Return what a live candidate may trade: what was approved, and no more than is given."""
    return float(given if approved is None else min(given, approved.promotion.notional_cap))
