"""What tests of approvals share: a request, its answers, and the manifests that speak for it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from tests.support.governance.governing import (
    ANN,
    BEN,
    SECOND_NS,
    START_NS,
    Memory,
    person,
    safety_policy,
)
from torghut.governance.approvals.approval import (
    APPROVAL,
    ApprovalCommand,
    DenyApproval,
    GrantApproval,
    RequestApproval,
    RevokeApproval,
    UseApproval,
)
from torghut.governance.approvals.state import ApprovalState
from torghut.schemas.declarations.safety import ApprovalPolicy
from torghut.schemas.governing.approvals import (
    APPROVAL_EVENT,
    ApprovalEvent,
    ManifestFacts,
    Promotion,
)
from torghut.schemas.governing.fields import Person
from torghut.schemas.rollout.phases import Target

Approval = Memory[ApprovalCommand, ApprovalEvent, ApprovalState]

DAY_S: Final = 86_400
EVE: Final = person("eve")
CANDIDATE: Final = "cd" * 32
PROMOTION: Final = Promotion(
    manifest="11" * 32, candidate=CANDIDATE, target="live", notional_cap=Decimal(100_000)
)


def approval() -> Approval:
    """Return a stream in which nothing was asked for yet."""
    return Memory(APPROVAL, APPROVAL_EVENT)


def granted(*, for_s: int = DAY_S) -> Approval:
    """Return an approval that was asked for by Ann and granted by Ben."""
    stream = approval()
    stream.send(request())
    stream.send(grant(for_s=for_s))
    return stream


def policy(*, grants_required: int = 1) -> ApprovalPolicy:
    """Return the shipped policy with another number of grants."""
    shipped = safety_policy().approvals
    return ApprovalPolicy(
        expiry_max_ms=shipped.expiry_max_ms, grants_required=grants_required, roles=shipped.roles
    )


def manifest(target: Target, /, **changes: object) -> ManifestFacts:
    """Return a final, signed, passing manifest of the candidate, but for ``changes``."""
    facts: dict[str, object] = {
        "content_hash": PROMOTION.manifest if target == "paper" else "22" * 32,
        "candidate": CANDIDATE,
        "target": target,
        "status": "pass",
        "finalised": True,
        "signed": True,
    }
    return ManifestFacts.model_validate(facts | changes)


def request() -> RequestApproval:
    """Return Ann's request."""
    return RequestApproval(
        promotion=PROMOTION,
        manifest=manifest("paper"),
        author=ANN,
        reason="better on every window",
        at_ns=START_NS,
    )


def grant(*, who: Person = BEN, after_s: int = 0, for_s: int = DAY_S) -> GrantApproval:
    """Return somebody's grant."""
    at_ns = START_NS + after_s * SECOND_NS
    return GrantApproval(
        promotion=PROMOTION,
        approver=who,
        roles=frozenset({"production"}),
        expires_at_ns=at_ns + for_s * SECOND_NS,
        at_ns=at_ns,
        policy=safety_policy().approvals,
    )


def deny() -> DenyApproval:
    """Return Ben's no."""
    return DenyApproval(person=BEN, reason="too early", at_ns=START_NS)


def revoke() -> RevokeApproval:
    """Return Ben's second thoughts."""
    return RevokeApproval(person=BEN, reason="news", at_ns=START_NS)


def use(*, promotion_id: str = "promotion-1", after_s: int = 1) -> UseApproval:
    """Return the promotion."""
    return UseApproval(
        promotion_id=promotion_id,
        manifest=manifest("live"),
        notional_cap=PROMOTION.notional_cap,
        at_ns=START_NS + after_s * SECOND_NS,
        policy=safety_policy().approvals,
    )
