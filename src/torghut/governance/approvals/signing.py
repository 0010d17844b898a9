"""Signed answers: nothing gets onto an approval's record but by a declared key, over its content.

What is signed names the approval, the verb, the promotion to the last digit, and the expiry or the
reason's digest, so a signature fits nothing else and nobody can have meant anything else by it. It
is kept beside the event that it stands under. Whoever reads later verifies it again: an event that
somebody only wrote into the log, or whose key is no longer declared, grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, assert_never

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.signatures import sign_payload
from torghut.eventlog.decider import Decider
from torghut.governance.approvals.approval import (
    APPROVAL,
    ApprovalCommand,
    DenyApproval,
    GrantApproval,
    RequestApproval,
    RevokeApproval,
    UseApproval,
)
from torghut.governance.approvals.errors import (
    ApprovalError,
    NotRequestedError,
    RoleMissingError,
    StatementMismatchError,
)
from torghut.governance.approvals.keyring import Holder, Keyring
from torghut.governance.approvals.state import ApprovalState
from torghut.governance.approvals.statements import read_statement, statement_bytes
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.safety import ApprovalPolicy
from torghut.schemas.governing.approvals import (
    ApprovalEvent,
    ApprovalGranted,
    ApprovalRequested,
    ApprovalSigned,
    ApprovalStatement,
    ManifestFacts,
    Promotion,
    Verb,
)

PAYLOAD_TYPE: Final = "application/vnd.torghut.approval-statement+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Something that somebody signed, handed in.

    Attributes:
        approval: Whose stream it is handed in to.
        envelope: As it was handed in.
        reason: In full; its digest is what was signed. Empty for a grant.
        manifest: What the manifest was verified to say; of a request, else None.
    """

    approval: str
    envelope: bytes
    keyring: Keyring
    reason: str
    manifest: ManifestFacts | None
    at_ns: int
    policy: ApprovalPolicy


def statement_of(
    approval: str, verb: Verb, promotion: Promotion, *, reason: str = "", expires_at_ns: int = 0
) -> ApprovalStatement:
    """Return what is to be signed: with an expiry for a grant, else with a reason."""
    grants = verb == "grant"
    return ApprovalStatement(
        approval=approval,
        verb=verb,
        promotion=promotion,
        expires_at_ns=expires_at_ns if grants else None,
        reason_digest=None if grants else reason_digest(reason),
    )


def reason_digest(reason: str) -> str:
    """Return the digest of a reason, without what surrounds it."""
    return sha256_hex(reason.strip().encode())


def sign_statement(statement: ApprovalStatement, key: Ed25519PrivateKey) -> bytes:
    """Return the envelope of ``statement``; the same again gives the same bytes."""
    return sign_payload(statement_bytes(statement), PAYLOAD_TYPE, key)


def read_signed(envelope: bytes, keyring: Keyring) -> tuple[ApprovalStatement, Holder]:
    """Return what was signed, and who signed it.

    Raises:
        SignatureInvalidError: It is no statement, or not signed by the key that it names.
        KeyUndeclaredError: Nobody is known by that key.
    """
    return read_statement(envelope, keyring, payload_type=PAYLOAD_TYPE, model=ApprovalStatement)


def _decide(command: Answer | UseApproval, state: ApprovalState) -> Sequence[ApprovalEvent]:
    if isinstance(command, UseApproval):
        return APPROVAL.decide(command, state)
    statement, holder = read_signed(command.envelope, command.keyring)
    if not holder.roles:
        raise RoleMissingError(expected="the key of a person", found=f"a {holder.role}'s")
    _check_about(statement, command, state)
    events = APPROVAL.decide(_meant(command, statement, holder), state)
    if not events:
        return []
    return [
        *events,
        ApprovalSigned(
            verb=statement.verb,
            person=holder.person,
            envelope=command.envelope.decode("ascii"),
            at_ns=events[-1].at_ns,
        ),
    ]


def _check_about(statement: ApprovalStatement, command: Answer, state: ApprovalState) -> None:
    """Check that what was signed is about this approval, and about what is handed in with it.

    Raises:
        StatementMismatchError: It is about something else.
    """
    pairs = [("approval", command.approval, statement.approval)]
    if statement.verb != "grant":
        pairs.append(("reason", reason_digest(command.reason), statement.reason_digest or ""))
    if statement.verb in ("deny", "revoke") and state.requested is not None:
        asked = state.requested.promotion
        pairs.append(("promotion", _shown(asked), _shown(statement.promotion)))
    for name, expected, found in pairs:
        if expected != found:
            raise StatementMismatchError(expected=f"{name} {expected}", found=found)


def _shown(promotion: Promotion) -> str:
    return canonical_bytes(promotion.model_dump(mode="json")).decode()


def _meant(command: Answer, statement: ApprovalStatement, holder: Holder) -> ApprovalCommand:
    """Return the command that somebody signed."""
    match statement.verb:
        case "request":
            if command.manifest is None:
                raise NotRequestedError(expected="the manifest's facts", found="none")
            return RequestApproval(
                promotion=statement.promotion,
                manifest=command.manifest,
                author=holder.person,
                reason=command.reason,
                at_ns=command.at_ns,
            )
        case "grant":
            return GrantApproval(
                promotion=statement.promotion,
                approver=holder.person,
                roles=holder.roles,
                expires_at_ns=statement.expires_at_ns or 0,
                at_ns=command.at_ns,
                policy=command.policy,
            )
        case "deny":
            return DenyApproval(person=holder.person, reason=command.reason, at_ns=command.at_ns)
        case "revoke":
            return RevokeApproval(person=holder.person, reason=command.reason, at_ns=command.at_ns)
        case _:
            assert_never(statement.verb)


SIGNED_APPROVAL: Final[Decider[Answer | UseApproval, ApprovalEvent, ApprovalState]] = Decider(
    initial=APPROVAL.initial, decide=_decide, evolve=APPROVAL.evolve
)
"""``APPROVAL``, entered through signatures alone."""


def verified(
    events: Sequence[ApprovalEvent],
    approval: str,
    keyring: Keyring,
    *,
    makers: frozenset[str] | None = frozenset(),
) -> Iterator[ApprovalEvent]:
    """Yield ``events`` without the requests and grants whose signature does not hold now.

    Nor a grant by one of ``makers``, the keys of those who made the candidate, nor any where nobody
    knows who did (None). A denial, a revocation and a use count as they stand: believing them only
    ends an approval. A use proves nothing by itself.
    """
    for event, following in zip_longest(events, events[1:]):
        if isinstance(event, ApprovalRequested | ApprovalGranted) and not _stands(
            event, following, approval, keyring
        ):
            continue
        if isinstance(event, ApprovalGranted) and (makers is None or event.approver.key in makers):
            continue
        yield event


def _stands(
    event: ApprovalRequested | ApprovalGranted,
    following: ApprovalEvent | None,
    approval: str,
    keyring: Keyring,
) -> bool:
    """Say whether the signature kept after ``event`` is one under exactly that."""
    if not isinstance(following, ApprovalSigned):
        return False
    try:
        statement, holder = read_signed(following.envelope.encode(), keyring)
    except ApprovalError:
        return False
    if isinstance(event, ApprovalRequested):
        meant = statement_of(approval, "request", event.promotion, reason=event.reason)
        said = (statement, holder.person) == (meant, event.author)
        return said and bool(holder.roles)
    meant = statement_of(approval, "grant", event.promotion, expires_at_ns=event.expires_at_ns)
    return (statement, holder.person) == (meant, event.approver) and event.role in holder.roles
