"""Whatever comes between what and wherever it ends, each record of each topic is taken once.

Contexts and urgent control records wait in one line and are taken in blocks of any size; after any
block the process may be gone, and the next one goes on from what the last block says.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes.broker import Frost, InMemoryReader
from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.topics import Topics
from tests.fakes.virtual_time import run_virtually
from tests.support.carrying.carried import at, belongs, carried_control, quote
from tests.support.decisions.loops import made_setup, stop_record
from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import Outgoing
from torghut.market.ports import Cursor
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import ControlRecord
from torghut.workflows.carrying.beside import BesideReader
from torghut.workflows.carrying.intake import Intake
from torghut.workflows.live.intake.stamping import IngressClock
from torghut.workflows.live.intake.waiting import WaitingLine
from torghut.workflows.live.loop.blocks import Gathered
from torghut.workflows.live.loop.gathering import gather
from torghut.workflows.opening import fresh_fold

A, B = "fxcm:EURUSD", "fxcm:NZDUSD"
PARTITIONS: Final = 2
PARTITION: Final = belongs(PARTITIONS, A)
ELSEWHERE: Final = next(
    s for s in (B, "binance-spot:ETHUSDT") if belongs(PARTITIONS, s) != PARTITION
)
FILLS, COMMANDS = "fills", "commands"
PLACES: Final = {f"{FILLS}/{PARTITION}": (FILLS, PARTITION), f"{COMMANDS}/0": (COMMANDS, 0)}


async def not_refused(_: ControlRecord) -> str:
    """Refuse nothing."""
    return ""


@dataclass(slots=True)
class Chain:
    """A log that says what each block took, and who fills it.

    Attributes:
        blocks: What was gathered, with the cursor after it.
        contexts: How many were sent.
        controls: Ids that were sent for this partition, by the topic that they were sent to.
    """

    topics: Topics = field(default_factory=Topics)
    blocks: list[tuple[Gathered, Cursor]] = field(default_factory=list)
    contexts: int = 0
    controls: dict[str, list[str]] = field(default_factory=lambda: {FILLS: [], COMMANDS: []})
    line: WaitingLine = field(init=False)
    intake: Intake = field(init=False)
    beside: BesideReader = field(init=False)
    sent: int = 0

    def __post_init__(self) -> None:
        self.topics.make(COMMANDS, 1)
        self.topics.make(FILLS, PARTITIONS)
        self.topics.make("contexts", 1)
        self.begin()

    @property
    def cursor(self) -> Cursor:
        """What the last block says."""
        return self.blocks[-1][1] if self.blocks else Cursor()

    def begin(self) -> None:
        """Go on from the last block with nothing in memory."""
        self.line = WaitingLine(limit=8)
        clock = IngressClock(wall=HandClock(), steady=Stopwatch(), pause_ns=1)
        self.intake = Intake(
            partition=PARTITION,
            source="fe" * 32,
            declared={A, B},
            sources=set(),
            partition_of=lambda _: PARTITION,
            clock=clock,
            expected=self.cursor.record,
        )
        self.beside = BesideReader(
            reader=InMemoryReader(self.topics, Frost()),
            partition=PARTITION,
            places=PLACES,
            source_of=lambda name: f"source of {name}",
            partition_of=lambda symbol: belongs(PARTITIONS, symbol),
            line=self.line,
            refusing=not_refused,
        )
        self.beside.go_on(self.cursor.beside)

    def send_contexts(self, count: int) -> None:
        """Send contexts in one transaction."""
        part = self.topics.part(("contexts", 0))
        for _ in range(count):
            part.add(quote(self.contexts, A))
            self.contexts += 1
        part.mark()

    def send_control(self, topic: str, symbol: str) -> None:
        """Send a control record, and a mark behind it."""
        self.sent += 1
        name = f"control-{self.sent}"
        self.put(topic, carried_control(stop_record(name, "stopped", symbol=symbol)))
        if symbol != ELSEWHERE:
            self.controls[topic].append(name)

    def send_bad(self, topic: str) -> None:
        """Send a record that is none."""
        self.sent += 1
        self.put(topic, Outgoing(b"k", b"no record %d" % self.sent, ()))
        self.controls[topic].append(f"{topic}-bad")

    def put(self, topic: str, message: Outgoing) -> None:
        """Put a record where this partition reads it."""
        part = self.topics.part((topic, PARTITION if topic == FILLS else 0))
        part.add(message)
        part.mark()
        self.topics.wake()

    async def step(self, what: str, number: int) -> None:
        """Do one thing."""
        match what:
            case "contexts":
                self.send_contexts(number)
            case "hand out":
                records = [
                    one
                    for one in self.topics.part(("contexts", 0)).records
                    if one.offset >= self.intake.expected
                ]
                self.line.put(self.intake.items(records[:number]))
            case "fill":
                self.send_control(FILLS, (A, A, ELSEWHERE)[number % 3])
            case "command":
                self.send_control(COMMANDS, ("*", A, ELSEWHERE)[number % 3])
            case "bad":
                self.send_bad((FILLS, COMMANDS)[number % 2])
            case "beside":
                await self.take_beside()
            case _:
                self.go_on(what, number)

    def go_on(self, what: str, number: int) -> None:
        """Take a block, fail to, or be gone."""
        match what:
            case "block":
                self.block(number + 1)
            case "fail":
                self.line.put_back(self.line.take(number + 1))
            case _:
                self.begin()

    async def take_beside(self) -> None:
        """Take what is beside, if there is room."""
        try:
            async with asyncio.timeout(1):
                await self.beside.take(wait_ms=10)
        except TimeoutError:
            assert self.line.urgent

    def block(self, most: int) -> None:
        """Take a block from the line."""
        items = self.line.take(most)
        if items:
            gathered = gather(items, fresh_fold(made_setup()))
            assert not gathered.empty
            self.blocks.append((gathered, gathered.cursor_after(self.cursor)))
            self.check()

    def check(self) -> None:
        """Check that the last block claims nothing that is not in the chain."""
        taken = [one for gathered, _ in self.blocks for one in offsets_of(gathered)]
        assert Counter(taken).most_common(1)[0][1] == 1
        cursor = self.cursor
        kept = set(taken)
        for name, (topic, number) in [*PLACES.items(), ("contexts/0", ("contexts", 0))]:
            claimed = cursor.record if topic == "contexts" else cursor.beside.get(name, 0)
            for one in self.topics.part((topic, number)).records:
                if ELSEWHERE.encode() not in (one.value or b""):
                    assert ((name, one.offset) in kept) == (one.offset < claimed)

    async def end(self) -> None:
        """Take everything that is left."""
        self.begin()
        for _ in range(200):
            await self.step("hand out", 3)
            await self.take_beside()
            self.block(5)
        assert len(self.line) == 0
        assert not self.line.urgent


def offsets_of(gathered: Gathered) -> list[tuple[str, int]]:
    """Return the places that a block's records came from."""
    found = []
    for item in gathered.contexts:
        assert item.cursor is not None
        found.append(("contexts/0", item.cursor.record - 1))
    for control, _ in gathered.controls:
        assert control.beside is not None
        found.append((control.beside[0], control.beside[1] - 1))
    found += [
        (source.removeprefix("source of "), kept.record) for source, kept in gathered.quarantined
    ]
    return found


