"""The composition root of a worker: its log, and what each of its partitions is made of.

What it decides with comes from outside, so that whoever measures a worker measures this one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from torghut.adapters.reasoning.inquiring import SocketAdvisor
from torghut.carrying.ports import Broker
from torghut.composition import brokering, logs, machine, serving, standby
from torghut.composition.advice.advisor import advisor_at
from torghut.eventlog.ports import SharedLog
from torghut.schemas.declarations.live import LivePolicy
from torghut.settings import revision
from torghut.workflows.carrying.member import CarryingWorker
from torghut.workflows.carrying.observing import CarryingWitness
from torghut.workflows.carrying.owning import Share, nothing_to_check
from torghut.workflows.carrying.terms import CarriedTopics, CarryingBudgets
from torghut.workflows.live.advice.awaiting import NobodyAdvises
from torghut.workflows.live.assembly import Parts
from torghut.workflows.live.loop.keeping import LentLog
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import MetricsPage
from torghut.workflows.live.standing import Identity
from torghut.workflows.opening import Setup

_BLOCKS_WAITING: Final = 4
"""As many contexts as make so many blocks wait before a partition is held back."""

Runtime = Literal["aiokafka", "faust"]
"""What a worker is a member of its group with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """As what a worker joins, and where.

    Attributes:
        worker: Name of the worker, which no other has.
        group: Name that all workers of a log share.
        broker: That carries.
        topics: That are read and written.
        log: Address of the database, as typed.
        advice: Socket of whoever asks for advice; None where nobody does.
        check_topics: Raises where the topics no longer keep what they acknowledge.
    """

    worker: str
    group: str
    broker: Broker
    topics: CarriedTopics
    log: str
    advice: Path | None = None
    check_topics: Callable[[], Awaitable[None]] = nothing_to_check


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyWorker:
    """A worker that can join.

    Attributes:
        worker: Put together.
        advisor: The way to whoever asks for advice; None where nobody does.
        log: Of all partitions.
        share: What it brings to its partitions.
        policy: What it is bound by.
        metrics: Figures of this process.
        journal: Its own log.
    """

    worker: CarryingWorker
    advisor: SocketAdvisor | None
    log: SharedLog
    share: Share
    policy: LivePolicy
    metrics: MetricsPage
    journal: Journal

    async def run(self, asked: asyncio.Event) -> None:
        """Be a member of the group until asked to end, and keep the way to who asks meanwhile.

        Raises:
            Exception: What ``CarryingWorker.run`` raises.
        """
        if self.advisor is None:
            await self.worker.run(asked)
            return
        reaching = asyncio.ensure_future(self.advisor.run())
        try:
            await self.worker.run(asked)
        finally:
            reaching.cancel()
            (defect,) = await asyncio.gather(reaching, return_exceptions=True)
            if isinstance(defect, Exception):
                self.share.witness.failed("reasoning", defect)

    async def close(self) -> None:
        """Let go of the broker and of the log."""
        await self.share.sender.close()
        await self.log.close()


def carrier(runtime: Runtime, bootstrap: str | None, *, name: str, budget_ms: int) -> Broker:
    """Return the broker that is named, with the groups of a runtime; nothing is asked of it yet.

    Args:
        runtime: What shares the partitions.
        bootstrap: Addresses that come before those of the environment.
        name: What the broker's own log calls this process.
        budget_ms: Longest wait for an answer.

    Raises:
        TorghutError: What ``brokering.broker`` and ``brokering.faust_broker`` raise.
    """
    opened = brokering.faust_broker if runtime == "faust" else brokering.broker
    return opened(bootstrap, name=name, budget_ms=budget_ms)


async def ready_worker(joining: Joining, setup: Setup) -> ReadyWorker:
    """Return a worker that is about to join, its log opened; it is to be closed.

    Args:
        joining: As what, and where.
        setup: What it decides with.

    Raises:
        TopicMissingError: There is no topic of contexts.
        BrokerUnreachableError: No broker answers within the budget.
        TorghutError: The log cannot be opened.
    """
    policy = standby.live_policy()
    partitions = await _partitions(joining.broker, joining.topics.contexts)
    address = logs.database_address(joining.log)
    log = logs.shared_log(address)
    metrics = serving.telemetry()
    journal = serving.journal(joining.worker, metrics)
    aside = serving.threads_aside()

    def parts_of(partition: int) -> Parts:
        worker = f"{joining.worker}.p{partition}"
        return Parts(
            keeper=LentLog(log),
            partition=partition,
            setup=setup,
            policy=_with_short_line(policy),
            wall=standby.wall_clock(),
            steady=standby.steady_clock(),
            ids=standby.ids(),
            folder=standby.switch_folder(),
            page=standby.worker_page(worker),
            ear=standby.governance_beat(),
            aside=aside,
            identity=Identity(
                worker=worker,
                pid=os.getpid(),
                log=address.dsn,
                source=f"kafka:{joining.topics.contexts}/{partition}",
                revision=revision() or f"{machine.version('torghut')}+{setup.kernel.build[:12]}",
            ),
            speed=1.0,
            takes_offers=False,
            shared=True,
            telemetry=metrics,
            journal=journal,
        )

    advisor = None if joining.advice is None else advisor_at(joining.advice, metrics)
    share = Share(
        claims=log,
        holder=joining.worker,
        broker=joining.broker,
        sender=joining.broker.sender(),
        topics=joining.topics,
        budgets=CarryingBudgets(),
        parts_of=parts_of,
        partition_of=brokering.partitioned(partitions),
        advisor=advisor or NobodyAdvises(),
        witness=CarryingWitness(telemetry=metrics, journal=journal),
        check_topics=joining.check_topics,
    )
    machine.keep_for_good()
    return ReadyWorker(
        worker=CarryingWorker(share=share, group=joining.group),
        advisor=advisor,
        log=log,
        share=share,
        policy=policy,
        metrics=metrics,
        journal=journal,
    )


def _with_short_line(policy: LivePolicy) -> LivePolicy:
    """Return a policy under which few contexts wait: all others are kept by their topic.

    To read far ahead takes turns from what was read, decided and is to be published.
    """
    few = min(policy.loop.pending_max, _BLOCKS_WAITING * policy.loop.batch_records)
    loop = policy.loop.model_dump() | {"pending_max": few}
    return LivePolicy.model_validate(policy.model_dump() | {"loop": loop})


async def _partitions(broker: Broker, topic: str) -> int:
    """Return how many partitions the topic of contexts has.

    Raises:
        TopicMissingError: There is none of that name.
        BrokerUnreachableError: No broker answers within the budget.
    """
    reader = broker.reader()
    try:
        return await reader.partitions(topic)
    finally:
        await reader.close()
