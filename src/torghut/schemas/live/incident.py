"""What a throw leaves behind: who, why, before and after, each worker's answer, what is open still.

A file is never written over: what becomes known later stands in the next one, which names the
digest of the one before. The digest in a file is that of all its other keys.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.context import DecisionIdText
from torghut.schemas.control import Revision
from torghut.schemas.governing.fields import ArtifactPath
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.types import Identifier, Message, Nanoseconds, Real, SafeCount, Sha256, Symbol

IncidentName = Annotated[str, Field(pattern=r"^switch-[0-9a-f]{64}$")]
"""Of the throw's own facts: no other throw has it."""


class WorkerAnswer(Message):
    """What became of a throw at one worker that lived."""

    worker: Identifier
    pid: Annotated[SafeCount | None, Field(description="Null where nobody can tell.")]
    became: Literal["acknowledged", "ended", "hangs", "silent"]
    acknowledged_ms: Annotated[Real | None, Field(description="From the throw; null: it has not.")]
    revision: Annotated[str, Field(max_length=128, description="Empty where it did not say.")]
    log: Annotated[str, Field(description="Path of its log; empty where it did not say.")]
    position: Annotated[str, Field(description="Newest outcome before the throw; else empty.")]


class OrderCancelled(Message):
    """What became of an order that stood when the switch was thrown, as the consumer reported."""

    worker: Identifier
    symbol: Symbol
    decision_id: DecisionIdText
    quantity: Real
    result: Annotated[
        Literal["cancelled", "rejected", "expired", "filled"] | None,
        Field(description="Null while nobody has reported it."),
    ]


class TrafficPatchFile(Message):
    """The Knative traffic patch that goes with the throw, and whether it was applied."""

    path: ArtifactPath
    sha256: Sha256
    revision: Annotated[str, Field(description="That gets all traffic.")]
    applied: bool
    detail: Annotated[str, Field(max_length=600, description="What applying said, or why not.")]


class IncidentFacts(Message):
    """What is known of a throw, before it is put under its digest."""

    type: Literal["switch.incident.v1"] = "switch.incident.v1"
    incident_id: IncidentName
    extension: Annotated[SafeCount, Field(description="0, and one more for each later file.")]
    amends: Annotated[Sha256 | None, Field(description="Digest of the file before; null: none.")]
    switch: SwitchName
    throw_id: Identifier
    who: str
    reason: str
    thrown_wall_ns: Annotated[Nanoseconds | None, Field(description="Null where nobody knows.")]
    before: str
    after: str
    workers: tuple[WorkerAnswer, ...]
    fenced: Annotated[tuple[Revision, ...], Field(description="Revisions that it fences.")]
    patch: TrafficPatchFile | None
    orders_cancelled: Annotated[
        tuple[OrderCancelled, ...] | None,
        Field(description="Null where a worker did not say which orders stood."),
    ]
    complete: Annotated[
        bool, Field(description="All have acknowledged or ended, and all orders are known.")
    ]
    next: Annotated[tuple[str, ...], Field(description="Commands, in order.")]


class SwitchIncident(IncidentFacts):
    """A switch was thrown: what is known of it by now."""

    content_hash: Sha256

    @model_validator(mode="after")
    def _says_what_it_holds(self) -> Self:
        if self.complete != is_complete(self.workers, self.orders_cancelled):
            message = "complete as workers and orders make it"
            raise ValueError(message)
        if self.content_hash != content_hash(self):
            message = "the digest of the other keys as content_hash"
            raise ValueError(message)
        if (self.amends is None) != (self.extension == 0):
            message = "the digest of the file before in every file but the first"
            raise ValueError(message)
        return self


def is_complete(
    workers: tuple[WorkerAnswer, ...], orders: tuple[OrderCancelled, ...] | None
) -> bool:
    """Return whether nothing is open any more."""
    answered = all(one.became in {"acknowledged", "ended"} for one in workers)
    return answered and orders is not None and all(one.result is not None for one in orders)


def content_hash(incident: IncidentFacts) -> str:
    """Return the digest of everything that an incident states besides."""
    stated = incident.model_dump(mode="json", exclude={"content_hash"})
    return sha256_hex(canonical_bytes(stated))
