"""Everything that a cycle works with: who it is, what binds it, and whom it can reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.ports import ArtifactStore
from torghut.governance.allotting.allotting import Shares
from torghut.governance.approvals.keyring import Keyring
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.declarations.safety import DriftPolicy, SafetyPolicy
from torghut.schemas.governing.latch import LoopReleased
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.types import Message, message_digest
from torghut.workflows.aggregates import Governance
from torghut.workflows.scheduling.ports import (
    DriftMeter,
    ExposureLadder,
    LaneRunner,
    LoopControls,
    LoopView,
    Observed,
)

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
        """Of what a cycle judges by: the policies, and the cap that it hands out."""
        digests = [message_digest(one) for one in (self.safety, self.drift, self.scheduler)]
        return message_digest(_Bound(policies=tuple(digests), shares=self.shares.digest))


class _Bound(Message):
    """The policies of a cycle by their digests, and how the portfolio's cap is shared."""

    policies: tuple[str, ...]
    shares: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackTo:
    """Where a rollback of a candidate leads.

    Attributes:
        package: Digest of what decides afterwards; None: no package, defensive weights.
        router: Of the candidate; empty where nobody knows.
        serves: Whether the candidate serves, so that its router's package is to be changed.
        unproven: Why no decision can show that the candidate is gone; empty where some can.
        advises: Whether it is a program that advises, and is gone once nobody is asked any more.
    """

    package: str | None
    router: str = ""
    serves: bool = False
    unproven: str = ""
    advises: bool = False


Attempt = tuple[str, int]
"""A run, and how often its inputs were run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A time in which a candidate serves, or served.

    Attributes:
        router: Whose ledger has it.
        digest: Of the candidate.
        package: That serves then.
        manifests: Content hashes of what it was promoted with, each once.
        since: Place in the log of what it began with.
        until: Of what it ended with; None while it serves.
    """

    router: str
    digest: str
    package: str | None
    manifests: tuple[str, ...]
    since: int
    until: int | None = None


class Clearances(Protocol):
    """What the promotion ledger says of candidates."""

    async def served(self) -> Sequence[Served]:
        """Return every time in which a candidate served, for every router, oldest first."""
        ...

    async def runs_of(self, served: Served, /) -> Sequence[Attempt]:
        """Return the runs that a candidate was promoted by for a time in which it serves."""
        ...

    async def digest_of(self, candidate_id: str, /) -> str | None:
        """Return the digest of a candidate; None for one that no ledger knows."""
        ...

    async def exposed(self, candidate_id: str, /) -> str | None:
        """Return the digest of a candidate that serves; None for one that does not."""
        ...

    async def back_to(self, candidate_id: str, observed: Observed, /, *, cause: str) -> BackTo:
        """Return where a candidate's rollback for a cause leads, given what serves now.

        It leads there too where the ledger took the candidate back for that cause already.
        """
        ...

    async def take_back(self, candidate_id: str, /, *, cause: str, reason: str) -> None:
        """Let the ledger name again who served before, where it names the candidate.

        For the same cause it does so once.

        Raises:
            LedgerError: The ledger refuses.
        """
        ...


@dataclass(slots=True, kw_only=True)
class Governor:
    """What a scheduler works with for as long as it lives.

    Attributes:
        governance: The streams, written under its lease.
        store: The artifact root.
        view: Of the running loop.
        loop: Reaches it.
        lane: Runs candidates.
        drift: Measures.
        ladder: Of exposure.
        policies: As declared.
        keyring: Reads whose releases let the loop go on: the keys that are declared now.
        key: Signs manifests; None: they stay unsigned.
        page: Renders a run's page out of its manifest; None where nobody does.
        told: Control ids that the loop is known to have recorded, as far as this process knows.
        proven: The last incident whose end was verified, with the last release, as far as this
            process knows.
        owed: Runs whose rollback is not done with; None before this process looked for them.
    """

    governance: Governance
    store: ArtifactStore
    view: LoopView
    loop: LoopControls
    lane: LaneRunner
    drift: DriftMeter
    ladder: ExposureLadder
    policies: Policies
    clearances: Clearances
    keyring: Callable[[], Keyring]
    key: Ed25519PrivateKey | None = None
    page: Callable[[PhaseManifest], bytes] | None = None
    told: set[str] = field(default_factory=set)
    proven: tuple[str, LoopReleased | None] | None = None
    owed: set[Attempt] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleAt:
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
