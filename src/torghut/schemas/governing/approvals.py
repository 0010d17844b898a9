"""Approvals on record: what was asked, who granted it until when, and the promotion it served."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from torghut.schemas.control import Reasoned
from torghut.schemas.declarations.fields import Amount, Role
from torghut.schemas.governing.fields import Person
from torghut.schemas.rollout.phases import Target
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds, Sha256


class Promotion(Message):
    """What is approved, and all that a grant's signature covers but its expiry."""

    manifest: Annotated[
        Sha256, Field(description="content_hash of the candidate's passing paper manifest.")
    ]
    candidate: Sha256
    target: Literal["live"]
    notional_cap: Amount


class ManifestFacts(Message):
    """What a manifest was verified to say, just now, signature and evidence included."""

    content_hash: Sha256
    candidate: Sha256
    target: Target
    status: Literal["pass", "fail"]
    finalised: bool
    signed: Annotated[bool, Field(description="By the scheduler's key.")]


class ApprovalRequested(Message):
    """Somebody wants a candidate promoted to live."""

    type: Literal["approvals.requested.v1"] = "approvals.requested.v1"
    promotion: Promotion
    author: Annotated[Person, Field(description="Of the candidate; may never grant.")]
    reason: Reasoned
    at_ns: Nanoseconds


class ApprovalGranted(Message):
    """Somebody whose role allows it signed for exactly what was asked."""

    type: Literal["approvals.granted.v1"] = "approvals.granted.v1"
    promotion: Promotion
    approver: Person
    role: Role
    at_ns: Nanoseconds
    expires_at_ns: Nanoseconds


class ApprovalDenied(Message):
    """Somebody said no; the request is over."""

    type: Literal["approvals.denied.v1"] = "approvals.denied.v1"
    person: Person
    reason: Reasoned
    at_ns: Nanoseconds


class ApprovalRevoked(Message):
    """Somebody took back what had been granted; the request is over."""

    type: Literal["approvals.revoked.v1"] = "approvals.revoked.v1"
    person: Person
    reason: Reasoned
    at_ns: Nanoseconds


class ApprovalUsed(Message):
    """The one promotion that the approval was for took place; there is no second one."""

    type: Literal["approvals.used.v1"] = "approvals.used.v1"
    promotion_id: Identifier
    promotion: Promotion
    approvers: Annotated[tuple[Person, ...], Field(min_length=1)]
    live_manifest: Annotated[Sha256, Field(description="content_hash; finalised and signed.")]
    at_ns: Nanoseconds


Verb = Literal["request", "grant", "deny", "revoke"]
"""What somebody may sign of an approval."""


class ApprovalStatement(Message):
    """What a signature of an approval covers, as canonical JSON in a DSSE envelope."""

    type: Literal["approvals.approval-statement.v1"] = "approvals.approval-statement.v1"
    approval: Annotated[Identifier, Field(description="Which one; so it fits no other.")]
    verb: Verb
    promotion: Promotion
    expires_at_ns: Annotated[Nanoseconds | None, Field(description="Of a grant; else null.")]
    reason_digest: Annotated[
        Sha256 | None, Field(description="sha256 of the reason's UTF-8; null for a grant.")
    ]

    @model_validator(mode="after")
    def _says_what_its_verb_needs(self) -> Self:
        grants = self.verb == "grant"
        if (self.expires_at_ns is not None) != grants or (self.reason_digest is None) != grants:
            message = "an expiry for a grant, a reason for everything else"
            raise ValueError(message)
        return self


class ApprovalSigned(Message):
    """The signature under the event before it, kept so that anybody can verify it again."""

    type: Literal["approvals.signed.v1"] = "approvals.signed.v1"
    verb: Verb
    person: Person
    envelope: Annotated[str, Field(max_length=8192, description="DSSE, as it was handed in.")]
    at_ns: Nanoseconds


ApprovalEvent = Annotated[
    ApprovalRequested
    | ApprovalGranted
    | ApprovalDenied
    | ApprovalRevoked
    | ApprovalUsed
    | ApprovalSigned,
    Field(discriminator="type"),
]

APPROVAL_EVENT: TypeAdapter[ApprovalEvent] = TypeAdapter(ApprovalEvent, config=UNION)
"""Parses any event of an approval."""
