"""An approval: asked for with a passing paper manifest, granted by others, used up by one use.

A grant holds for exactly what was asked (manifest, candidate, target, cap) and until it expires.
Whose keys signed was verified before a command gets here; a key is known by the fingerprint of its
bytes, so one key under two names is one person. Anybody may deny or revoke: that only makes safer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, TypeAlias, assert_never

from torghut.eventlog.decider import Decider
from torghut.governance.approvals.errors import (
    ApprovalError,
    AuthorApprovesError,
    CandidateMismatchError,
    ContentHashMismatchError,
    ExpiredError,
    ExpiryTooLongError,
    GrantsMissingError,
    ManifestNotFinalError,
    ManifestNotPassingError,
    ManifestTargetError,
    ManifestUnsignedError,
    NotionalCapExceededError,
    NotionalCapMismatchError,
    RequestMismatchError,
    RoleMissingError,
    SameKeyError,
    UseTooOldError,
)
from torghut.governance.approvals.state import (
    ApprovalState,
    approvers_of,
    check_used,
    open_request,
)
from torghut.governance.safety.reasons import reason_text
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.fields import Role
from torghut.schemas.declarations.safety import ApprovalPolicy
from torghut.schemas.governing.approvals import (
    ApprovalDenied,
    ApprovalEvent,
    ApprovalGranted,
    ApprovalRequested,
    ApprovalRevoked,
    ApprovalSigned,
    ApprovalUsed,
    ManifestFacts,
    Promotion,
)
from torghut.schemas.governing.fields import Person
from torghut.schemas.rollout.phases import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestApproval:
    """Ask for a promotion to live, with the paper manifest that speaks for it."""

    promotion: Promotion
    manifest: ManifestFacts
    author: Person
    reason: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantApproval:
    """Grant it.

    Attributes:
        promotion: What the approver signed for.
        roles: Of the approver's key.
    """

    promotion: Promotion
    approver: Person
    roles: frozenset[Role]
    expires_at_ns: int
    at_ns: int
    policy: ApprovalPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyApproval:
    """Say no."""

    person: Person
    reason: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeApproval:
    """Take back what was granted."""

    person: Person
    reason: str
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UseApproval:
    """Promote, with the candidate's own live manifest."""

    promotion_id: str
    manifest: ManifestFacts
    notional_cap: Decimal
    at_ns: int
    policy: ApprovalPolicy


ApprovalCommand: TypeAlias = (
    RequestApproval | GrantApproval | DenyApproval | RevokeApproval | UseApproval
)


def _decide(command: ApprovalCommand, state: ApprovalState) -> Sequence[ApprovalEvent]:
    match command:
        case RequestApproval():
            return _request(command, state)
        case GrantApproval():
            return _grant(command, state)
        case DenyApproval():
            return _deny(command, state)
        case RevokeApproval():
            return _revoke(command, state)
        case UseApproval():
            return _use(command, state)
        case _:
            assert_never(command)