def names_of(chain: Chain) -> dict[str, list[str]]:
    """Return which control records the chain holds, by topic and in order."""
    found: dict[str, list[str]] = {FILLS: [], COMMANDS: []}
    for gathered, _ in chain.blocks:
        for control, _ in gathered.controls:
            assert control.beside is not None
            found[control.beside[0].split("/")[0]].append(control.record.control_id)
    return found


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("contexts"), st.integers(1, 4)),
        st.tuples(st.just("hand out"), st.integers(1, 6)),
        st.tuples(st.sampled_from(["fill", "command"]), st.integers(0, 2)),
        st.tuples(st.just("bad"), st.integers(0, 1)),
        st.tuples(st.just("beside"), st.just(0)),
        st.tuples(st.sampled_from(["block", "fail"]), st.integers(0, 5)),
        st.tuples(st.just("crash"), st.just(0)),
    ),
    max_size=50,
)


@settings(max_examples=60)
@given(STEPS)
@example(
    [
        *(("contexts", 3), ("hand out", 3), ("command", 0), ("fill", 0), ("beside", 0)),
        *(("block", 0), ("crash", 0), ("hand out", 3), ("beside", 0), ("block", 5)),
    ]
)
def test_no_block_claims_what_is_not_in_the_chain_and_each_record_is_taken_once(
    steps: list[tuple[str, int]],
) -> None:
    async def main() -> None:
        chain = Chain()
        for what, number in steps:
            await chain.step(what, number)
        await chain.end()
        contexts = [one for gathered, _ in chain.blocks for one in gathered.contexts]
        assert [one.row[5] for one in contexts] == list(range(chain.contexts))
        for topic, names in names_of(chain).items():
            sent = [name for name in chain.controls[topic] if not name.endswith("-bad")]
            assert names == sent
        bad = sum(name.endswith("-bad") for names in chain.controls.values() for name in names)
        assert sum(len(gathered.quarantined) for gathered, _ in chain.blocks) == bad

    run_virtually(main())


