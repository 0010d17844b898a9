"""One worker put together: its loop, its desk, and what is looked after beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from torghut.decisions.recording import parse_cursor
from torghut.eventlog.errors import ObjectMissingError
from torghut.kernel.clock import IdSource, SteadyClock, WallClock
from torghut.kernel.units import NS_PER_MS
from torghut.market.ports import Cursor
from torghut.schemas.control import ControlRecord
from torghut.schemas.declarations.live import LivePolicy
from torghut.workflows.live.desk import LiveDesk
from torghut.workflows.live.intake.feeds import Feeds
from torghut.workflows.live.intake.stamping import IngressClock
from torghut.workflows.live.intake.waiting import WaitingControl, WaitingLine
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.loop.counting import BlockCounting
from torghut.workflows.live.loop.deciding import LiveLoop
from torghut.workflows.live.loop.heeding import Heeding
from torghut.workflows.live.loop.keeping import LogKeeper
from torghut.workflows.live.observing.governed import DeafEar, GovernanceEar
from torghut.workflows.live.observing.journal import SILENT_JOURNAL, Journal
from torghut.workflows.live.observing.telemetry import SILENT_TELEMETRY, Telemetry
from torghut.workflows.live.observing.tracing import SILENT_TRACER, Tracer
from torghut.workflows.live.observing.witness import Witness
from torghut.workflows.live.standing import Identity, Standing
from torghut.workflows.live.switch_ports import SwitchFolder, WorkerPage
from torghut.workflows.live.switching import Switchboard
from torghut.workflows.live.watching import Watch
from torghut.workflows.opening import Setup
from torghut.workflows.running.errors import SourceDiffersError


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a worker is made of.

    Attributes:
        keeper: Of its log.
        partition: Of the log.
        setup: What the log is decided with.
        policy: What it is bound by.
        wall: For people.
        steady: For durations.
        ids: Names what it records by itself.
        folder: Switch files.
        page: Its page.
        ear: Hears governance.
        aside: Looks after those; None for the threads that the loop waits for at its end.
        identity: Its names.
        speed: Of playing; None where lag is not measured.
        takes_offers: Whether contexts may be offered to its desk.
        shared: Whether its source is one of several partitions.
        telemetry: Takes figures about it.
        journal: Takes its log lines.
        tracer: Takes its traces.
    """

    keeper: LogKeeper
    setup: Setup
    policy: LivePolicy
    wall: WallClock
    steady: SteadyClock
    ids: IdSource
    folder: SwitchFolder
    page: WorkerPage
    identity: Identity
    speed: float | None
    takes_offers: bool
    partition: int = 0
    shared: bool = False
    ear: GovernanceEar = field(default_factory=DeafEar)
    aside: Executor | None = None
    telemetry: Telemetry = SILENT_TELEMETRY
    journal: Journal = SILENT_JOURNAL
    tracer: Tracer = SILENT_TRACER


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWorker:
    """A worker, put together and not begun."""

    loop: LiveLoop
    desk: LiveDesk
    watch: Watch
    clock: IngressClock
    standing: Standing
    condition: Condition
    witness: Witness

    async def begin(self) -> None:
        """Take the log up, and see to it that what is thrown comes before the first decision.

        Raises:
            TorghutError: The log cannot be taken up.
        """
        await asyncio.to_thread(self.watch.folder.prepare)
        await self.loop.begin()
        self.desk.feeds.know(self.loop.fold.sources)
        self.clock.not_before(self.loop.fold.clock_ns)
        await self.watch.look_at_switches()
        await self.watch.keep_page()
        self.standing.phase = "serving"
        self.standing.changed()

    def record_first(self, records: Sequence[ControlRecord]) -> None:
        """Let control records go before everything that waits."""
        self.loop.line.put([WaitingControl(record=record, urgent=True) for record in records])

    @property
    def cursor(self) -> Cursor:
        """Where a recorded source is to be taken up."""
        return parse_cursor(self.loop.head.cursor)

    async def check_feeds(self) -> None:
        """Check that the log was decided from live feeds alone.

        Raises:
            SourceDiffersError: It was decided from a recorded source.
        """
        for digest in self.loop.fold.sources:
            try:
                await self.loop.keeper.log.get_object(digest)
            except ObjectMissingError as error:
                raise SourceDiffersError(expected=[digest], found=()) from error


def assemble(parts: Parts) -> LiveWorker:
    """Return a worker made of ``parts``."""
    policy = parts.policy
    clock = IngressClock(
        wall=parts.wall,
        steady=parts.steady,
        pause_ns=policy.timeliness.pause_ms * NS_PER_MS,
    )
    feeds = Feeds(limit=policy.door.feeds_max)
    witness = Witness(telemetry=parts.telemetry, journal=parts.journal, wall=parts.wall)
    condition = Condition(wall=parts.wall, witness=witness)
    counting = BlockCounting(
        telemetry=parts.telemetry,
        journal=parts.journal,
        tracer=parts.tracer,
        wall=parts.wall,
        steady=parts.steady,
    )
    loop = LiveLoop(
        keeper=parts.keeper,
        partition=parts.partition,
        setup=parts.setup,
        policy=policy,
        line=WaitingLine(limit=policy.loop.pending_max),
        condition=condition,
        witness=witness,
        wall=parts.wall,
        steady=parts.steady,
        speed=parts.speed,
        declarations_of=feeds.declaration,
        done=counting.told,
    )
    revision = parts.identity.revision
    switches = Switchboard(wall=parts.wall, witness=witness, revision=revision)
    standing = Standing(
        identity=parts.identity,
        loop=loop,
        condition=condition,
        switches=switches,
        wall=parts.wall,
        steady=parts.steady,
        latency=counting.latency,
    )
    condition.changed = standing.changed

    def recorded(records: Sequence[ControlRecord]) -> None:
        switches.note(records)
        if records:
            standing.changed()

    loop.recorded = recorded
    desk = LiveDesk(
        loop=loop,
        clock=clock,
        switches=switches,
        standing=standing,
        ids=parts.ids,
        feeds=feeds,
        declared=frozenset(parts.setup.declarations.by_symbol),
        source=parts.identity.source,
        takes_offers=parts.takes_offers,
    )
    watch = Watch(
        loop=loop,
        clock=clock,
        steady=parts.steady,
        condition=condition,
        switches=switches,
        standing=standing,
        folder=parts.folder,
        page=parts.page,
        witness=witness,
        ear=parts.ear,
        heeding=Heeding(
            # A recorded source has a receive clock of its own; governance is heard on that.
            receive_ns=clock.receive_ns if parts.takes_offers else lambda: loop.fold.clock_ns,
            speed=parts.speed or 1.0,
        ),
        aside=parts.aside,
        shared=parts.shared,
    )
    loop.attentive = watch.catch_up
    return LiveWorker(
        loop=loop,
        desk=desk,
        watch=watch,
        clock=clock,
        standing=standing,
        condition=condition,
        witness=witness,
    )
