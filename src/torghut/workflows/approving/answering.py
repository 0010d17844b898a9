"""Asking for an approval and answering it: each by a signature over exactly what is meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from torghut.governance.approvals.errors import (
    AuthorApprovesError,
    CandidateMismatchError,
    CandidateUnregisteredError,
    GrantsMissingError,
    MakerUnknownError,
)
from torghut.governance.approvals.signing import (
    SIGNED_APPROVAL,
    Answer,
    read_signed,
    statement_of,
)
from torghut.governance.approvals.state import ApprovalState, open_request
from torghut.governance.approvals.validity import Approved, NotApproved, best_approval
from torghut.governance.ledger.errors import CandidateUnknownError
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.approvals import (
    ApprovalEvent,
    ApprovalStatement,
    ManifestFacts,
    Promotion,
    Verb,
)
from torghut.workflows.approving.current import check_current
from torghut.workflows.approving.makers import check_maker_known, makers_of
from torghut.workflows.approving.manifests import CheckedManifest, check_patch
from torghut.workflows.approving.office import Office, approval_stream, read_approval_event

Sign = Callable[[ApprovalStatement], bytes]
"""Signs a statement with somebody's key, and returns the envelope."""

_ID_DIGITS = 16


async def request_approval(
    office: Office,
    manifest: CheckedManifest,
    promotion: Promotion,
    *,
    author: str,
    reason: str,
    sign: Sign,
) -> str:
    """Ask for a promotion to live, and return the approval's id.

    Args:
        office: Where it is put on record.
        manifest: Of the candidate's paper run.
        promotion: What is asked for.
        author: Fingerprint of the key that ``sign`` signs with.
        reason: Why.
        sign: Signs what is asked for.

    Raises:
        ApprovalError: It cannot be asked for in this way.
        RunRefusedError: The run does not earn it any more.
    """
    try:
        _, known = await office.registered(manifest.document.candidate_id)
    except CandidateUnknownError as error:
        raise CandidateUnregisteredError(expected=error.expected, found=error.found) from error
    check_patch(manifest, known.candidate)
    if known.candidate.digest != promotion.candidate:
        raise CandidateMismatchError(expected=known.candidate.digest, found=promotion.candidate)
    await check_maker_known(office.events, promotion.candidate, office.keyring)
    await check_current(office, manifest, target=manifest.document.requested_promotion_target)
    approval = approval_id(promotion, author=author, at_ns=office.now_ns)
    statement = statement_of(approval, "request", promotion, reason=reason)
    facts = manifest.facts(known.candidate.digest)
    await _submit(office, approval, sign(statement), reason=reason, manifest=facts)
    return approval


def promotion_asked(manifest: CheckedManifest, candidate: str, notional_cap: Decimal) -> Promotion:
    """Return the promotion to live that a paper manifest speaks for."""
    return Promotion(
        manifest=manifest.document.content_hash,
        candidate=candidate,
        target="live",
        notional_cap=notional_cap,
    )


def approval_id(promotion: Promotion, *, author: str, at_ns: int) -> str:
    """Return what names an approval: it comes from what was asked for, by whom and when."""
    asked: JsonObject = {
        "at": str(at_ns),
        "author": author,
        "promotion": promotion.model_dump(mode="json"),
    }
    return sha256_hex(canonical_bytes(asked))[:_ID_DIGITS]


async def answer_approval(
    office: Office,
    approval: str,
    verb: Verb,
    *,
    sign: Sign,
    reason: str = "",
    expires_at_ns: int = 0,
) -> Sequence[ApprovalEvent]:
    """Grant, deny or revoke an approval, and return what went on record; again is nothing.

    Raises:
        ApprovalError: It cannot be answered in this way.
    """
    promotion = open_request(await office.approval(approval)).promotion
    statement = statement_of(approval, verb, promotion, reason=reason, expires_at_ns=expires_at_ns)
    envelope = sign(statement)
    if verb == "grant":
        await _check_not_maker(office, promotion.candidate, envelope)
    return await _submit(office, approval, envelope, reason=reason, manifest=None)


async def _check_not_maker(office: Office, candidate: str, envelope: bytes) -> None:
    """Check that somebody else grants than made the candidate, whoever asked for it.

    Raises:
        AuthorApprovesError: They made it.
        MakerUnknownError: Nobody knows who did.
    """
    await check_maker_known(office.events, candidate, office.keyring)
    _, holder = read_signed(envelope, office.keyring)
    if holder.person.key in await makers_of(office.events, candidate):
        raise AuthorApprovesError(
            expected="another key than that of who made the candidate", found=holder.person.key
        )


async def _submit(
    office: Office, approval: str, envelope: bytes, *, reason: str, manifest: ManifestFacts | None
) -> Sequence[ApprovalEvent]:
    """Hand in what somebody signed."""
    command = Answer(
        approval=approval,
        envelope=envelope,
        keyring=office.keyring,
        reason=reason,
        manifest=manifest,
        at_ns=await office.now(),
        policy=office.policy,
    )
    return await office.streams.run(
        SIGNED_APPROVAL,
        read_approval_event,
        approval_stream(approval),
        command,
        causes=office.causes(approval),
    )


async def approval_of(office: Office, candidate: str) -> tuple[str, Approved] | NotApproved:
    """Return the approval by which ``candidate`` may go to live now, or why there is none.

    Every request and grant is verified again, by the keys that are declared now.
    """
    states: dict[str, ApprovalState] = await office.approvals()
    found = best_approval(states, await office.now(), office.policy, candidate)
    unsigned = isinstance(found, NotApproved) and found.code == GrantsMissingError.code
    if unsigned and not await office.knows_maker(candidate):
        return NotApproved(code=MakerUnknownError.code, says=f"nobody signed for {candidate}")
    return found