def test_what_is_another_partitions_or_gone_is_passed_over() -> None:
    async def main() -> None:
        chain = Chain()
        chain.send_control(COMMANDS, ELSEWHERE)
        grave = Outgoing(b"k", b"", ())
        chain.put(COMMANDS, grave)
        part = chain.topics.part((COMMANDS, 0))
        part.slots = [
            None if one is None else at(one.offset, grave) if one.value else one
            for one in part.slots
        ]
        part.slots[2] = type(chain.topics.part((COMMANDS, 0)).records[0])(2, b"k", None, (), 1)
        await chain.beside.take(wait_ms=10)
        assert chain.beside.after[f"{COMMANDS}/0"] == part.end

    run_virtually(main())


def test_record_that_is_none_is_kept_under_its_own_topic_and_offset() -> None:
    async def main() -> None:
        chain = Chain()
        chain.send_bad(COMMANDS)
        chain.send_bad(FILLS)
        await chain.beside.take(wait_ms=10)
        chain.block(10)
        kept = chain.blocks[0][0].quarantined
        assert {(source, one.record, one.refusal) for source, one in kept} == {
            (f"source of {name}", 0, RefusalCode.UNDECODABLE) for name in PLACES
        }

    run_virtually(main())


def test_catching_up_ends_behind_the_marks_that_stand_last() -> None:
    async def main() -> None:
        chain = Chain()
        for _ in range(3):
            chain.send_control(COMMANDS, "*")
        for _ in range(5):
            chain.topics.part((FILLS, PARTITION)).mark()
        async with asyncio.timeout(5):
            await chain.beside.catch_up(wait_ms=50)
        assert chain.beside.after == {
            name: chain.topics.part(place).end for name, place in PLACES.items()
        }
        assert chain.line.urgent

    run_virtually(main())


def test_stop_is_taken_however_many_contexts_wait() -> None:
    async def main() -> None:
        chain = Chain()
        chain.send_contexts(50)
        await chain.step("hand out", 50)
        chain.send_control(COMMANDS, "*")
        async with asyncio.timeout(1):
            await chain.beside.take(wait_ms=10)
        assert chain.line.urgent

    run_virtually(main())


def test_control_records_stay_in_their_topic_while_as_many_as_may_wait_do() -> None:
    async def main() -> None:
        chain = Chain()
        for _ in range(chain.line.limit):
            chain.send_control(COMMANDS, "*")
        await chain.beside.take(wait_ms=10)
        chain.send_control(COMMANDS, "*")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await chain.beside.take(wait_ms=10)
        chain.block(1)
        async with asyncio.timeout(1):
            await chain.beside.take(wait_ms=10)
        assert len(chain.line.take(100)) == chain.line.limit

    run_virtually(main())


def test_following_goes_on_where_the_broker_was_away() -> None:
    async def main() -> None:
        chain = Chain()
        following = asyncio.ensure_future(chain.beside.follow(wait_ms=50, retry_ms=100))
        await asyncio.sleep(1)
        chain.topics.away = True
        chain.send_control(COMMANDS, "*")
        await asyncio.sleep(5)
        assert chain.line.take(10) == []
        chain.topics.away = False
        await asyncio.sleep(5)
        assert len(chain.line.take(10)) == 1
        following.cancel()

    run_virtually(main())


def test_catching_up_says_where_nobody_answers() -> None:
    async def main() -> None:
        chain = Chain()
        chain.topics.away = True
        with pytest.raises(BrokerUnreachableError):
            await chain.beside.catch_up(wait_ms=50)

    run_virtually(main())
