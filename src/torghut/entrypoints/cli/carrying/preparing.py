"""Everything that a worker needs before it joins, read and checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torghut.artifacts.package import parse_reference
from torghut.carrying.planning import check_safe
from torghut.carrying.ports import Broker
from torghut.composition import brokering, deciding, logs, machine, serving, standby
from torghut.entrypoints.cli.carrying.options import WorkerOptions
from torghut.entrypoints.cli.console import Progress
from torghut.eventlog.ports import SharedLog
from torghut.schemas.declarations.live import LivePolicy
from torghut.settings import revision
from torghut.workflows.carrying.member import CarryingWorker
from torghut.workflows.carrying.observing import CarryingWitness
from torghut.workflows.carrying.owning import Share
from torghut.workflows.carrying.terms import CarriedTopics, CarryingBudgets
from torghut.workflows.live.assembly import Parts
from torghut.workflows.live.loop.keeping import LentLog
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import MetricsPage
from torghut.workflows.live.standing import Identity
from torghut.workflows.opening import Setup
from torghut.workflows.running.serving import serving_packages


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedWorker:
    """A worker that can join.

    Attributes:
        worker: Put together.
        log: Of all partitions; to be closed.
        share: What it brings to its partitions; its sender is to be closed.
        policy: What it is bound by.
        tokens: Path of the file of tokens.
        metrics: Figures of this process.
        journal: Its own log.
    """

    worker: CarryingWorker
    log: SharedLog
    share: Share
    policy: LivePolicy
    tokens: Path
    metrics: MetricsPage
    journal: Journal


async def prepare(options: WorkerOptions, told: Progress) -> PreparedWorker:
    """Read everything that a worker needs, and open its log."""
    told.stage("Reading declarations and packages")
    declared = deciding.declarations()
    policy = standby.live_policy()
    chosen = {one.name: one.digest for one in map(parse_reference, options["package"])}
    packages = serving_packages(declared, deciding.package_store(), chosen)
    told.stage("Loading the decision kernel; compiled once for each build")
    setup = Setup(kernel=deciding.kernel(), declarations=declared, packages=packages)
    told.stage("Asking the broker for its topics")
    topics = brokering.carried_topics()
    broker_of = brokering.faust_broker if options["runtime"] == "faust" else brokering.broker
    broker = broker_of(options["bootstrap"], name=options["worker"], budget_ms=options["budget_ms"])
    await _check_topics(options, topics)
    partitions = await _partitions(broker, topics.contexts)
    told.stage("Opening the log")
    address = logs.database_address(options["log"])
    log = logs.shared_log(address)
    metrics = serving.telemetry()
    journal = serving.journal(options["worker"], metrics)

    def parts_of(partition: int) -> Parts:
        worker = f"{options['worker']}.p{partition}"
        return Parts(
            keeper=LentLog(log),
            partition=partition,
            setup=setup,
            policy=policy,
            wall=standby.wall_clock(),
            steady=standby.steady_clock(),
            ids=standby.ids(),
            folder=standby.switch_folder(),
            page=standby.worker_page(worker),
            ear=standby.governance_beat(),
            aside=serving.threads_aside(),
            identity=Identity(
                worker=worker,
                pid=os.getpid(),
                log=address.dsn,
                source=f"kafka:{topics.contexts}/{partition}",
                revision=revision() or f"{machine.version('torghut')}+{setup.kernel.build[:12]}",
            ),
            speed=1.0,
            takes_offers=False,
            shared=True,
            telemetry=metrics,
            journal=journal,
        )

    share = Share(
        claims=log,
        holder=options["worker"],
        broker=broker,
        sender=broker.sender(),
        topics=topics,
        budgets=CarryingBudgets(),
        parts_of=parts_of,
        partition_of=brokering.partitioned(partitions),
        witness=CarryingWitness(telemetry=metrics, journal=journal),
    )
    return PreparedWorker(
        worker=CarryingWorker(share=share, group=options["group"]),
        log=log,
        share=share,
        policy=policy,
        tokens=options["tokens"] or standby.token_file(),
        metrics=metrics,
        journal=journal,
    )


async def _check_topics(options: WorkerOptions, topics: CarriedTopics) -> None:
    """Check that the topics keep what is written to them.

    Raises:
        TopicMissingError: One is not there.
        PartitionCountKeyedError: One has another number of partitions than is declared.
        TopicUnsafeError: One would lose records where one node is lost.
        BrokerUnreachableError: No broker answers within the budget.
        BrokerRefusedError: The broker answers that it will not.
    """
    admin = brokering.topic_admin(options["bootstrap"], budget_ms=options["budget_ms"])
    check_safe(brokering.declared_topics(), await admin.see(), topics.relied_on)


async def _partitions(broker: Broker, topic: str) -> int:
    """Return how many partitions the topic of contexts has.

    Raises:
        TopicMissingError: There is none of that name.
        BrokerUnreachableError: No broker answers within the budget.
        BrokerRefusedError: The broker answers that it will not.
    """
    reader = broker.reader()
    try:
        return await reader.partitions(topic)
    finally:
        await reader.close()
