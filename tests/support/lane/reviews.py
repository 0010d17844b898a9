"""A whole run of the lane on made prices, finalised and signed, for those who review it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.decisions.declared import shipped
from tests.support.lane.lanes import ROUTER, LaneWorld, package_trial, run_trial
from tests.support.lane.planted import market, planted_arm, regimes
from tests.support.lane.rollouts import RUN_ID, evidence_files, whole_run
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import EventStore
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.manifest import manifest_of
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    FinaliseRun,
    RolloutCommand,
    read_rollout_event,
    rollout_stream,
)
from torghut.router.package import read_regime_model
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.workflows.lane.contest.arms import ArmPlan
from torghut.workflows.reviewing.exporting import export_bytes, export_run
from torghut.workflows.rollout.publishing import project_run, publish_run
from torghut.workflows.streams import Streams

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
"""That signs these runs."""

QUIET: Final = RollbackFacts(triggered=False)


def public_key() -> bytes:
    """Return the public half of the key, in PEM."""
    return KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """A run that has come to its end.

    Attributes:
        run_id: Its id.
        files: Everything below the artifact root.
        events: Governance's log.
        manifest: What holds of it.
    """

    run_id: str
    files: InMemoryArtifacts
    events: EventStore
    manifest: PhaseManifest

    def export(self) -> bytes:
        """Return its export."""
        return export_bytes(asyncio.run(export_run(self.events, self.files, self.run_id, 1)))

    def bodies(self) -> dict[str, bytes]:
        """Return every file by its path."""
        return {path: self.files.read(path) for path in self.files.paths()}

    def laid(self, folder: Path) -> Path:
        """Lay its files below a folder, and return where its own manifest is."""
        for path, body in self.bodies().items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(body)
        return folder / f"runs/{self.run_id}/rollout/phase-manifest.json"


async def _then(world: LaneWorld, run_id: str, *commands: RolloutCommand) -> PhaseManifest:
    """Record what the safety controls say, publish it signed, and return what holds."""
    causes = Causes(correlation_id=run_id, causation_id="test")
    stream = rollout_stream(run_id)
    for command in commands:
        await Streams(world.events).run(ROLLOUT, read_rollout_event, stream, command, causes=causes)
    state = await project_run(world.events, run_id)
    publish_run(state, world.files, key=KEY)
    return manifest_of(state)


def reviewed(name: str = "better") -> Reviewed:
    """Return a run of a planted candidate, made anew."""
    world, champion = LaneWorld(), regimes()
    plan = ArmPlan(declarations=shipped(), packages={ROUTER: read_regime_model(champion)})
    trial = package_trial(champion, plugged=planted_arm(name, plan))
    result = run_trial(world, market(8000), champion, trial)
    run_id, at_ns = result.ended.run_id, world.clock.now_ns() + 1_000_000_000
    final = FinaliseRun(drift_status="stable", rollback=QUIET, at_ns=at_ns)
    manifest = asyncio.run(_then(world, run_id, final))
    return Reviewed(run_id=run_id, files=world.files, events=world.events, manifest=manifest)


@cache
def better() -> Reviewed:
    """Return a run that passes, which nobody may change."""
    return reviewed()


def made(*later: RolloutCommand) -> Reviewed:
    """Return a run whose figures are made up, and what later cycles say of it."""
    world = LaneWorld(files=InMemoryArtifacts(evidence_files()))
    manifest = asyncio.run(_then(world, RUN_ID, *whole_run(), *later))
    return Reviewed(run_id=RUN_ID, files=world.files, events=world.events, manifest=manifest)
