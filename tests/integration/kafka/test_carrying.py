"""Workers over a real broker: they share, hand over, and each context has one outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.fleet import SYMBOLS
from tests.fakes.live import FailingKeeper, Illness, Page, SwitchFiles, live_policy
from tests.support.carrying.brokers import named
from tests.support.carrying.carried import belongs, carried_control, quote
from tests.support.carrying.carriers import KafkaCarrier, heard, says, texts
from tests.support.decisions.loops import made_setup, stop_record
from torghut.adapters.system.clock import MonotonicClock, SystemClock
from torghut.carrying.messages import CAUSATION_ID, LOG_POSITION, Outgoing
from torghut.decisions.recording import read_block
from torghut.eventlog.memory import InMemoryLog, Kept
from torghut.workflows.carrying.member import CarryingWorker
from torghut.workflows.carrying.owning import Share
from torghut.workflows.carrying.terms import CarriedTopics, CarryingBudgets
from torghut.workflows.live.assembly import Parts
from torghut.workflows.live.standing import Identity
from torghut.workflows.live.told.outcomes import settled_then

PARTITIONS: Final = 4


@dataclass(slots=True, kw_only=True)
class Stage:
    """A real broker with topics of its own, and one log.

    Attributes:
        sent: Contexts that were sent of each symbol.
    """

    carrier: KafkaCarrier
    topics: CarriedTopics
    kept: Kept = field(default_factory=Kept)
    group: str = field(default_factory=lambda: named("torghut"))
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SYMBOLS, 0))
    asked: list[asyncio.Event] = field(default_factory=list)
    running: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def log(self) -> InMemoryLog:
        """What is durable."""
        return InMemoryLog(clock=HandClock(), kept=self.kept)

    def start(self) -> CarryingWorker:
        """Start a worker with a handle of its own."""
        name = f"w-{len(self.running)}"
        log, broker = self.log, self.carrier.broker()
        share = Share(
            claims=log,
            holder=name,
            broker=broker,
            sender=broker.sender(),
            topics=self.topics,
            budgets=CarryingBudgets(),
            parts_of=lambda partition: parts(name, log, partition),
            partition_of=lambda symbol: belongs(PARTITIONS, symbol),
        )
        worker = CarryingWorker(share=share, group=self.group)
        self.asked.append(asyncio.Event())
        self.running.append(asyncio.ensure_future(self._run(worker, share, self.asked[-1])))
        return worker

    async def send(self, count: int) -> None:
        """Send so many contexts of each symbol, and let each partition have a poisoned one."""
        sender = self.carrier.broker().sender()
        for symbol in SYMBOLS:
            messages = [quote(self.sent[symbol] + one, symbol) for one in range(count)]
            await sender.send(self.topics.contexts, messages)
            await sender.send(self.topics.contexts, [Outgoing(symbol.encode(), b"poison", ())])
            self.sent[symbol] += count
        await sender.close()

    async def all_heard(self) -> dict[str, list[int]]:
        """Wait until everything is published; return the sequences of each symbol, in order."""
        wanted = sum(self.sent.values())
        for _ in range(300):
            found = await self.published()
            if sum(map(len, found.values())) >= wanted:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.5)
        return await self.published()

    async def published(self) -> dict[str, list[int]]:
        """Return what the topic of decisions holds now."""
        found: dict[str, list[int]] = {}
        for number in range(PARTITIONS):
            records = await heard(self.carrier.broker(), (self.topics.decisions, number))
            for one in records:
                _, venue, name, _, sequence = dict(one.headers)[CAUSATION_ID].decode().split(":")
                assert belongs(PARTITIONS, f"{venue}:{name}") == number
                found.setdefault(f"{venue}:{name}", []).append(int(sequence))
        return found

    async def end(self) -> None:
        """End all workers."""
        for one in self.asked:
            one.set()
        await asyncio.gather(*self.running)

    async def _run(self, worker: CarryingWorker, share: Share, asked: asyncio.Event) -> None:
        try:
            await worker.run(asked)
        finally:
            await share.sender.close()


def parts(name: str, log: InMemoryLog, partition: int) -> Parts:
    """Return what the loop of a partition is made of."""
    return Parts(
        keeper=FailingKeeper(log, Illness()),
        setup=made_setup(),
        policy=live_policy(loop=(("batch_records", 50), ("snapshot_blocks", 5))),
        wall=SystemClock(),
        steady=MonotonicClock(),
        ids=CountingIds(),
        folder=SwitchFiles(),
        page=Page(),
        identity=Identity(
            worker=f"{name}-{partition}", pid=1, log="memory", source="topic:", revision="r1"
        ),
        speed=None,
        takes_offers=False,
        partition=partition,
    )


def on_stage(bootstrap: str, test: Callable[[Stage], Coroutine[object, object, None]]) -> None:
    """Run a test with topics of its own."""
    carrier = KafkaCarrier(bootstrap)

    async def main() -> None:
        declared = CarriedTopics()
        made = replace(
            declared,
            contexts=await carrier.make("contexts", PARTITIONS),
            decisions=await carrier.make("decisions", PARTITIONS),
            control_outcomes=await carrier.make("control-outcomes", PARTITIONS),
            fills=await carrier.make("fills", PARTITIONS),
            positions=await carrier.make("positions", PARTITIONS),
            news=await carrier.make("news", PARTITIONS),
            fundamentals=await carrier.make("fundamentals", PARTITIONS),
            commands=await carrier.make("commands", 1),
            quarantine=await carrier.make("quarantine", PARTITIONS),
            heartbeats=await carrier.make("heartbeats", 1),
        )
        stage = Stage(carrier=carrier, topics=made)
        try:
            await test(stage)
        finally:
            await stage.end()

    carrier.run(main())


async def check_log(stage: Stage) -> None:
    """Check that the log holds each context once and in order, and what is none by its offset."""
    for number in range(PARTITIONS):
        blocks = [block async for block in stage.log.blocks(number)]
        names = [name for block in blocks for _, _, name in settled_then(block).names]
        symbols = [one for one in SYMBOLS if belongs(PARTITIONS, one) == number]
        for symbol in symbols:
            own = [int(name.split(":")[-1]) for name in names if f":{symbol}:" in name]
            assert own == list(range(stage.sent[symbol]))
        assert len(names) == sum(stage.sent[symbol] for symbol in symbols)


@pytest.mark.timeout(120)
def test_workers_share_hand_over_and_publish_each_outcome_once(broker: str) -> None:
    async def test(stage: Stage) -> None:
        sender = stage.carrier.broker().sender()
        stop = carried_control(stop_record("yesterday", "stopped"))
        await sender.send(stage.topics.commands, [stop])
        await sender.close()
        await stage.send(200)
        first = stage.start()
        await stage.send(200)
        second = stage.start()
        for _ in range(200):
            if len(first.owned) == len(second.owned) == PARTITIONS // 2:
                break
            await asyncio.sleep(0.1)
        assert not first.owned.keys() & second.owned.keys()
        await stage.send(200)
        stage.asked[0].set()
        await stage.send(200)
        assert await stage.all_heard() == {one: list(range(800)) for one in SYMBOLS}
        await stage.end()
        await check_log(stage)
        broker = stage.carrier.broker()
        kept = [
            dict(one.headers)[LOG_POSITION]
            for number in range(PARTITIONS)
            for one in await heard(broker, (stage.topics.quarantine, number))
        ]
        assert len(kept) == len(set(kept)) == 4 * len(SYMBOLS)
        for number in {belongs(PARTITIONS, one) for one in SYMBOLS}:
            blocks = [block async for block in stage.log.blocks(number)]
            received = read_block(blocks[0]).received
            assert [arrival.record.control_id for arrival in received] == ["yesterday"]

    on_stage(broker, test)


def test_half_of_what_a_dead_voice_was_about_to_say_is_never_heard(broker: str) -> None:
    carrier = KafkaCarrier(broker)

    async def test() -> None:
        topic = await carrier.make("decisions", 1)
        voice = carrier.broker().voice(topic, 0)
        await voice.raise_()
        await voice.say(says("a"))
        await voice.settle()
        await voice.fall_silent()
        dead = AIOKafkaProducer(
            bootstrap_servers=broker, transactional_id=f"torghut:{topic}:0", acks="all"
        )
        await dead.start()
        await dead.begin_transaction()
        await dead.send_and_wait(topic, b"half", key=b"k", partition=0)
        assert texts(await heard(carrier.broker(), (topic, 0))) == ["a"]
        last = await voice.raise_()
        assert last is not None
        assert last.value == b"a"
        await voice.say(says("b"))
        await voice.settle()
        assert texts(await heard(carrier.broker(), (topic, 0))) == ["a", "b"]
        await voice.fall_silent()
        await dead.stop()

    carrier.run(test())
