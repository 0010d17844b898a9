"""What a run is admitted for: live only where the cycle allows it and the candidate is approved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from torghut.governance.approvals.validity import Approved, NotApproved
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.schemas.rollout.phases import Target
from torghut.workflows.lane.ports import Admission, LaneWork

Requested = Mapping[Target, tuple[Target, tuple[str, ...]]]
"""By target asked: the target to request, and what was missing for it."""

Approving = Callable[[str], Awaitable[Approved | NotApproved]]
"""Returns the approval of what has a digest, or why none holds."""

Admitting = Callable[[CandidateSubmitted, LaneWork], Awaitable[Admission]]
"""Says what a candidate's run is admitted for."""

ON_PAPER: Final[Requested] = MappingProxyType(
    {"paper": ("paper", ()), "live": ("paper", ("admission-not-decided",))}
)
"""What is requested where no cycle has said what may be."""

_SHOWN: Final = 12


def admitting(requested: Requested, approving: Approving) -> Admitting:
    """Return what admits runs as a cycle allows, and to live only a candidate that is approved."""

    async def admit(submission: CandidateSubmitted, work: LaneWork) -> Admission:
        asked = submission.asked
        target, missing = requested[asked.target]
        back = rollback_target(submission, work)
        if target == "paper":
            return Admission(target="paper", missing=missing, rollback_target=back)
        spec = asked.candidate
        found = await approving(spec.package or spec.declarations or "")
        if isinstance(found, NotApproved):
            lacking = (*missing, found.code.replace(".", "-"))
            return Admission(target="paper", missing=lacking, rollback_target=back)
        return Admission(
            target="live",
            notional_cap=float(found.promotion.notional_cap),
            approver=found.approvers[0].name,
            rollback_target=back,
        )

    return admit


def rollback_target(submission: CandidateSubmitted, work: LaneWork) -> str:
    """Return what would serve again if the candidate were taken back."""
    candidate, replaced = submission.asked.candidate, work.patch.replaces
    if candidate.kind != "package":
        return f"declarations-{work.inputs.champion_declarations[:_SHOWN]}"
    return f"{candidate.router}@{replaced[:_SHOWN]}" if replaced else "defensive-weights"
