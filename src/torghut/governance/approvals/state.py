"""What the events of an approval come to: what was asked, who grants it, and the use it was put to.

A use that somebody only wrote into the log ends an approval, and proves nothing: the request and
enough grants must have held when it was made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torghut.governance.approvals.errors import (
    CandidateMismatchError,
    DeniedError,
    ExpiredError,
    GrantsMissingError,
    NotRequestedError,
    RevokedError,
    UsedUpError,
)
from torghut.schemas.declarations.safety import ApprovalPolicy
from torghut.schemas.governing.approvals import (
    ApprovalDenied,
    ApprovalGranted,
    ApprovalRequested,
    ApprovalRevoked,
    ApprovalUsed,
)
from torghut.schemas.governing.fields import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalState:
    """What the events of an approval come to; one that is denied, revoked or used is over."""

    requested: ApprovalRequested | None = None
    grants: tuple[ApprovalGranted, ...] = ()
    denied: ApprovalDenied | None = None
    revoked: ApprovalRevoked | None = None
    used: ApprovalUsed | None = None
    time_ns: int = 0


def open_request(state: ApprovalState) -> ApprovalRequested:
    """Return the request, unless it is over.

    Raises:
        ApprovalError: Nothing was asked for, or it was denied, revoked or used.
    """
    if state.requested is None:
        raise NotRequestedError(expected="a request", found="none")
    if state.denied is not None:
        raise DeniedError(expected="an open request", found=f"denied: {state.denied.reason}")
    if state.revoked is not None:
        raise RevokedError(expected="an open request", found=f"revoked: {state.revoked.reason}")
    if state.used is not None:
        raise UsedUpError(expected="an open request", found=f"used by {state.used.promotion_id}")
    return state.requested


def approvers_of(state: ApprovalState, policy: ApprovalPolicy, at_ns: int) -> tuple[Person, ...]:
    """Return who approves as of ``at_ns``: each key once, and none that granted later.

    Raises:
        ExpiredError: Enough did, and no longer do.
        GrantsMissingError: Too few ever did.
    """
    given = [grant for grant in state.grants if grant.at_ns <= at_ns]
    ever = {grant.approver.key for grant in given}
    holding = {one.approver.key: one.approver for one in given if at_ns < one.expires_at_ns}
    if len(holding) >= policy.grants_required:
        return tuple(holding[key] for key in sorted(holding))
    refusal = ExpiredError if len(ever) >= policy.grants_required else GrantsMissingError
    raise refusal(expected=f"{policy.grants_required} that hold", found=str(len(holding)))


def check_used(state: ApprovalState, policy: ApprovalPolicy) -> ApprovalUsed:
    """Return the use on record, if a request and enough grants that held then stand behind it.

    Args:
        state: Of an approval, folded from what ``signing.verified`` yields.
        policy: As declared now.

    Raises:
        ApprovalError: There is none, or what it was made by does not verify.
    """
    used = state.used
    if used is None:
        raise NotRequestedError(expected="a use on record", found="none")
    asked = open_request(replace(state, used=None)).promotion
    if asked != used.promotion:
        raise CandidateMismatchError(expected=str(asked), found=str(used.promotion))
    approvers_of(state, policy, used.at_ns)
    return used
