"""Everything that a cycle works with: who it is, what binds it, and whom it can reach."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.ports import ArtifactStore
from torghut.governance.allotting.allotting import Shares
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.declarations.safety import DriftPolicy, SafetyPolicy
from torghut.schemas.rollout.phases import Target
from torghut.schemas.types import Message, message_digest
from torghut.workflows.aggregates import Governance
from torghut.workflows.scheduling.ports import DriftMeter, LaneRunner, LoopControls, LoopView

MS: Final = 1_000_000
"""Nanoseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What is declared for a cycle."""

    safety: SafetyPolicy
    drift: DriftPolicy
    scheduler: SchedulerPolicy
    shares: Shares

    @property
    def digest(self) -> str:
        """Of all that binds a cycle."""
        digests = [message_digest(one) for one in (self.safety, self.drift, self.scheduler)]
        return message_digest(_Bound(policies=tuple(digests)))


class _Bound(Message):
    """The policies of a cycle by their digests."""

    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTo:
    """Where a rollback of a candidate leads.

    Attributes:
        package: Digest of what decides afterwards; None: no package, defensive weights.
        router: Whose package is to be changed for that; empty where the candidate does not serve.
    """

    package: str | None
    router: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearances:
    """What other streams say of a candidate.

    Attributes:
        approval_fault: Returns why no approval for live holds at a time; None where one does.
        stage_target: Returns the most that the rollout's stage allows.
        back_to: Returns where a rollback of a candidate leads.
        exposure_scale: Returns the share of its cap that the portfolio may use now, 0 to 1.
    """

    approval_fault: Callable[[int], str | None]
    stage_target: Callable[[], Target]
    back_to: Callable[[str], BackTo]
    exposure_scale: Callable[[], Decimal]


@dataclass(slots=True, kw_only=True)
class Office:
    """What a scheduler works with for as long as it lives.

    Attributes:
        governance: The streams, written under its lease.
        store: The artifact root.
        view: Of the running loop.
        loop: Reaches it.
        lane: Runs candidates.
        drift: Measures.
        policies: As declared.
        key: Signs manifests; None: they stay unsigned.
        told: Control ids that the loop is known to have recorded, as far as this process knows.
    """

    governance: Governance
    store: ArtifactStore
    view: LoopView
    loop: LoopControls
    lane: LaneRunner
    drift: DriftMeter
    policies: Policies
    clearances: Clearances
    key: Ed25519PrivateKey | None = None
    told: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One cycle's number and time.

    Attributes:
        cycle: Its number.
        epoch: Of the lease.
        holder: Of the lease.
        now_ns: Receive clock.
    """

    cycle: int
    epoch: int
    holder: str
    now_ns: int
