"""How governance says that it is there, where no API and no log is needed to hear it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.types import Message, SafeCount

TTL_MAX_MS: Final = 3_600_000
"""Nobody is heard for longer than an hour by one beat."""


class GovernanceBeat(Message):
    """The holder of governance's lease is there; each worker records when that ends.

    The worker stamps it on its own receive clock when it reads it: no clock of another process is
    believed. One that was there before the worker began says nothing.
    """

    type: Literal["live.governance-beat.v1"] = "live.governance-beat.v1"
    epoch: Annotated[SafeCount, Field(ge=1, description="Of the lease.")]
    number: Annotated[SafeCount, Field(description="Another one with each beat of an epoch.")]
    ttl_ms: Annotated[int, Field(ge=1, le=TTL_MAX_MS, strict=True)]
