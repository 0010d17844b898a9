"""The paper canary on record: the strategy patch it produced, and what it was judged to be."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.governing.fields import Evidence, Found, Ordinal
from torghut.schemas.rollout.phases import Target
from torghut.schemas.types import UNION, Identifier, Message, Nanoseconds, Sha256

CanaryReason = Literal["patch-verified", "patch-missing", "patch-unverified"]


class PatchProduced(Message):
    """The lane wrote a strategy patch for its candidate."""

    type: Literal["canary.patch-produced.v1"] = "canary.patch-produced.v1"
    run_id: Identifier
    candidate: Sha256
    patch: Evidence
    at_ns: Nanoseconds


class CanaryJudged(Message):
    """Whether the canary's patch is there: what the phase ``paper-canary`` shows."""

    type: Literal["canary.judged.v1"] = "canary.judged.v1"
    run_id: Identifier
    candidate: Sha256
    judgement: Ordinal
    target: Target
    status: Literal["pass", "fail", "skip"]
    reason: CanaryReason
    found: Annotated[Found | None, Field(description="Of the patch; null where none is.")]
    completion: Annotated[Evidence | None, Field(description="The patch, where it passed.")]
    at_ns: Nanoseconds


CanaryEvent = Annotated[PatchProduced | CanaryJudged, Field(discriminator="type")]

CANARY_EVENT: TypeAdapter[CanaryEvent] = TypeAdapter(CanaryEvent, config=UNION)
"""Parses any event of a canary."""
