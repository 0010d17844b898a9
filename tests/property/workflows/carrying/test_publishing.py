"""Whoever publishes and wherever they end, the topic holds each outcome once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes.broker import Frost, InMemoryVoice
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import make_block
from tests.fakes.live import silent_witness
from tests.fakes.topics import Topics
from tests.fakes.virtual_time import run_virtually
from torghut.carrying.errors import VoiceSilencedError
from torghut.carrying.messages import (
    BLOCK_DIGEST,
    CAUSATION_ID,
    CORRELATION_ID,
    LOG_POSITION,
    OFFSET,
    SCHEMA,
    SOURCE,
    Outgoing,
)
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.errors import ClaimLostError, LogWriteError, Obstacle
from torghut.eventlog.memory import InMemoryLog, Kept
from torghut.schemas.live.position import PositionMalformedError
from torghut.workflows.carrying.errors import LogBehindTopicError
from torghut.workflows.carrying.publishing import Publisher, by_symbol
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.telling import Telling, kept_block

PARTITION: Final = 1
DECISIONS, QUARANTINE = "decisions", "quarantine"
PLACE: Final = (DECISIONS, PARTITION)


def line(number: int, place: int, *, aside: bool = False) -> Line:
    """Return a line of a block."""
    if aside:
        text = b'{"type":"market.record-quarantined.v1","n":"%d.%d"}' % (number, place)
        return Line(name=f"{'fe' * 16}:{number}", place=place, text=text, aside=True)
    name = f"{'ab' * 16}:fxcm:EURUSD:quote:{1000 * number + place}"
    text = f'{{"type":"live.decided.v1","context_id":"{name}"}}'.encode()
    return Line(name=name, place=place, text=text)


@dataclass(slots=True)
class Sayer:
    """One owner of the partition: what it tells, and its publisher."""

    telling: Telling
    publisher: Publisher
    frost: Frost
    task: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Course:
    """A log that grows, its topics, and who publishes one after the other.

    Attributes:
        counts: Of each block, how many outcomes it has and how many lines aside.
    """

    topics: Topics = field(default_factory=Topics)
    kept: Kept = field(default_factory=Kept)
    counts: list[tuple[int, int]] = field(default_factory=list)
    head: Head = field(default_factory=lambda: Head(partition=PARTITION))
    sayers: list[Sayer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.topics.make(DECISIONS, 2)
        self.topics.make(QUARANTINE, 2)

    @property
    def log(self) -> InMemoryLog:
        """What is durable."""
        return InMemoryLog(clock=HandClock(), kept=self.kept)

    async def lines_of(self, block: Block) -> Sequence[Line]:
        """Return the lines of a block."""
        await asyncio.sleep(0)
        outcomes, asides = self.counts[block.number]
        return [
            *(line(block.number, place) for place in range(outcomes)),
            *(
                line(block.number, place, aside=True)
                for place in range(outcomes, outcomes + asides)
            ),
        ]

    async def add(self, outcomes: int, asides: int) -> None:
        """Let a block become durable; whoever has the partition tells of it."""
        block = make_block(self.head, decisions=1, refused=0)
        await self.log.append(block)
        self.head = head_of(block)
        self.counts.append((outcomes, asides))
        if self.sayers:
            lines = await self.lines_of(block)
            self.sayers[-1].telling.publish(kept_block(block, lines))

    def sayer(self) -> Sayer:
        """Return one more who publishes, and has not begun."""
        frost, log = Frost(), self.log
        telling = Telling(
            log=self.log, lines_of=self.lines_of, limit=4, retry_s=0.1, partition=PARTITION
        )
        publisher = Publisher(
            told=telling,
            key_of=by_symbol,
            check_claimed=lambda: log.check_claimed(PARTITION),
            voice=InMemoryVoice(self.topics, frost, PLACE),
            quarantine=QUARANTINE,
            places={},
            condition=Condition(wall=HandClock(), witness=silent_witness()),
            settle_ms=20,
            retry_ms=50,
        )
        return Sayer(telling, publisher, frost)

    async def take_over(self) -> None:
        """Let another one have the partition; whoever had it does not know yet."""
        sayer = self.sayer()
        await sayer.telling.recall(3, blocks=2)
        self.sayers.append(sayer)
        sayer.task = asyncio.ensure_future(sayer.publisher.publish())

    def kill(self) -> None:
        """Let whoever has the partition end wherever it is."""
        if self.sayers:
            self.sayers[-1].frost.kill()

    async def end(self) -> None:
        """Let one more publish everything, once all those before it let go."""
        self.topics.away = False
        self.topics.lost.clear()
        for one in self.sayers:
            one.frost.thaw()
        await asyncio.sleep(1)
        tasks = [one.task for one in self.sayers if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.take_over()
        last = self.sayers[-1]
        async with asyncio.timeout(60):
            await asyncio.sleep(1)
            await last.publisher.all_heard()
        await asyncio.sleep(5)
        assert last.task is not None
        assert not last.task.done()
        last.task.cancel()

    def told(self) -> list[str]:
        """Return what the topic of decisions says."""
        return [dict(one.headers)[LOG_POSITION].decode() for one in self.topics.part(PLACE).records]

    def expected(self) -> list[str]:
        """Return what it ought to say."""
        return [
            f"{PARTITION}:{number}:{place}"
            for number, (outcomes, _) in enumerate(self.counts)
            for place in range(outcomes)
        ]

    def kept_aside(self) -> list[str]:
        """Return what the topic of quarantine says."""
        records = self.topics.part((QUARANTINE, PARTITION)).records
        return [dict(one.headers)[LOG_POSITION].decode() for one in records]

    def asides(self) -> list[str]:
        """Return what it ought to say."""
        return [
            f"{PARTITION}:{number}:{place}"
            for number, (outcomes, asides) in enumerate(self.counts)
            for place in range(outcomes, outcomes + asides)
        ]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("block"), st.integers(0, 11)),
        st.tuples(st.sampled_from(["take over", "kill", "freeze", "thaw"]), st.just(0)),
        st.tuples(st.just("away"), st.booleans().map(int)),
        st.tuples(st.just("lose"), st.integers(0, 1)),
        st.tuples(st.just("go on"), st.sampled_from([0, 1, 2, 5, 100, 1000])),
    ),
    max_size=40,
)


async def step(course: Course, what: str, number: int) -> None:
    """Let one thing happen."""
    match what:
        case "block":
            await course.add(number % 4, number // 4)
        case "take over":
            await course.take_over()
        case "kill":
            course.kill()
        case "away":
            course.topics.away = bool(number)
        case "lose":
            course.topics.lost.append(bool(number))
        case "go on":
            await asyncio.sleep(number / 1000)
        case _:
            for one in course.sayers[-1:]:
                (one.frost.freeze if what == "freeze" else one.frost.thaw)()


def holds(steps: list[tuple[str, int]]) -> None:
    """Check what the topics hold after a course of events."""

    async def main() -> None:
        course = Course()
        for what, number in steps:
            await step(course, what, number)
        await course.end()
        assert course.told() == course.expected()
        assert course.kept_aside() == course.asides()

    run_virtually(main())


@settings(max_examples=80)
@given(STEPS)
@example([("take over", 0), ("block", 3), ("lose", 1), ("block", 2), ("go on", 100), ("kill", 0)])
@example([("take over", 0), ("block", 6), ("go on", 100), ("take over", 0), ("block", 1)])
@example([("take over", 0), ("block", 5), ("block", 4), ("go on", 100), ("take over", 0)])
@example(
    [
        *(("take over", 0), ("block", 3), ("freeze", 0), ("block", 3), ("go on", 1)),
        *(("take over", 0), ("go on", 100), ("block", 2), ("go on", 100)),
    ]
)
def test_each_outcome_is_in_the_topic_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    holds(steps)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=400)
@given(STEPS)
def test_each_outcome_is_in_the_topic_once_in_many_courses(steps: list[tuple[str, int]]) -> None:
    holds(steps)


def test_record_says_where_it_stands_what_it_is_and_what_it_came_of() -> None:
    async def main() -> None:
        course = Course()
        await course.take_over()
        await course.add(1, 1)
        await course.end()
        (told,) = course.topics.part(PLACE).records
        (aside,) = course.topics.part((QUARANTINE, PARTITION)).records
        assert told.key == b"fxcm:EURUSD"
        headers = dict(told.headers)
        assert headers == {
            SCHEMA: b"live.decided.v1",
            LOG_POSITION: b"1:0:0",
            CAUSATION_ID: line(0, 0).name.encode(),
            BLOCK_DIGEST: course.head.digest.encode(),
            CORRELATION_ID: b"1:0",
        }
        assert told.value == line(0, 0).text
        assert dict(aside.headers)[SCHEMA] == b"market.record-quarantined.v1"
        source, _, offset = line(0, 1, aside=True).name.partition(":")
        found = dict(aside.headers)
        assert (found[SOURCE], found[OFFSET]) == (source.encode(), offset.encode())

    run_virtually(main())


def test_who_decides_is_held_up_while_much_is_unheard_and_the_broker_takes_it() -> None:
    async def main() -> None:
        course = Course()
        await course.take_over()
        await asyncio.sleep(1)
        publisher, now = course.sayers[-1].publisher, asyncio.get_running_loop().time

        async def held_s(most: int, within_ms: int) -> float:
            begun = now()
            await publisher.keep_up(most, within_ms=within_ms)
            return now() - begun

        course.topics.saying_s = 10.0
        await course.add(2, 0)
        assert await held_s(2, 60_000) == 0.0
        await course.add(2, 0)
        assert await held_s(2, 200) == pytest.approx(0.2)
        assert 0.0 < await held_s(2, 60_000) <= 10.0
        assert await held_s(2, 60_000) == 0.0
        course.topics.saying_s, course.topics.away = 0.0, True
        for _ in range(3):
            await course.add(2, 0)
        assert 0.0 < await held_s(2, 60_000) <= 20.0, "until nobody knows what is heard"
        assert await held_s(2, 60_000) == 0.0
        await course.end()
        assert course.told() == course.expected()

    run_virtually(main())


def test_who_was_silenced_says_so_and_nothing_more() -> None:
    async def main() -> None:
        course = Course()
        await course.take_over()
        await course.add(1, 0)
        await asyncio.sleep(1)
        await course.take_over()
        await asyncio.sleep(1)
        await course.add(1, 0)
        first = course.sayers[0]
        block = [one async for one in course.log.blocks(PARTITION)][-1]
        first.telling.publish(kept_block(block, await course.lines_of(block)))
        assert first.task is not None
        with pytest.raises(VoiceSilencedError):
            await first.task
        await course.end()
        assert course.told() == ["1:0:0", "1:1:0"]

    run_virtually(main())


async def say(course: Course, *headers: tuple[str, bytes]) -> None:
    """Say something to the topic of decisions that this code did not."""
    voice = InMemoryVoice(course.topics, Frost(), PLACE)
    await voice.raise_()
    await voice.say([Outgoing(b"k", b"{}", headers)])
    await voice.settle()


@pytest.mark.parametrize("position", [b"1:2:0", b"1:5:0"])
def test_topic_that_is_ahead_of_the_log_is_refused(position: bytes) -> None:
    async def main() -> None:
        course = Course()
        await course.add(1, 0)
        await course.add(1, 0)
        await say(course, (LOG_POSITION, position), (BLOCK_DIGEST, b"ab" * 32))
        with pytest.raises(LogBehindTopicError, match="block "):
            await course.sayer().publisher.raise_voice()

    run_virtually(main())


def test_topic_that_ends_with_another_block_than_the_log_has_there_is_refused() -> None:
    async def main() -> None:
        course = Course()
        await course.add(1, 0)
        await course.add(1, 0)
        await say(course, (LOG_POSITION, b"1:1:0"), (BLOCK_DIGEST, b"ab" * 32))
        with pytest.raises(LogBehindTopicError, match="another one"):
            await course.sayer().publisher.raise_voice()

    run_virtually(main())


def test_topic_of_another_partition_is_refused() -> None:
    async def main() -> None:
        course = Course()
        await course.add(1, 0)
        await say(course, (LOG_POSITION, b"0:0:0"), (BLOCK_DIGEST, course.head.digest.encode()))
        with pytest.raises(LogBehindTopicError, match="partition 0"):
            await course.sayer().publisher.raise_voice()

    run_virtually(main())


@pytest.mark.parametrize("headers", [[], [(LOG_POSITION, b"\xff")], [(LOG_POSITION, b"start")]])
def test_topic_that_holds_what_nobody_published_is_refused(
    headers: list[tuple[str, bytes]],
) -> None:
    async def main() -> None:
        course = Course()
        await say(course, *headers)
        with pytest.raises(PositionMalformedError):
            await course.sayer().publisher.raise_voice()

    run_virtually(main())


def test_nothing_is_waited_for_where_nothing_was_told_in_this_life() -> None:
    async def main() -> None:
        course = Course()
        for _ in range(5):
            await course.add(0, 0)
        sayer = course.sayer()
        await sayer.telling.recall(3, blocks=2)
        await sayer.publisher.raise_voice()
        async with asyncio.timeout(1):
            await sayer.publisher.all_heard()

    run_virtually(main())


def test_whoever_lost_the_partition_does_not_silence_its_new_owner() -> None:
    async def main() -> None:
        course = Course()
        await course.add(2, 0)
        course.topics.lost.append(False)  # nobody answers the first: it has to raise its voice anew
        await course.take_over()
        await asyncio.sleep(0.03)
        await course.log.claim(PARTITION, "another")
        raised = course.topics.voices[PLACE]
        await asyncio.sleep(1)
        (sayer,) = course.sayers
        assert sayer.task is not None
        with pytest.raises(ClaimLostError):
            await sayer.task
        assert course.topics.voices[PLACE] == raised

    run_virtually(main())


def test_log_that_is_away_keeps_the_voice_down_until_it_answers() -> None:
    async def main() -> None:
        course = Course()
        await course.add(2, 0)
        await course.take_over()
        (sayer,) = course.sayers
        asked = 0

        async def away() -> None:
            nonlocal asked
            asked += 1
            if asked < 3:
                raise LogWriteError(obstacle=Obstacle.GONE, detail="nobody answers")

        sayer.publisher.check_claimed = away
        async with asyncio.timeout(10):
            await asyncio.sleep(1)
        assert (asked, course.told()) == (3, course.expected())
        assert sayer.task is not None
        sayer.task.cancel()

    run_virtually(main())
