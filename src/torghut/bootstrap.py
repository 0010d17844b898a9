"""The composition root of what decides, replays and looks up: it chooses implementations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from torghut.adapters.filesystem.declarations import load
from torghut.adapters.filesystem.lease import FileLease
from torghut.adapters.filesystem.machine_code.keeping import FolderCode
from torghut.adapters.filesystem.machine_code.opening import why_refused
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.adapters.filesystem.writing import write_text
from torghut.adapters.sources.decoding.scanner import compiled_scanner, scanner_is_kept
from torghut.adapters.sources.opening import open_source
from torghut.adapters.sources.target import InstrumentTiming
from torghut.adapters.sqlite.accepting import Acceptance, accept_truncation
from torghut.adapters.sqlite.aside import set_log_aside
from torghut.adapters.sqlite.heads.lines import heads_path
from torghut.adapters.sqlite.store import read_log
from torghut.adapters.system.clock import RandomIds, SystemClock, cpu_ns
from torghut.adapters.system.disk import SyncTimes, measure_sync, trial_folder
from torghut.adapters.system.machine import environment, fingerprint, version
from torghut.adapters.system.processes import Child, child_command, run_python
from torghut.adapters.system.signals import (
    Stopping,
    end_on_terminate,
    interrupt_on_terminate,
    stop_on_signals,
)
from torghut.artifacts.ports import PackageStore
from torghut.decisions.declarations import Declarations
from torghut.decisions.kernel.engine import DecisionKernel, compiled_kernel, kernel_is_kept
from torghut.decisions.kernel.feature_pass import (
    FeaturePass,
    compiled_feature_pass,
    feature_pass_is_kept,
)
from torghut.evals.baselines import BaselineInvalidError, RunBaseline, parse_run_baseline
from torghut.evals.judging import FixedSampleJudge
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.errors import LogMissingError
from torghut.eventlog.events import LossAccepted
from torghut.eventlog.ports import EventStore
from torghut.governance.approvals.keyring import keyring_of
from torghut.governance.ports import Lease, WriterLease
from torghut.governing import governance_events, governing_policies, live_grounds, owners
from torghut.kernel.native.ports import CodeStore
from torghut.logs import (
    SCHEMES,
    Address,
    LogPlace,
    archive_log,
    copy_log,
    database_address,
    inspected_log,
    readable_log,
    reopening,
    upgrade_log,
    writable_log,
)
from torghut.market.instruments import receive_latency_ns
from torghut.market.ports import Source
from torghut.schemas.declarations.safety import LeasePolicy
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.rollout.lane import CandidateSpec
from torghut.schemas.types import message_digest
from torghut.settings import artifact_dir, revision, settings
from torghut.standby import LEASE, artifact_root, steady_clock, wall_clock
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import register_candidate
from torghut.workflows.lane.desk.candidates import FOLDER as CANDIDATES
from torghut.workflows.lane.desk.candidates import Candidates
from torghut.workflows.lane.desk.preparing import LaneTools
from torghut.workflows.lane.desk.registry import Registry
from torghut.workflows.lane.desk.working import LaneDesk
from torghut.workflows.lane.drifting import last_drift
from torghut.workflows.lane.naming import candidate_id_of
from torghut.workflows.lane.ports import Admission, LanePorts, Paging, Telling
from torghut.workflows.lane.rehearsal import Rehearsing
from torghut.workflows.scheduling.fencing import Fence, FencedArtifacts, FencedEvents
from torghut.workflows.scheduling.running import CAUSE
from torghut.workflows.streams import Streams

__all__ = [
    "BASELINES",
    "DEMO_BASELINE",
    "SCHEMES",
    "Address",
    "Child",
    "LogPlace",
    "Stopping",
    "SyncTimes",
    "accept_loss",
    "approvals_office",
    "archive_log",
    "cache_fault",
    "candidates",
    "child_command",
    "compile_decisions",
    "compile_reading",
    "copy_log",
    "database_address",
    "declarations",
    "declarations_in",
    "demo_baseline",
    "end_on_terminate",
    "environment",
    "fingerprint",
    "governance_lease",
    "heads_path",
    "inspected_log",
    "interrupt_on_terminate",
    "kernel",
    "kernel_cache",
    "kernels_are_cached",
    "lane_desk",
    "machine_code",
    "measure_sync",
    "package_store",
    "readable_log",
    "reopening",
    "set_log_aside",
    "source",
    "stop_on_signals",
    "trial_folder",
    "upgrade_log",
    "version",
    "writable_log",
    "write_text",
]

BASELINES = "router/baselines"
"""Where packages that come with a checkout or a wheel are kept."""

DEMO_BASELINE = "evals/baselines/demo.json"
"""What the demo comes to, as published."""

_COMPILES = tuple(
    f"from torghut.bootstrap import {name}; {name}()"
    for name in ("compile_decisions", "compile_reading")
)


def declarations() -> Declarations:
    """Return the declarations of this installation."""
    return load(settings().declarations_dir)


def declarations_in(root: Path) -> Declarations:
    """Return the declarations below ``root``.

    Raises:
        DeclarationError: One is missing, or does not fit its model.
    """
    return load(root)


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
    decider = kernel()
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
        ),
        open_log=lambda path: read_log(Path(path)),
        admit=registry(events).admit,
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
    """Return what registers a run in the ledger of its router and counts its trials."""

    async def count(run_id: str, spec: CandidateSpec) -> int:
        candidate = LedgerCandidate(
            candidate_id=candidate_id_of(spec),
            digest=spec.package or spec.declarations or "",
            package=spec.package,
        )
        return await register_candidate(
            Streams(events), spec.router, candidate, run_id=run_id, at_ns=wall_clock().now_ns()
        )

    return count


def governance_lease(folder: Path, policy: LeasePolicy) -> WriterLease:
    """Return the lease of the one writer of the governance whose files are in ``folder``."""
    return FileLease(folder / LEASE, clock=SystemClock(), time_to_live_ms=policy.time_to_live_ms)


def package_store(root: Path | None = None) -> PackageStore:
    """Return the packages under ``root``, by default those that came with this installation."""
    return FolderPackageStore(root or settings().declarations_dir / BASELINES)


def source(uri: str, declared: Declarations) -> Source:
    """Return the source that ``uri`` names."""
    instruments = {
        instrument.symbol: InstrumentTiming(latency_ns=receive_latency_ns(instrument))
        for instrument in declared.instruments
    }
    return open_source(uri, instruments, machine_code=_filled_cache())


def accept_loss(path: Path, reason: str) -> LossAccepted | None:
    """Take the log at ``path`` as it is, on the record; None if nothing was missing.

    Raises:
        LogMissingError: There is neither a log nor its heads file.
        LogIntegrityError: The log was altered, not only cut; that cannot be accepted.
        TorghutError: It is in use, or cannot be written.
    """
    if not path.exists() and not heads_path(path).exists():
        raise LogMissingError(path=str(path))
    ids = RandomIds()
    causes = Causes(correlation_id=ids.new_id(), causation_id="torghut log accept-truncation")
    return accept_truncation(
        path, Acceptance(reason=reason, causes=causes), clock=SystemClock(), ids=ids
    )


def demo_baseline() -> RunBaseline:
    """Return what the demo is published to come to.

    Raises:
        BaselineInvalidError: The file that says so is missing or altered.
    """
    try:
        text = (settings().declarations_dir / DEMO_BASELINE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineInvalidError(name=DEMO_BASELINE, found=str(error)) from error
    return parse_run_baseline(text, name=DEMO_BASELINE)


def cache_fault() -> str:
    """Return why compiled kernels are not kept on this machine; empty if they are."""
    folder = settings().cache_dir
    return "no folder is writable" if folder is None else why_refused(folder)


def kernel_cache() -> Path | None:
    """Return where compiled kernels are kept; None where they live in memory."""
    return None if cache_fault() else settings().cache_dir


def machine_code() -> CodeStore | None:
    """Return what keeps compiled kernels; None where they live in memory."""
    folder = kernel_cache()
    return None if folder is None else FolderCode(folder)


def compile_decisions() -> None:
    """Compile what decides into the cache; for a child, with which the compiler's memory goes."""
    compiled_kernel(machine_code())


def compile_reading() -> None:
    """Compile what reads sources into the cache; for a child likewise."""
    store = machine_code()
    compiled_scanner(store)
    compiled_feature_pass(store)


def kernels_are_cached(store: CodeStore) -> bool:
    """Return whether every kernel of this installation is in ``store``."""
    return kernel_is_kept(store) and scanner_is_kept(store) and feature_pass_is_kept(store)


def kernel(waiting: Callable[[float], None] = lambda _: None) -> DecisionKernel:
    """Return the decision kernel, compiled before.

    Args:
        waiting: Told every half second how many seconds the compilation has taken so far.
    """
    return compiled_kernel(_filled_cache(waiting))


def feature_pass() -> FeaturePass:
    """Return the feature pass, compiled before."""
    return compiled_feature_pass(_filled_cache())


def _filled_cache(waiting: Callable[[float], None] = lambda _: None) -> CodeStore | None:
    """Return what keeps compiled kernels, with those of this installation there.

    What is missing is compiled in child processes: this one stays without a compiler.
    """
    store = machine_code()
    if store is not None and not kernels_are_cached(store):
        run_python(_COMPILES, waiting)
    return store
