"""Everything that a service needs before it begins, read and checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torghut.artifacts.package import parse_reference
from torghut.composition import deciding, machine, serving, standby
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.console import Progress
from torghut.entrypoints.cli.run.preparing import default_log
from torghut.entrypoints.cli.serve.options import ServeOptions, SourceKind
from torghut.market.ports import Source
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.observing.log_events import ServeStarted
from torghut.settings import revision, settings
from torghut.workflows.live.assembly import LiveWorker, Parts, assemble
from torghut.workflows.live.loop.keeping import LogKeeper
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import MetricsPage
from torghut.workflows.live.observing.tracing import Tracer
from torghut.workflows.live.standing import Identity
from torghut.workflows.live.switch_ports import WorkerPage
from torghut.workflows.opening import Setup
from torghut.workflows.running.serving import serving_packages

_LIVE_SPEED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedService:
    """A service that can begin.

    Attributes:
        worker: Put together.
        keeper: Of its log; to be closed.
        page: Its page; to be closed.
        source: The recorded source; None where contexts come in live.
        policy: What the service is bound by.
        declared: All declarations.
        log: Path of the log.
        tokens: Path of the file of tokens.
        metrics: Figures of this process.
        journal: The service's own log.
        tracer: Exports traces where the environment says where to.
        begun_ns: When it began, on the steady clock.
    """

    worker: LiveWorker
    keeper: LogKeeper
    page: WorkerPage
    source: Source | None
    policy: LivePolicy
    declared: Declarations
    log: Path
    tokens: Path
    metrics: MetricsPage
    journal: Journal
    tracer: Tracer
    begun_ns: int


def prepare(options: ServeOptions, told: Progress) -> PreparedService:
    """Read everything that a service needs, and open its log."""
    begun_ns = standby.steady_clock().now_ns()
    told.stage("Reading declarations and packages")
    declared = deciding.declarations()
    policy = standby.live_policy()
    chosen = {one.name: one.digest for one in map(parse_reference, options["package"])}
    packages = serving_packages(declared, deciding.package_store(), chosen)
    recorded = options["source"].kind is SourceKind.RECORDED
    source = deciding.source(options["source"].text, declared) if recorded else None
    told.stage("Loading the decision kernel; compiled once for each build")
    setup = Setup(
        kernel=deciding.kernel(),
        declarations=declared,
        packages=packages,
        shadow_router=options["router_mode"] == "shadow",
    )
    log = options["log"] or _log_of(options, source)
    metrics = serving.telemetry()
    journal = serving.journal(options["worker"], metrics)
    tracer = serving.tracer(options["worker"], metrics, journal)
    journal.say(
        ServeStarted(
            version=machine.version("torghut"),
            kernel_version=setup.kernel.version,
            pid=os.getpid(),
            source=options["source"].text,
            log=str(log),
        )
    )
    told.stage("Opening the log")
    page = standby.worker_page(options["worker"])
    keeper = serving.log_keeper(log)
    worker = assemble(
        Parts(
            keeper=keeper,
            setup=setup,
            policy=policy,
            wall=standby.wall_clock(),
            steady=standby.steady_clock(),
            ids=standby.ids(),
            folder=standby.switch_folder(),
            page=page,
            ear=standby.governance_beat(),
            aside=serving.threads_aside(),
            identity=Identity(
                worker=options["worker"],
                pid=os.getpid(),
                log=str(log),
                source=options["source"].text,
                revision=_revision(setup),
            ),
            speed=options["speed"].times if recorded else _LIVE_SPEED,
            takes_offers=not recorded,
            telemetry=metrics,
            journal=journal,
            tracer=tracer,
        )
    )
    return PreparedService(
        worker=worker,
        keeper=keeper,
        page=page,
        source=source,
        policy=policy,
        declared=declared,
        log=log,
        metrics=metrics,
        journal=journal,
        tracer=tracer,
        begun_ns=begun_ns,
        tokens=options["tokens"] or standby.token_file(),
    )


def _revision(setup: Setup) -> str:
    """Return what decides here, as one deployed thing."""
    return revision() or f"{machine.version('torghut')}+{setup.kernel.build[:12]}"


def _log_of(options: ServeOptions, source: Source | None) -> Path:
    """Return where the log goes if nobody says: named after the source, or after the worker."""
    if source is not None:
        return default_log(options["source"].text, source)
    folder = settings().trading_autonomy_artifact_dir / "logs"
    return folder / f"live-{options['worker']}.log"
