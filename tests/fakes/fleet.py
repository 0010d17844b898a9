"""Processes that share one topic, one log and one broker, each of which may die or halt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from tests.fakes.broker import Cluster, Frost, InMemoryBroker
from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.live import FailingKeeper, Ill, Illness, Page, SwitchFiles, live_policy
from tests.fakes.observing import KeptJournal, RecordedTelemetry
from tests.fakes.virtual_time import VirtualSteady, VirtualWall
from tests.support.carrying.carried import belongs, quote
from tests.support.decisions.loops import made_setup
from torghut.carrying.messages import Outgoing
from torghut.eventlog.block import Block, Head
from torghut.eventlog.memory import InMemoryLog, Kept
from torghut.eventlog.ports import Claim, Snapshot
from torghut.schemas.declarations.live import LivePolicy
from torghut.workflows.carrying.member import CarryingWorker
from torghut.workflows.carrying.observing import CarryingWitness
from torghut.workflows.carrying.owning import Share
from torghut.workflows.carrying.terms import CarriedTopics, CarryingBudgets
from torghut.workflows.live.assembly import Parts
from torghut.workflows.live.standing import Identity

TOPICS: Final = CarriedTopics()
BUDGETS: Final = CarryingBudgets(
    take_records=7,
    take_ms=100,
    unheard_max=4,
    retry_ms=100,
    retry_max_ms=1000,
    release_ms=3000,
    let_go_ms=500,
    controls_ms=3000,
)
POLICY: Final = live_policy(
    loop=(("pending_max", 6), ("batch_records", 4), ("snapshot_blocks", 5)),
    telling=(("kept_outcomes", 8),),
)
SYMBOLS: Final = ("fxcm:EURUSD", "fxcm:NZDUSD", "binance-spot:ETHUSDT")
GROUP: Final = "torghut"


class ProcessLog(InMemoryLog):
    """A log as one process has it open: while it is halted nothing is written.

    Args:
        kept: What is durable.
        frost: Of the process.
    """

    def __init__(self, kept: Kept, frost: Frost) -> None:
        super().__init__(clock=HandClock(), kept=kept)
        self._frost = frost

    @override
    async def claim(self, partition: int, holder: str, /) -> Claim:
        await self._frost.wait()
        return await super().claim(partition, holder)

    @override
    async def check_claimed(self, partition: int, /) -> None:
        await self._frost.wait()
        await super().check_claimed(partition)

    @override
    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        await self._frost.wait()
        return await super().append(block, meanwhile=meanwhile)

    @override
    async def put_object(self, body: bytes, /) -> str:
        await self._frost.wait()
        return await super().put_object(body)

    @override
    async def save_snapshot(self, snapshot: Snapshot, /) -> None:
        await self._frost.wait()
        await super().save_snapshot(snapshot)


@dataclass(slots=True, kw_only=True)
class Process:
    """One worker and what it alone has.

    Attributes:
        name: Of the worker.
        broker: As it reaches it.
        log: As it has it open.
        illness: What is wrong with that.
        told: What it says of itself.
        figures: Likewise, as figures.
        asked: Set to end it.
        worker: What runs in it.
        running: Its life; None before it began.
        dead: Whether it was killed.
    """

    name: str
    broker: InMemoryBroker
    log: ProcessLog
    illness: Illness
    told: KeptJournal
    figures: RecordedTelemetry
    asked: asyncio.Event
    worker: CarryingWorker
    running: asyncio.Task[None] | None = None
    dead: bool = False

    @property
    def halted(self) -> bool:
        """Whether it does nothing for now."""
        return not self.dead and self.broker.frost.halted

    def begin(self) -> None:
        """Let it run."""
        self.running = asyncio.ensure_future(self.worker.run(self.asked))

    async def kill(self) -> None:
        """End it at once: nothing that it does from now on reaches anybody."""
        self.dead = True
        self.broker.frost.kill()
        await self.broker.expire()
        if self.running is not None:
            self.running.cancel()

    async def halt(self) -> None:
        """Halt it for so long that others have its partitions."""
        self.broker.frost.freeze()
        await self.broker.expire()

    async def wake(self) -> None:
        """Let it go on where it was halted."""
        await self.broker.wake()


@dataclass(slots=True, kw_only=True)
class Fleet:
    """Everything that outlives a process.

    Attributes:
        partitions: Of the topic of contexts.
        policy: Of every loop.
        speed: What contexts say; None where lag is not measured.
        sent: How many contexts of each symbol were sent.
        processes: That were started.
    """

    partitions: int = 2
    policy: LivePolicy = POLICY
    speed: float | None = None
    cluster: Cluster = field(default_factory=Cluster)
    kept: Kept = field(default_factory=Kept)
    wall: VirtualWall = field(default_factory=VirtualWall)
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, 0))
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = (TOPICS.decisions, TOPICS.control_outcomes, TOPICS.quarantine)
        for topic in (TOPICS.contexts, *TOPICS.keyed, *own):
            self.cluster.topics.make(topic, self.partitions)
        for topic in (TOPICS.commands, TOPICS.heartbeats):
            self.cluster.topics.make(topic, 1)

    @property
    def log(self) -> InMemoryLog:
        """What is durable."""
        return InMemoryLog(clock=HandClock(), kept=self.kept)

    @property
    def alive(self) -> list[Process]:
        """Processes that were not killed and did not end."""
        return [
            one
            for one in self.processes
            if not one.dead and one.running is not None and not one.running.done()
        ]

    def start(self) -> Process:
        """Start one more process."""
        frost, illness = Frost(), Illness()
        name = f"w-{len(self.processes)}"
        log = ProcessLog(self.kept, frost)
        broker = InMemoryBroker(self.cluster, frost)
        told, figures = KeptJournal(), RecordedTelemetry()
        share = Share(
            claims=log,
            holder=name,
            broker=broker,
            sender=broker.sender(),
            topics=TOPICS,
            budgets=BUDGETS,
            parts_of=lambda partition: self._parts(name, log, illness, partition),
            partition_of=self.partition_of,
            witness=CarryingWitness(telemetry=figures, journal=told),
        )
        process = Process(
            name=name,
            broker=broker,
            log=log,
            illness=illness,
            told=told,
            figures=figures,
            asked=asyncio.Event(),
            worker=CarryingWorker(share=share, group=GROUP),
        )
        self.processes.append(process)
        process.begin()
        return process

    def partition_of(self, symbol: str) -> int:
        """Return where a symbol's contexts belong."""
        return belongs(self.partitions, symbol)

    def send(self, symbol: str, count: int = 1) -> None:
        """Send contexts of a symbol."""
        for _ in range(count):
            message = quote(self.sent[symbol], symbol, speed=self.speed, wall_ns=self.wall.now_ns())
            self.cluster.topics.keep(TOPICS.contexts, [message])
            self.sent[symbol] += 1

    def send_bad(self, symbol: str) -> None:
        """Send a record that is no context, where a symbol's contexts belong."""
        message = Outgoing(symbol.encode(), b"no context", ())
        self.cluster.topics.keep(TOPICS.contexts, [message])

    async def end(self) -> None:
        """End all processes that still run, and fail if one of them failed."""
        for one in self.alive:
            one.asked.set()
        killed = [one.running for one in self.processes if one.running is not None and one.dead]
        await asyncio.gather(*killed, return_exceptions=True)
        for one in self.processes:
            if one.running is not None and not one.dead:
                await one.running

    def heal(self) -> None:
        """Let nothing be wrong any more."""
        self.cluster.topics.away = False
        self.cluster.topics.lost.clear()
        for one in self.processes:
            one.illness.become(Ill.WELL)

    def _parts(self, name: str, log: ProcessLog, illness: Illness, partition: int) -> Parts:
        """Return what the loop of a partition is made of."""
        return Parts(
            keeper=FailingKeeper(log, illness),
            setup=made_setup(),
            policy=self.policy,
            wall=self.wall,
            steady=VirtualSteady(),
            ids=CountingIds(),
            folder=SwitchFiles(),
            page=Page(),
            identity=Identity(
                worker=f"{name}.p{partition}", pid=1, log="memory", source="topic:", revision="r1"
            ),
            speed=self.speed,
            takes_offers=False,
            partition=partition,
        )
