"""The composition root of the lane: its queue, what it writes under, who admits a candidate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from torghut.adapters.filesystem.lease import FileLease
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.adapters.sqlite.store import read_log
from torghut.adapters.system.clock import SystemClock, cpu_ns
from torghut.adapters.system.machine import version
from torghut.composition import deciding
from torghut.composition.governing import (
    governance_events,
    governing_policies,
    live_grounds,
    owners,
)
from torghut.composition.standby import LEASE, artifact_root, steady_clock, wall_clock
from torghut.evals.judging import FixedSampleJudge
from torghut.eventlog.ports import EventStore
from torghut.governance.approvals.keyring import keyring_of
from torghut.governance.ledger.ledger import LEDGER, ledger_stream, read_ledger_event
from torghut.governance.ports import Lease, WriterLease
from torghut.schemas.declarations.safety import LeasePolicy
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.rollout.lane import CandidateSpec
from torghut.schemas.types import message_digest
from torghut.settings import artifact_dir, revision
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import register_candidate
from torghut.workflows.lane.desk.candidates import FOLDER as CANDIDATES
from torghut.workflows.lane.desk.candidates import Candidates
from torghut.workflows.lane.desk.preparing import LaneTools
from torghut.workflows.lane.desk.programs import ProgramTools
from torghut.workflows.lane.desk.registry import Registry
from torghut.workflows.lane.desk.working import LaneDesk
from torghut.workflows.lane.drifting import last_drift
from torghut.workflows.lane.naming import candidate_id_of, ledger_of
from torghut.workflows.lane.ports import Admission, LanePorts, Paging, Telling
from torghut.workflows.lane.rehearsal import Rehearsing
from torghut.workflows.scheduling.fencing import Fence, FencedArtifacts, FencedEvents
from torghut.workflows.scheduling.running import CAUSE
from torghut.workflows.streams import Streams

__all__ = ["approvals_office", "candidates", "governance_lease", "lane_desk", "registry"]


def candidates() -> Candidates:
    """Return the candidates that wait below the folder of artifacts."""
    root = artifact_dir()
    return Candidates(packages=FolderPackageStore(root / CANDIDATES), files=artifact_root(root))


async def lane_desk(
    told: Telling, *, under: tuple[int, str] | None = None, page: Paging | None = None
) -> LaneDesk:
    """Return what works the lane's queue off, below the folder of artifacts.

    Args:
        told: Where to say how far a run is.
        under: Epoch and holder of the lease that everything is written under; None: of none.
        page: Renders a run's page; None: none is left.
    """
    root, declared = artifact_dir(), governing_policies()
    decider = deciding.kernel()
    policies = (declared.evaluation, declared.safety, declared.drift)
    shared, files = governance_events(root), artifact_root(root)
    events: EventStore = shared
    if under is not None:
        lease = Lease(epoch=under[0], holder=under[1], expires_wall_ns=0)
        fence = Fence(keeper=governance_lease(root, declared.safety.lease), lease=lease)
        events = FencedEvents(store=shared, fence=fence, turn=shared.session)
        files = FencedArtifacts(store=files, fence=fence)
    return LaneDesk(
        ports=LanePorts(
            events=events,
            store=files,
            wall=wall_clock(),
            admission=Admission(target="paper"),
            cycle_length_s=declared.scheduler.cycles.every_s,
            drift_max_age_ms=declared.drift.evidence_max_age_ms,
            drift=partial(last_drift, events),
            told=told,
            page=page,
        ),
        tools=LaneTools(
            kernel=decider,
            candidates=candidates(),
            evaluation=declared.evaluation,
            policies={one.kind: message_digest(one) for one in policies},
            judge=FixedSampleJudge(),
            rehearsing=Rehearsing(
                kernel=decider,
                wall=wall_clock(),
                steady=steady_clock(),
                revision=revision() or version("torghut"),
            ),
            count_trial=_trials(events),
            cpu=cpu_ns,
            programs=program_tools(events),
        ),
        open_log=lambda path: read_log(Path(path)),
        admit=registry(events).admit,
    )


def program_tools(events: EventStore) -> ProgramTools:
    """Return what runs of programs are made with besides; nothing that renders a program."""
    kept, policies = candidates(), governing_policies()

    async def serving(ledger: str) -> str | None:
        stream = ledger_stream(ledger)
        return (await Streams(events).state(LEDGER, read_ledger_event, stream)).serving

    return ProgramTools(
        declared=deciding.declarations(),
        policy=policies.programs,
        split=policies.evaluation.split,
        packages=kept.packages,
        files=kept.files,
        serving=serving,
    )


def registry(events: EventStore) -> Registry:
    """Return what says which target a run is admitted for, by what is on record now."""
    return Registry(
        office=approvals_office(events),
        grounds=live_grounds(events),
        roadmap=governing_policies().roadmap,
    )


def approvals_office(events: EventStore) -> Office:
    """Return where this installation keeps approvals and promotions, as the scheduler sees them."""
    return Office(
        events=events,
        keyring=keyring_of(owners()),
        safety=governing_policies().safety,
        wall=wall_clock(),
        by=CAUSE,
    )


def _trials(events: EventStore) -> Callable[[str, CandidateSpec], Awaitable[int]]:
    """Return what registers a run in its candidate's ledger and counts its trials."""

    async def count(run_id: str, spec: CandidateSpec) -> int:
        candidate = LedgerCandidate(
            candidate_id=candidate_id_of(spec),
            digest=spec.package or spec.declarations or "",
            package=spec.package,
        )
        return await register_candidate(
            Streams(events), ledger_of(spec), candidate, run_id=run_id, at_ns=wall_clock().now_ns()
        )

    return count


def governance_lease(folder: Path, policy: LeasePolicy) -> WriterLease:
    """Return the lease of the one writer of the governance whose files are in ``folder``."""
    return FileLease(folder / LEASE, clock=SystemClock(), time_to_live_ms=policy.time_to_live_ms)