def _request(command: RequestApproval, state: ApprovalState) -> Sequence[ApprovalEvent]:
    """Return the request, if a passing paper manifest speaks for it."""
    if state.requested is not None:
        asked = (state.requested.promotion, state.requested.author)
        if asked == (command.promotion, command.author):
            return []
        raise RequestMismatchError(
            expected=state.requested.promotion.candidate, found=command.promotion.candidate
        )
    check_facts(command.manifest, candidate=command.promotion.candidate, target="paper")
    _check(
        ContentHashMismatchError,
        expected=command.promotion.manifest,
        found=command.manifest.content_hash,
    )
    return [
        ApprovalRequested(
            promotion=command.promotion,
            author=command.author,
            reason=reason_text(command.reason),
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _grant(command: GrantApproval, state: ApprovalState) -> Sequence[ApprovalEvent]:
    """Return the grant, if it is for exactly what was asked and its signer may give it."""
    requested = open_request(state)
    at_ns = max(command.at_ns, state.time_ns)
    _check_signed_for(command.promotion, requested.promotion)
    if command.approver.key == requested.author.key:
        raise AuthorApprovesError(
            expected="another key than the author's", found=command.approver.key
        )
    roles = [role for role in command.policy.roles if role in command.roles]
    if not roles:
        raise RoleMissingError(
            expected=f"one of {', '.join(command.policy.roles)}",
            found=", ".join(sorted(command.roles)) or "none",
        )
    if _is_granted(command, state, at_ns):
        return []
    _check_expiry(command, at_ns)
    return [
        ApprovalGranted(
            promotion=command.promotion,
            approver=command.approver,
            role=roles[0],
            at_ns=at_ns,
            expires_at_ns=command.expires_at_ns,
        )
    ]


def _check_signed_for(signed: Promotion, asked: Promotion) -> None:
    """Check that what was signed for is what was asked for."""
    _check(ContentHashMismatchError, expected=asked.manifest, found=signed.manifest)
    _check(CandidateMismatchError, expected=asked.candidate, found=signed.candidate)
    if signed.notional_cap != asked.notional_cap:
        raise NotionalCapMismatchError(
            expected=f"{asked.notional_cap:f}", found=f"{signed.notional_cap:f}"
        )


def _is_granted(command: GrantApproval, state: ApprovalState, at_ns: int) -> bool:
    """Say whether this very grant is on record.

    Raises:
        SameKeyError: Another grant by the same key is, and holds.
    """
    for grant in state.grants:
        if grant.approver.key != command.approver.key:
            continue
        if grant.expires_at_ns == command.expires_at_ns:
            return True
        if at_ns < grant.expires_at_ns:
            raise SameKeyError(expected="another key", found=command.approver.key)
    return False


def _check_expiry(command: GrantApproval, at_ns: int) -> None:
    """Check that a grant ends, and soon enough, but not before it begins."""
    if command.expires_at_ns <= at_ns:
        raise ExpiredError(expected=f"an expiry after {at_ns}", found=str(command.expires_at_ns))
    latest_ns = at_ns + command.policy.expiry_max_ms * NS_PER_MS
    if command.expires_at_ns > latest_ns:
        raise ExpiryTooLongError(
            expected=f"an expiry by {latest_ns}", found=str(command.expires_at_ns)
        )


def _deny(command: DenyApproval, state: ApprovalState) -> Sequence[ApprovalEvent]:
    """Return the denial; delivered again it changes nothing."""
    if state.denied is not None and state.denied.person == command.person:
        return []
    open_request(state)
    at_ns = max(command.at_ns, state.time_ns)
    return [ApprovalDenied(person=command.person, reason=reason_text(command.reason), at_ns=at_ns)]


def _revoke(command: RevokeApproval, state: ApprovalState) -> Sequence[ApprovalEvent]:
    """Return the revocation of what was granted; delivered again it changes nothing."""
    if state.revoked is not None and state.revoked.person == command.person:
        return []
    open_request(state)
    if not state.grants:
        raise GrantsMissingError(expected="something granted to revoke", found="no grant")
    at_ns = max(command.at_ns, state.time_ns)
    return [ApprovalRevoked(person=command.person, reason=reason_text(command.reason), at_ns=at_ns)]


def _use(command: UseApproval, state: ApprovalState) -> Sequence[ApprovalEvent]:
    """Return the use, by the candidate's own passing live manifest, while enough grants hold.

    The same promotion again is let go on, for a while: its process may have died right after.
    """
    used = state.used
    again = used is not None and used.promotion_id == command.promotion_id
    promotion = open_request(replace(state, used=None) if again else state).promotion
    at_ns = max(command.at_ns, state.time_ns)
    check_facts(command.manifest, candidate=promotion.candidate, target=promotion.target)
    if command.notional_cap > promotion.notional_cap:
        raise NotionalCapExceededError(
            expected=f"at most {promotion.notional_cap:f}", found=f"{command.notional_cap:f}"
        )
    if used is not None:
        _check_again(command, state, used, at_ns)
        return []
    return [
        ApprovalUsed(
            promotion_id=command.promotion_id,
            promotion=promotion,
            approvers=approvers_of(state, command.policy, at_ns),
            live_manifest=command.manifest.content_hash,
            at_ns=at_ns,
        )
    ]


def _check_again(
    command: UseApproval, state: ApprovalState, used: ApprovalUsed, at_ns: int
) -> None:
    """Check that a promotion which used the approval up may still take place.

    Raises:
        ApprovalError: Nothing proves the use, or it was for another manifest.
        UseTooOldError: It was too long ago.
    """
    check_used(state, command.policy)
    _check(
        ContentHashMismatchError,
        expected=used.live_manifest,
        found=command.manifest.content_hash,
    )
    apart_ms, allowed_ms = (at_ns - used.at_ns) // NS_PER_MS, command.policy.use_retry_ms
    if apart_ms > allowed_ms:
        raise UseTooOldError(expected=f"a use {allowed_ms} ms ago at most", found=f"{apart_ms} ms")


def check_facts(manifest: ManifestFacts, *, candidate: str, target: Target) -> None:
    """Check that a manifest is final, signed, passing, and about ``candidate`` and ``target``."""
    if not manifest.finalised:
        raise ManifestNotFinalError(expected="a finalised manifest", found="one that is not")
    if not manifest.signed:
        raise ManifestUnsignedError(expected="a signed manifest", found="one that is not")
    if manifest.status != "pass":
        raise ManifestNotPassingError(expected="pass", found=manifest.status)
    _check(ManifestTargetError, expected=target, found=manifest.target)
    _check(CandidateMismatchError, expected=candidate, found=manifest.candidate)


def _check(refusal: type[ApprovalError], *, expected: str, found: str) -> None:
    """Check that two texts are the same."""
    if expected != found:
        raise refusal(expected=expected, found=found)


def _evolve(state: ApprovalState, event: ApprovalEvent) -> ApprovalState:
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case ApprovalRequested():
            return replace(state, requested=event)
        case ApprovalGranted():
            return replace(state, grants=(*state.grants, event))
        case ApprovalDenied():
            return replace(state, denied=event)
        case ApprovalRevoked():
            return replace(state, revoked=event)
        case ApprovalUsed():
            return replace(state, used=event)
        case ApprovalSigned():
            return state
        case _:
            assert_never(event)


APPROVAL: Final[Decider[ApprovalCommand, ApprovalEvent, ApprovalState]] = Decider(
    initial=ApprovalState(), decide=_decide, evolve=_evolve
)
