"""A scheduler over a made-up loop, whose process may die between any two cycles."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.governance import FakeClearances, FakeLane, FakeLoop, FakeMeter, governor
from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.lane.rollouts import evidence_files
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.verification.verifying import read_manifest
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import Governance
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.scheduling.cycle import run_cycle
from torghut.workflows.scheduling.governor import Governor
from torghut.workflows.streams import Streams

OWN: Final = "runs/run-1/rollout/phase-manifest.json"
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Desk:
    """A scheduler whose process may die between any two cycles.

    Args:
        loop: That it governs.
        signed: Whether it has a key.
    """

    def __init__(self, loop: FakeLoop | None = None, *, signed: bool = False) -> None:
        self.log = InMemoryLog(clock=HandClock())
        self.store = InMemoryArtifacts(evidence_files())
        self.loop = loop or FakeLoop()
        self.key = KEY if signed else None
        self.meter = FakeMeter()
        self.clearances = FakeClearances()
        self.now_ns = START_NS
        self.governor = self.reopened()

    @property
    def lane(self) -> FakeLane:
        """The lane of the governor."""
        assert isinstance(self.governor.lane, FakeLane)
        return self.governor.lane

    def reopened(self) -> Governor:
        """Return a governor that knows what the log says, and nothing else."""
        governance = Governance(streams=Streams(self.log), causes=CAUSES)
        made = governor(
            governance,
            self.loop,
            store=self.store,
            meter=self.meter,
            clearances=self.clearances,
        )
        made.key = self.key
        return made

    def restart(self) -> None:
        """Let the process die between cycles."""
        before = self.lane
        self.governor = self.reopened()
        self.lane.last, self.lane.waiting = before.last, before.waiting

    def cycle(self, **seen: object) -> IterationNote:
        """Run a cycle a minute later, in which the loop shows ``seen``."""
        self.now_ns += 60 * SECOND_NS
        self.loop.shown = replace(self.loop.shown, **seen)  # type: ignore[arg-type]
        return run(run_cycle(self.governor, epoch=1, holder="one", now_ns=self.now_ns))

    def manifest(self, place: str = CURRENT) -> PhaseManifest:
        """Return a manifest as it is read."""
        return read_manifest(self.store.read(place))
