"""Whoever follows, from wherever and however slowly, gets every line once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import make_block
from tests.fakes.live import FailingLog, Ill, Illness
from tests.fakes.virtual_time import run_virtually
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.live.position import START, Position
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.telling import Telling, kept_block

LIMIT = 6
RETRY_S = 0.25


def line(number: int, place: int) -> Line:
    name = f"{number}:{place}"
    return Line(name=name, place=place, text=name.encode())


@dataclass(slots=True)
class Stream:
    """A log, what is told of it, and what that should be.

    Attributes:
        counts: Lines of each block.
    """

    counts: list[int] = field(default_factory=list)
    illness: Illness = field(default_factory=Illness)
    inner: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))
    head: Head = field(default_factory=lambda: Head(partition=0))
    telling: Telling = field(init=False)

    def __post_init__(self) -> None:
        self.telling = self.new_telling()

    def new_telling(self) -> Telling:
        """Return what is told of the log, nothing recalled."""
        log = FailingLog(self.inner, self.illness)
        return Telling(log=log, lines_of=self.lines_of, limit=LIMIT, retry_s=RETRY_S)

    async def lines_of(self, block: Block) -> Sequence[Line]:
        """Return the lines of a block."""
        await asyncio.sleep(0)
        return [line(block.number, place) for place in range(self.counts[block.number])]

    async def publish(self, count: int) -> None:
        """Make a block with so many lines durable, and tell of it."""
        block = make_block(self.head, decisions=1, refused=0)
        await self.inner.append(block)
        self.head = head_of(block)
        self.counts.append(count)
        lines = await self.lines_of(block)
        self.telling.publish(kept_block(block, lines))

    def after(self, position: Position) -> list[str]:
        """Return the names of all lines behind a position."""
        return [
            f"{number}:{place}"
            for number, count in enumerate(self.counts)
            for place in range(count)
            if Position(0, number, place) > position
        ]


@dataclass(slots=True)
class Follower:
    """Takes one portion for every permit."""

    after: Position
    got: list[str] = field(default_factory=list)
    permits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def follow(self, telling: Telling) -> None:
        """Take everything down, as far as there are permits."""
        last = self.after
        async for told in telling.follow(self.after):
            await self.permits.acquire()
            lines = told.lines.decode().splitlines()
            assert told.count == len(lines) > 0
            assert told.last > last
            last = told.last
            self.got += lines


OPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 4)),
        st.tuples(st.just("follow"), st.integers(0, 40)),
        st.tuples(st.just("read"), st.integers(0, 5)),
        st.tuples(st.just("readable"), st.booleans()),
    ),
    max_size=40,
)


@dataclass(slots=True)
class Course:
    """A stream and its followers, moved on step by step."""

    stream: Stream = field(default_factory=Stream)
    followers: list[Follower] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def follow(self, number: int) -> None:
        """Let somebody follow from one of the positions that there are."""
        follower = Follower(positions(self.stream)[number % len(positions(self.stream))])
        self.followers.append(follower)
        self.tasks.append(asyncio.ensure_future(follower.follow(self.stream.telling)))

    async def step(self, what: str, number: int) -> None:
        """Do one thing."""
        match what:
            case "publish":
                await self.stream.publish(number)
            case "follow":
                self.follow(number)
            case "read" if self.followers:
                self.followers[number % len(self.followers)].permits.release()
            case "readable":
                self.stream.illness.ill = Ill.WELL if number else Ill.UNREADABLE
            case _:
                pass
        await asyncio.sleep(0.01)

    async def end(self) -> None:
        """Let everybody read to the end."""
        self.stream.illness.ill = Ill.WELL
        for follower in self.followers:
            for _ in range(500):
                follower.permits.release()
        await asyncio.sleep(10)
        for task in self.tasks:
            assert not task.done()
            task.cancel()


def positions(stream: Stream) -> list[Position]:
    """Return where one may go on: before everything, and after each line."""
    places = (one.split(":") for one in stream.after(START))
    return [START, *(Position(0, int(number), int(place)) for number, place in places)]


@settings(max_examples=60)
@given(OPS)
def test_each_follower_gets_every_line_once_and_in_order(ops: list[tuple[str, int]]) -> None:
    async def main() -> None:
        course = Course()
        for what, number in ops:
            await course.step(what, number)
            telling = course.stream.telling
            assert telling.kept <= LIMIT
        await course.end()
        for follower in course.followers:
            assert follower.got == course.stream.after(follower.after)

    run_virtually(main())


@settings(max_examples=40)
@given(
    counts=st.lists(st.integers(0, 4), max_size=12),
    most=st.integers(0, 10),
    blocks=st.integers(0, 6),
    later=st.lists(st.integers(0, 4), max_size=4),
)
def test_after_a_restart_every_line_can_be_followed_from_everywhere(
    counts: list[int], most: int, blocks: int, later: list[int]
) -> None:
    async def main() -> None:
        course = Course()
        for count in counts:
            await course.stream.publish(count)
        course.stream.telling = course.stream.new_telling()
        await course.stream.telling.recall(most, blocks=blocks)
        for number in range(len(positions(course.stream))):
            course.follow(number)
        for count in later:
            await course.stream.publish(count)
            await asyncio.sleep(0.01)
        await course.end()
        for follower in course.followers:
            assert follower.got == course.stream.after(follower.after)

    run_virtually(main())


@given(st.lists(st.integers(0, 4), max_size=12), st.integers(0, LIMIT - 3))
def test_what_is_recalled_is_known_by_name(counts: list[int], most: int) -> None:
    async def main() -> None:
        stream = Stream()
        for count in counts:
            await stream.publish(count)
        stream.telling = stream.new_telling()
        await stream.telling.recall(most, blocks=100)
        for name in stream.after(START)[::-1][:most]:
            assert stream.telling.known(name) == name.encode()

    run_virtually(main())
