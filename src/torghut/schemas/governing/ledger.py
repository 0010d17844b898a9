"""A promotion ledger on record: every candidate tried, and who served when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.control import Reasoned
from torghut.schemas.governing.fields import Ordinal
from torghut.schemas.rollout.phases import Target
from torghut.schemas.rollout.run import RunId
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds, SafeCount, Sha256

LedgerRole = Literal["champion", "challenger", "demoted", "retained", "quarantined"]
"""What a candidate is: it serves, it contends, it served, it lost, it may never serve again."""

AliasVersion = Annotated[
    SafeCount, Field(description="How often who serves has changed, this change included.")
]


class LedgerCandidate(Message):
    """What could be put in force."""

    candidate_id: Identifier
    digest: Annotated[Sha256, Field(description="Of the package or declarations.")]
    package: Annotated[
        Sha256 | None, Field(description="Of the router or program; null: it changes none.")
    ]


class CandidateRegistered(Message):
    """A candidate was evaluated; it contends, and counts as one more trial."""

    type: Literal["ledger.candidate-registered.v1"] = "ledger.candidate-registered.v1"
    candidate: LedgerCandidate
    run_id: RunId
    trial: Annotated[Ordinal, Field(description="Of this ledger; each run is one.")]
    at_ns: Nanoseconds


class CandidatePromoted(Message):
    """A candidate serves from here on."""

    type: Literal["ledger.promoted.v1"] = "ledger.promoted.v1"
    promotion_id: Identifier
    digest: Sha256
    target: Target
    manifest: Annotated[Sha256, Field(description="content_hash; verified, final and signed.")]
    approval: Annotated[Identifier | None, Field(description="That was used up; null for paper.")]
    replaces: Annotated[
        Sha256 | None, Field(description="Package that served before; null: none did.")
    ]
    version: AliasVersion
    at_ns: Nanoseconds


class CandidateDemoted(Message):
    """A candidate that does not serve contends no longer."""

    type: Literal["ledger.demoted.v1"] = "ledger.demoted.v1"
    digest: Sha256
    reason: Reasoned
    at_ns: Nanoseconds


class PromotionReverted(Message):
    """Who served before serves again."""

    type: Literal["ledger.reverted.v1"] = "ledger.reverted.v1"
    cause: Annotated[Identifier, Field(description="Incident or command; the same counts once.")]
    digest: Annotated[Sha256, Field(description="Of what was taken back.")]
    rollbacks: Annotated[Ordinal, Field(description="How often that was taken back by now.")]
    quarantined: Annotated[bool, Field(description="It may never serve again.")]
    restored: Annotated[
        Sha256 | None, Field(description="Candidate that serves again; null: none of the ledger's.")
    ]
    package: Annotated[
        Sha256 | None, Field(description="Package that serves again; null: none does.")
    ]
    reason: Reasoned
    version: AliasVersion
    at_ns: Nanoseconds


class ChampionRetained(Message):
    """Nothing was changed: the candidate did not earn its place against the champion."""

    type: Literal["ledger.retained.v1"] = "ledger.retained.v1"
    digest: Annotated[Sha256, Field(description="Of the candidate that lost.")]
    run_id: RunId
    reason: Reasoned
    at_ns: Nanoseconds


LedgerEvent = Annotated[
    CandidateRegistered
    | CandidatePromoted
    | CandidateDemoted
    | PromotionReverted
    | ChampionRetained,
    Field(discriminator="type"),
]

LEDGER_EVENT: TypeAdapter[LedgerEvent] = TypeAdapter(LedgerEvent, config=UNION)
"""Parses any event of a ledger."""
