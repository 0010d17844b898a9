"""Everything that a worker needs before it joins, read and checked."""

from __future__ import annotations

from functools import partial

from torghut.artifacts.package import parse_reference
from torghut.carrying.planning import check_safe
from torghut.composition import brokering, deciding, working
from torghut.composition.working import ReadyWorker
from torghut.entrypoints.cli.carrying.options import WorkerOptions
from torghut.entrypoints.cli.console import Progress
from torghut.workflows.carrying.terms import CarriedTopics
from torghut.workflows.opening import Setup
from torghut.workflows.running.serving import serving_packages


async def prepare(options: WorkerOptions, told: Progress) -> ReadyWorker:
    """Read everything that a worker needs, and open its log."""
    told.stage("Reading declarations and packages")
    declared = deciding.declarations()
    chosen = {one.name: one.digest for one in map(parse_reference, options["package"])}
    packages = serving_packages(declared, deciding.package_store(), chosen)
    told.stage("Loading the decision kernel; compiled once for each build")
    setup = Setup(kernel=deciding.kernel(), declarations=declared, packages=packages)
    told.stage("Asking the broker for its topics")
    topics = brokering.carried_topics()
    broker = working.carrier(
        options["runtime"],
        options["bootstrap"],
        name=options["worker"],
        budget_ms=options["budget_ms"],
    )
    check_topics = partial(_check_topics, options, topics)
    await check_topics()
    told.stage("Opening the log")
    joining = working.Joining(
        worker=options["worker"],
        group=options["group"],
        broker=broker,
        topics=topics,
        log=options["log"],
        advice=options["advice"],
        check_topics=check_topics,
    )
    return await working.ready_worker(joining, setup)


async def _check_topics(options: WorkerOptions, topics: CarriedTopics) -> None:
    """Check that the topics keep what is written to them.

    Raises:
        TopicMissingError: One is not there.
        PartitionCountKeyedError: One has another number of partitions than is declared.
        PartitionsMissingError: One without a key has too few.
        TopicUnsafeError: One would lose records where one node is lost.
        BrokerUnreachableError: No broker answers within the budget.
        BrokerRefusedError: The broker answers that it will not.
    """
    admin = brokering.topic_admin(options["bootstrap"], budget_ms=options["budget_ms"])
    check_safe(brokering.declared_topics(), await admin.see(), topics.relied_on)
