"""A topic of news is read whole and followed; what is no item is said and costs no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.broker import Frost, InMemoryReader, Place
from tests.fakes.topics import Topics
from tests.fakes.virtual_time import run_virtually
from tests.support.reasoning.news import HOUR_MS, NOW_NS, SYMBOL, Unreadable, item_line
from torghut.carrying.messages import Outgoing
from torghut.reasoning.shelf import PassageShelf
from torghut.workflows.reasoning.following import PassageTopic
from torghut.workflows.reasoning.offering import PassageMalformedError, passage_message

TOPIC: Final = "passages"
FOLLOWED_S: Final = 5.0
"""Time that goes by, in which the broker is asked again once it was away."""


def line(number: int, *, after_ns: int = 0) -> bytes:
    """Return one item as a line."""
    return item_line(number, SYMBOL, at_ns=NOW_NS + after_ns).encode()


@dataclass
class World:
    """A topic, and somebody who follows it.

    Attributes:
        topics: Of the broker.
        witness: Told what could not be read.
        reader: Of the topic.
    """

    topics: Topics = field(default_factory=Topics)
    witness: Unreadable = field(default_factory=Unreadable)
    reader: type[InMemoryReader] = InMemoryReader

    def send(self, *numbers: int, after_ns: int = 0) -> None:
        """Send items."""
        self.topics.keep(
            TOPIC, [passage_message(line(one, after_ns=after_ns), "here") for one in numbers]
        )

    def passages(self) -> PassageTopic:
        """Return who follows."""
        return PassageTopic(
            reader=self.reader(self.topics, Frost()),
            topic=TOPIC,
            shelf=PassageShelf(age_max_ms=HOUR_MS),
            witness=self.witness,
        )

    def shown(self, *meanwhile: Callable[[], None]) -> list[str]:
        """Return the texts that are shown in the end; things happen one after the other before."""

        async def main() -> list[str]:
            passages = self.passages()
            following = asyncio.ensure_future(passages.follow())
            await asyncio.sleep(FOLLOWED_S)
            for happens in meanwhile:
                happens()
                await asyncio.sleep(FOLLOWED_S)
            assert not following.done()
            following.cancel()
            assert {source for source, _ in self.witness.said} <= {TOPIC}
            return sorted(one.text for one in await passages.of(SYMBOL, NOW_NS))

        return run_virtually(main())


@pytest.fixture
def world() -> World:
    """Return a world whose topic is empty."""
    made = World()
    made.topics.make(TOPIC, 2)
    return made


def test_what_was_there_and_what_comes_is_shown(world: World) -> None:
    world.send(1, 2)

    assert world.shown(lambda: world.send(3)) == ["item 1", "item 2", "item 3"]
    assert world.witness.unreadable == []


def test_item_from_times_to_come_is_not_shown(world: World) -> None:
    world.send(1)
    world.send(2, after_ns=1)

    assert world.shown() == ["item 1"]


def test_record_that_is_no_item_is_said_and_costs_no_other(world: World) -> None:
    world.send(1)
    world.topics.keep(TOPIC, [Outgoing(None, b"{}", ()), Outgoing(None, b"\xff", ())])
    world.send(2)

    assert world.shown() == ["item 1", "item 2"]
    assert world.witness.said == [(TOPIC, "2 records that are no item")]


def test_topic_is_followed_again_once_the_broker_is_back(world: World) -> None:
    def go() -> None:
        world.topics.away = True

    def come_back() -> None:
        world.topics.away = False
        world.send(2)

    world.send(1)

    assert world.shown(go, come_back) == ["item 1", "item 2"]
    assert len(world.witness.unreadable) == 1


class BrokenOnce(InMemoryReader):
    """A reader that nobody foresaw breaking."""

    broken: bool = False

    @override
    async def ends(self, places: Sequence[Place], /) -> Mapping[Place, int]:
        if not self.broken:
            self.broken = True
            raise ZeroDivisionError
        return await super().ends(places)


def test_topic_is_followed_on_after_what_nobody_foresaw(world: World) -> None:
    world.send(1)
    world.reader = BrokenOnce

    assert world.shown() == ["item 1"]
    assert world.witness.unreadable == ["ZeroDivisionError"]


def test_what_was_there_is_read_before_it_is_said_to_be(world: World) -> None:
    world.send(*range(1200))

    async def main() -> int:
        passages = world.passages()
        following = asyncio.ensure_future(passages.follow())
        await passages.caught_up.wait()
        following.cancel()
        return len(passages.shelf)

    assert run_virtually(main()) == 1200


def test_topic_that_is_missing_is_looked_for_again() -> None:
    world = World()

    def make() -> None:
        world.topics.make(TOPIC, 1)
        world.send(1)

    assert world.shown(make) == ["item 1"]
    assert len(world.witness.unreadable) == 1


@pytest.mark.parametrize("broken", [b"{}", b"not json", line(1)[:-1], line(1)[:-1] + b',"more":1}'])
def test_line_that_is_no_item_is_not_sent(broken: bytes) -> None:
    with pytest.raises(PassageMalformedError, match=r"news\.jsonl, line 3"):
        passage_message(broken, "news.jsonl, line 3")
