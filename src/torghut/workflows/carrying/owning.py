"""One partition while a worker has it: claimed, taken up where its chain ends, decided, told.

The order matters. Whoever claims the partition fences who had it before, so the head that the claim
gives is the head. The voice is raised after that: what the one before had published is final then.
Control records come before the first context. At the end all of it is given back in turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from torghut.carrying.errors import BrokerRefusedError, BrokerUnreachableError
from torghut.carrying.messages import SCHEMA, Outgoing, Received
from torghut.carrying.ports import Broker, Membership, Sender, TopicReader, Voice
from torghut.eventlog.errors import LogWriteError
from torghut.eventlog.ports import SharedLog
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S
from torghut.schemas.live.position import Position
from torghut.workflows.carrying.beside import BesideReader
from torghut.workflows.carrying.errors import PartitionLateError
from torghut.workflows.carrying.intake import Intake, PartitionOf
from torghut.workflows.carrying.observing import CarryingWitness
from torghut.workflows.carrying.publishing import Publisher, by_name, by_symbol, schema_of
from torghut.workflows.carrying.terms import CarriedTopics, CarryingBudgets
from torghut.workflows.live.advice.awaiting import Advisor, NobodyAdvises
from torghut.workflows.live.assembly import LiveWorker, Parts, assemble
from torghut.workflows.live.life import gravest_of, live


async def nothing_to_check() -> None:
    """Take the topics for what they should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a worker brings to every partition that it gets.

    Attributes:
        claims: The log of all partitions, each of which is claimed.
        holder: Who claims.
        broker: That carries.
        sender: Of heartbeats.
        topics: That are read and written.
        budgets: What waits may take.
        parts_of: Makes what a partition's loop is made of; its page is closed at the end.
        partition_of: Where a symbol's contexts belong.
        advisor: Who is asked for advice.
        witness: Told what happens, for others.
        check_topics: Raises where the topics no longer keep what they acknowledge.
    """

    claims: SharedLog
    holder: str
    broker: Broker
    sender: Sender
    topics: CarriedTopics
    budgets: CarryingBudgets
    parts_of: Callable[[int], Parts]
    partition_of: PartitionOf
    advisor: Advisor = field(default_factory=NobodyAdvises)
    witness: CarryingWitness = field(default_factory=CarryingWitness)
    check_topics: Callable[[], Awaitable[None]] = nothing_to_check


@dataclass(slots=True, kw_only=True)
class OwnedPartition:
    """A partition of a worker.

    Attributes:
        partition: Its number.
        membership: That hands out its records.
        share: Of the worker.
        asked: Set to give it back.
        worker: Its loop; None before it was taken up.
        serving: Whether its contexts are decided.
        published: The last outcome that was published when it was taken up.
        unheard: Why the last heartbeat did not reach the broker; empty if it did.
        unsure: Why the log did not say that the partition is still claimed; empty if it did.
        trouble: Why it could not be taken up, or gone on with; None once it is decided again.
    """

    partition: int
    membership: Membership
    share: Share
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    worker: LiveWorker | None = None
    serving: bool = False
    published: Position = field(init=False)
    unheard: str = ""
    unsure: str = ""
    trouble: TorghutError | None = None
    _intake: Intake | None = None
    _full: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Take the partition up and decide it until asked to give it back.

        Raises:
            ClaimLostError: Another process claimed it since.
            VoiceSilencedError: Another process publishes it by now.
            TorghutError: It cannot be taken up, or not be gone on with.
        """
        topics, broker = self.share.topics, self.share.broker
        voice = broker.voice(topics.decisions, self.partition)
        aside = broker.voice(topics.control_outcomes, self.partition)
        reader = broker.reader()
        try:
            async with AsyncExitStack() as held:
                held.push_async_callback(
                    _let_go, (voice.fall_silent, aside.fall_silent, reader.close)
                )
                parts = self.share.parts_of(self.partition)
                held.callback(parts.page.close)  # before the clients: who tries again needs it
                held.callback(self._rest)
                await self.share.claims.claim(self.partition, self.share.holder)
                worker = self.worker = assemble(parts)
                worker.loop.awaiting.advisor = self.share.advisor
                await worker.begin()
                outcomes = self._outcomes(worker, voice)
                self.published = await outcomes.raise_voice()
                worker.loop.attentive = self._attentive(worker.loop.attentive, outcomes)
                publishers = (outcomes, self._control_outcomes(worker, aside))
                await self._serve(worker, publishers, self._beside(worker, reader))
        except BaseExceptionGroup as group:
            raise gravest_of(group) from group

    def unready(self) -> Sequence[str]:
        """Return what keeps it from deciding durably and telling of it; nothing if it is ready."""
        if self.trouble is not None:
            return [str(self.trouble)]
        if not self.serving or self.worker is None:
            return ["it is being taken up"]
        found = list(self.worker.desk.unready())
        if self.worker.condition.has("broker-away"):
            found.append("the broker takes nothing")
        if self.unheard:
            found.append(f"the broker does not hear it: {self.unheard}")
        if self.unsure:
            found.append(f"the log does not say whether it is still claimed: {self.unsure}")
        return found

    def bring(self, records: Sequence[Received]) -> None:
        """Take in what was handed out of the partition; hold it back where too much waits."""
        if self._intake is None or self.worker is None or not self.serving:
            return  # handed out before it was placed
        loop = self.worker.loop
        items = self._intake.items(records)
        loop.speed = self._intake.speed
        loop.line.put(items)
        if not loop.line.has_room and not self._full.is_set():
            self.membership.hold(self.partition)
            self._full.set()

    def _rest(self) -> None:
        """Decide nothing; what is not given back is not read either, until it is taken up again."""
        self.serving, self.unsure = False, ""
        self._full.clear()
        if not self.asked.is_set():
            self.membership.hold(self.partition)

    async def _serve(
        self, worker: LiveWorker, publishers: Sequence[Publisher], beside: BesideReader
    ) -> None:
        """Decide, publish and say that this is so, until asked to end; then publish the last."""
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(publisher.publish()) for publisher in publishers]
            others += [
                tasks.create_task(self._beat(worker)),
                tasks.create_task(self._resume(worker)),
                tasks.create_task(self._stay_claimed()),
            ]
            await live(worker, lambda: self._feed(worker, beside), self.asked)
            await self._within(
                _all_heard(publishers),
                what="publishing what was decided last",
                budget_ms=self.share.budgets.release_ms,
            )
            for task in others:
                task.cancel()
        self.share.witness.given_back(self.partition, block=worker.loop.head.number)

    async def _feed(self, worker: LiveWorker, beside: BesideReader) -> None:
        """Take what is beside, then let contexts come, and go on taking what comes beside."""
        budgets = self.share.budgets
        await self._within(
            beside.catch_up(wait_ms=budgets.take_ms),
            what="taking the control records that were there",
            budget_ms=budgets.controls_ms,
        )
        loop = worker.loop
        self._intake = Intake(
            partition=self.partition,
            source=worker.desk.feeds.own(self._name),
            declared=worker.desk.declared,
            sources=set(loop.fold.sources),
            partition_of=self.share.partition_of,
            clock=worker.clock,
            expected=worker.cursor.record,
        )
        self.membership.place(self.partition, self._intake.expected)
        self.serving, self.trouble = True, None
        self.share.witness.taken_up(
            self.partition,
            block=loop.head.number,
            offset=self._intake.expected,
            published=self.published,
        )
        self.membership.go_on(self.partition)
        try:
            await beside.follow(wait_ms=budgets.take_ms, retry_ms=budgets.retry_ms)
        finally:
            self.serving = False

    async def _within(self, doing: Awaitable[None], *, what: str, budget_ms: int) -> None:
        """Wait for something within its budget.

        Raises:
            PartitionLateError: It takes longer.
        """
        try:
            async with asyncio.timeout(budget_ms / MS_PER_S):
                await doing
        except TimeoutError as error:
            raise PartitionLateError(
                partition=self.partition, what=what, budget_ms=budget_ms
            ) from error

    async def _beat(self, worker: LiveWorker) -> None:
        """Send heartbeats, for ever; where the broker is away nobody hears them."""
        key = worker.standing.identity.worker.encode()
        topic = self.share.topics.heartbeats
        while True:
            try:
                beat = worker.desk.heartbeat()
                headers = ((SCHEMA, schema_of(beat)),)
                await self.share.sender.send(topic, [Outgoing(key, beat, headers)])
                self.unheard = ""
            except BrokerUnreachableError as error:
                self.unheard = str(error)
                await asyncio.sleep(self.share.budgets.retry_ms / MS_PER_S)
            except BrokerRefusedError as error:  # others may hear of it all the same
                self.unheard = str(error)
            await worker.desk.beats()

    async def _stay_claimed(self) -> None:
        """Ask again and again whether the claim still holds: without contexts nothing else does.

        Raises:
            ClaimLostError: Another process claimed the partition since.
        """
        budget_ms = self.share.budgets.probe_ms
        while True:
            await asyncio.sleep(budget_ms / MS_PER_S)
            try:
                async with asyncio.timeout(budget_ms / MS_PER_S):
                    await self._check_claimed()
                self.unsure = ""
            except TimeoutError:
                self.unsure = f"nothing came within {budget_ms} ms"
            except LogWriteError as error:
                self.unsure = str(error)

    async def _resume(self, worker: LiveWorker) -> None:
        """Let records be handed out again whenever there is room for them again, for ever."""
        while True:
            await self._full.wait()
            await worker.loop.line.room()
            self._full.clear()
            if self.serving:
                self.membership.go_on(self.partition)

    def _attentive(
        self, attentive: Callable[[], Awaitable[None]], outcomes: Publisher
    ) -> Callable[[], Awaitable[None]]:
        """Return what a loop awaits before each block: that what it decided before is heard."""
        budgets = self.share.budgets

        async def heard() -> None:
            await outcomes.keep_up(budgets.unheard_max, within_ms=budgets.keep_up_ms)
            await attentive()

        return heard

    def _outcomes(self, worker: LiveWorker, voice: Voice) -> Publisher:
        """Return what publishes what became of contexts."""
        witness, steady = self.share.witness, worker.loop.steady
        return Publisher(
            told=worker.loop.outcomes,
            voice=voice,
            key_of=by_symbol,
            check_claimed=self._check_claimed,
            condition=worker.condition,
            settle_ms=self.share.budgets.settle_ms,
            retry_ms=self.share.budgets.retry_ms,
            quarantine=self.share.topics.quarantine,
            places={worker.desk.feeds.own(k): v for k, v in self._inputs().items()},
            acknowledged=lambda came: witness.acknowledged(came, steady.now_ns()),
        )

    def _control_outcomes(self, worker: LiveWorker, voice: Voice) -> Publisher:
        """Return what publishes what became of control records; it raises its voice by itself."""
        return Publisher(
            told=worker.loop.controls,
            voice=voice,
            key_of=by_name,
            check_claimed=self._check_claimed,
            condition=worker.condition,
            settle_ms=self.share.budgets.settle_ms,
            retry_ms=self.share.budgets.retry_ms,
        )

    async def _check_claimed(self) -> None:
        """Check that no other process claimed the partition since."""
        await self.share.claims.check_claimed(self.partition)

    def _beside(self, worker: LiveWorker, reader: TopicReader) -> BesideReader:
        """Return what reads the control records of this partition."""
        places = {name: place for name, place in self._inputs().items() if name != self._name}
        beside = BesideReader(
            reader=reader,
            partition=self.partition,
            places=places,
            source_of=worker.desk.feeds.own,
            partition_of=self.share.partition_of,
            line=worker.loop.line,
            refusing=worker.desk.refusal,
        )
        beside.go_on(worker.cursor.beside)
        return beside

    def _inputs(self) -> Mapping[str, tuple[str, int]]:
        """Return every partition of a topic that is read, by the name that the log has for it."""
        topics = self.share.topics
        keyed = [(topic, self.partition) for topic in (topics.contexts, *topics.keyed)]
        return {f"{topic}/{one}": (topic, one) for topic, one in (*keyed, (topics.commands, 0))}

    @property
    def _name(self) -> str:
        """What the log calls the contexts' own partition."""
        return f"{self.share.topics.contexts}/{self.partition}"


async def _let_go(releases: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Let go of clients, all at once; a failure of one, or a cancel, keeps none of them from it.

    Each ends within the broker's budget, so who cancels waits for that, and no longer.
    """
    going = asyncio.gather(*(release() for release in releases), return_exceptions=True)
    try:
        await asyncio.shield(going)
    finally:
        await asyncio.wait([going])
        for fault in going.result():
            if fault is not None:
                raise fault


async def _all_heard(publishers: Sequence[Publisher]) -> None:
    """Wait until everything that was told is heard."""
    for publisher in publishers:
        await publisher.all_heard()
