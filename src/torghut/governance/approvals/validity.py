"""Whether a candidate may trade with money now: the approval that says so, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torghut.governance.approvals.errors import (
    ApprovalError,
    CandidateMismatchError,
    NotRequestedError,
)
from torghut.governance.approvals.state import ApprovalState, approvers_of, open_request
from torghut.schemas.declarations.safety import ApprovalPolicy
from torghut.schemas.governing.approvals import Promotion
from torghut.schemas.governing.fields import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An approval that holds.

    Attributes:
        expires_at_ns: From then on too few grants hold.
    """

    promotion: Promotion
    approvers: tuple[Person, ...]
    expires_at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApproved:
    """Why none holds.

    Attributes:
        code: Of the refusal, such as ``approvals.expired``.
        says: The same in words.
    """

    code: str
    says: str


def valid_approval(
    state: ApprovalState, now_ns: int, policy: ApprovalPolicy, candidate: str
) -> Approved | NotApproved:
    """Return the approval of ``candidate`` that holds at ``now_ns``, or why there is none.

    Args:
        state: Of an approval, folded from what ``signing.verified`` yields.
        now_ns: On the receive clock; it does not run back behind the last event.
        policy: As declared now.
        candidate: Digest of what would be put in force.
    """
    at_ns = max(now_ns, state.time_ns)
    try:
        asked = None if state.requested is None else state.requested.promotion.candidate
        if asked not in (None, candidate):
            raise CandidateMismatchError(expected=str(asked), found=candidate)
        promotion = open_request(state).promotion
        approvers = approvers_of(state, policy, at_ns)
    except ApprovalError as error:
        return NotApproved(code=error.code, says=str(error))
    latest: dict[str, int] = {}
    for grant in state.grants:
        latest[grant.approver.key] = grant.expires_at_ns
    ends = sorted((latest[one.key] for one in approvers), reverse=True)
    return Approved(
        promotion=promotion,
        approvers=approvers,
        expires_at_ns=ends[policy.grants_required - 1],
    )


def best_approval(
    states: Mapping[str, ApprovalState], now_ns: int, policy: ApprovalPolicy, candidate: str
) -> tuple[str, Approved] | NotApproved:
    """Return the approval of ``candidate`` that holds longest and its id, or why none holds.

    Args:
        states: By approval id, newest last.
        now_ns: On the receive clock.
        policy: As declared now.
        candidate: Digest of what would be put in force.
    """
    held: list[tuple[str, Approved]] = []
    refused = NotApproved(
        code=NotRequestedError.code, says=str(NotRequestedError(expected="a request", found="none"))
    )
    for name, state in states.items():
        found = valid_approval(state, now_ns, policy, candidate)
        if isinstance(found, Approved):
            held.append((name, found))
        elif found.code not in (CandidateMismatchError.code, NotRequestedError.code):
            refused = found
    return max(held, key=lambda one: one[1].expires_at_ns) if held else refused
