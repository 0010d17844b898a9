"""What the second part asks of governance: cycles, challengers, a promotion; as anybody would type.

Each is the command itself, with its own checks and its own exit code.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from torghut.artifacts.package import Package
from torghut.composition import governing, standby
from torghut.entrypoints.cli.demo.failing import DemoFailedError
from torghut.entrypoints.cli.demo.made.market import FIRST_NS, STEP_NS, STEPS
from torghut.entrypoints.cli.demo.made.packages import ROUTER
from torghut.entrypoints.cli.demo.made.world import MadeWorld
from torghut.entrypoints.cli.demo.typed import Ended, typed
from torghut.governance.safety.rollback import RollbackState
from torghut.governance.verification.verifying import read_manifest
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.governing.latch import StopIncident
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import rollback_of
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.scheduling.running import governance_of

BPS: Final = 1e4
_PAGE_MS: Final = 10_000
"""Longest wait for a loop's page, which is written four times a second."""
_LOOK_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the lane made of a challenger.

    Attributes:
        package: The challenger.
        run_id: Of its run.
        card: Its evaluation.
        status: Of its manifest, final and signed.
    """

    package: Package
    run_id: str
    card: EvaluationCard
    status: str

    @property
    def edge_bps(self) -> tuple[float, float, float]:
        """Over the champion a step: mean, and the interval around it; NaN where it has none."""
        over = next(one for one in self.card.differences if one.baseline == "champion")
        nan = float("nan")
        bounds = (nan if one is None else one for one in (over.lower, over.upper))
        mean, lower, upper = (BPS * one for one in (over.mean, *bounds))
        return mean, lower, upper


def submit(world: MadeWorld, challenger: Package) -> None:
    """Let a challenger wait for its run on the recorded made prices."""
    window = f"{instant(FIRST_NS)}..{instant(FIRST_NS + STEP_NS * STEPS)}"
    _done(
        typed(
            *("lane", "submit", "--candidate", f"{challenger.name}@{challenger.digest}"),
            *("--router", ROUTER, "--log", str(world.recorded), "--window", window),
        ),
        step="lane submit",
    )


def cycle(world: MadeWorld) -> IterationNote:
    """Run a cycle of governance on the live loop, and return its note.

    Raises:
        DemoFailedError: It did not end well, or the loop's page does not say how late the loop is.
    """
    _await_lag()
    ended = typed("scheduler", "cycle", "--log", str(world.live), "--key", str(world.key))
    note = IterationNote.model_validate_json(canonical_bytes(ended.said))
    if ended.status != ExitCode.YES:
        raise DemoFailedError(step="scheduler cycle", found=f"{note.outcome}: {note.reason}")
    return note


def _await_lag() -> None:
    """Wait until the loop's page says how late it is; what nobody measured yet stops the loop.

    Raises:
        DemoFailedError: It does not.
    """
    steady = standby.steady_clock()
    until_ns = steady.now_ns() + _PAGE_MS * NS_PER_MS
    while not any(_measured(one) for one in standby.worker_pages()):
        if steady.now_ns() > until_ns:
            raise DemoFailedError(step="live loop", found="a page that does not say its lag")
        time.sleep(_LOOK_S)


def _measured(seen: WorkerSeen) -> bool:
    """Return whether a worker that lives says how late it is."""
    return seen.alive and seen.status is not None and seen.status.lag_ms is not None


def judged(world: MadeWorld, challenger: Package, note: IterationNote) -> Judged:
    """Return what the lane made of the challenger that a cycle ran.

    Raises:
        DemoFailedError: It ran none.
    """
    if note.phase_manifest is None:
        raise DemoFailedError(step="lane", found=f"no manifest: {note.outcome}, {note.reason}")
    run_id = note.phase_manifest.path.split("/")[1]
    store = standby.artifact_root(world.artifacts)
    card = store.read(f"runs/{run_id}/evaluation-card.json")
    return Judged(
        package=challenger,
        run_id=run_id,
        card=EvaluationCard.model_validate_json(card),
        status=note.manifest_status or "none",
    )


def promote(run_id: str) -> str:
    """Promote a run's candidate on paper, and return the digest of what serves now."""
    said = _done(typed("promotion", "apply", run_id), step="promotion apply").said
    return str(said["package"])


def triggers(world: MadeWorld, evidence: Evidence) -> tuple[str, ...]:
    """Return what stopped the loop, out of the evidence of it."""
    body = standby.artifact_root(world.artifacts).read(evidence.path)
    return StopIncident.model_validate_json(body).triggers


async def rollback(world: MadeWorld, run_id: str) -> RollbackState:
    """Return what governance's log says of a run's rollback."""
    governance = governance_of(governing.governance_events(world.artifacts))
    return await governance.state(rollback_of(run_id, 1))


def manifest(world: MadeWorld) -> PhaseManifest:
    """Return the manifest of the run that was last touched, as it stands now."""
    body = standby.artifact_root(world.artifacts).read(CURRENT)
    return read_manifest(body)


def _done(ended: Ended, *, step: str) -> Ended:
    """Return how a command ended, well.

    Raises:
        DemoFailedError: It did not.
    """
    if ended.status != ExitCode.YES:
        raise DemoFailedError(step=step, found=f"exit status {ended.status}: {ended.said}")
    return ended
