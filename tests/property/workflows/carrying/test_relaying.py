"""However relays end and take over, the topic holds each event once, in the order of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes.broker import Frost, InMemoryVoice
from tests.fakes.clock import HandClock
from tests.fakes.topics import Topics
from tests.fakes.virtual_time import run_virtually
from torghut.carrying.errors import BrokerUnreachableError, VoiceSilencedError
from torghut.carrying.messages import (
    CORRELATION_ID,
    EVENT_DIGEST,
    EVENT_POSITION,
    SCHEMA,
    Headers,
    Outgoing,
)
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.governing.lease import LeaseTaken
from torghut.workflows.carrying.errors import BookmarkUnreadableError, EventsBehindTopicError
from torghut.workflows.carrying.relaying import EventRelay

PLACE: Final = ("events", 0)
CAUSES: Final = Causes(correlation_id="cycle-1", causation_id="test")

Act = Literal["append", "wait", "take over", "kill", "lost", "kept"]
ACTS: Final[Sequence[Act]] = ("append", "wait", "take over", "kill", "lost", "kept")


@dataclass(slots=True)
class Course:
    """A log, a topic, and the relays between them."""

    log: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))
    topics: Topics = field(default_factory=Topics)
    relays: list[asyncio.Task[None]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    appended: int = 0

    def __post_init__(self) -> None:
        self.topics.make("events", 1)

    def relay(
        self, *, until_end: bool = False, patience_ms: int | None = None
    ) -> asyncio.Task[None]:
        """Start one more relay."""
        sending = EventRelay(
            feed=self.log,
            voice=InMemoryVoice(self.topics, Frost(), PLACE),
            pause_ms=10,
            until_end=until_end,
            patience_ms=patience_ms,
            troubled=lambda error: self.troubles.append(error.code),
        )
        self.relays.append(asyncio.ensure_future(sending.relay()))
        return self.relays[-1]

    async def append(self, holder: str = "one") -> None:
        """Append an event to one of two streams."""
        stream = f"lease-{self.appended % 2}"
        self.appended += 1
        epoch = (self.appended + 1) // 2
        event = LeaseTaken(epoch=epoch, holder=holder, at_ns=self.appended)
        await self.log.append_events(stream, [event], expected_version=epoch - 1, causes=CAUSES)

    async def act(self, act: Act) -> None:
        """Let one thing happen."""
        match act:
            case "append":
                await self.append()
            case "wait":
                await asyncio.sleep(0.05)
            case "take over":
                self.relay()
            case "kill":
                for one in self.relays:
                    one.cancel()
            case "lost" | "kept":
                self.topics.lost.append(act == "kept")

    @property
    def told(self) -> Sequence[str]:
        """Positions of the topic's events, in order."""
        records = self.topics.part(PLACE).records
        return [dict(one.headers)[EVENT_POSITION].decode() for one in records]


@given(acts=st.lists(st.sampled_from(ACTS), max_size=25))
@example(acts=["append", *(["take over"] * 4)])
def test_topic_holds_each_event_once_and_in_order(acts: Sequence[Act]) -> None:
    async def main() -> None:
        course = Course()
        for act in acts:
            await course.act(act)
        course.topics.lost.clear()
        await course.act("wait")  # whoever raises its voice last is heard: let it be the next one
        await course.relay(until_end=True)
        assert course.told == [str(one + 1) for one in range(course.appended)]

    run_virtually(main())


def test_record_has_the_event_and_says_where_it_stands() -> None:
    async def main() -> None:
        course = Course()
        await course.append()
        await course.relay(until_end=True)
        (record,) = course.topics.part(PLACE).records
        (event,) = await course.log.events_after(0, 1)
        assert (record.key, record.value) == (b"lease-0", event.body)
        headers = dict(record.headers)
        assert headers[SCHEMA] == b"lease.taken.v1"
        assert (headers[EVENT_POSITION], headers[CORRELATION_ID]) == (b"1", b"cycle-1")
        assert headers[EVENT_DIGEST] == event.digest.encode()

    run_virtually(main())


def test_relay_that_was_taken_over_says_so() -> None:
    async def main() -> None:
        course = Course()
        first = course.relay()
        await asyncio.sleep(0.05)
        course.relay()
        await asyncio.sleep(0.05)
        await course.append()
        with pytest.raises(VoiceSilencedError):
            await first
        await asyncio.sleep(0.05)
        assert course.told == ["1"]

    run_virtually(main())


def test_log_that_lost_what_was_published_is_refused() -> None:
    async def main() -> None:
        course = Course()
        await course.append()
        await course.relay(until_end=True)
        course.log = InMemoryLog(clock=HandClock())
        with pytest.raises(EventsBehindTopicError, match="event 1"):
            await course.relay(until_end=True)

    run_virtually(main())


def test_log_that_holds_another_event_in_its_place_is_refused() -> None:
    async def main() -> None:
        course = Course()
        await course.append()
        await course.relay(until_end=True)
        course.log, course.appended = InMemoryLog(clock=HandClock()), 0
        await course.append("another")
        with pytest.raises(EventsBehindTopicError, match=r"event 1.*another one"):
            await course.relay(until_end=True)
        assert course.told == ["1"]

    run_virtually(main())


@pytest.mark.parametrize(
    "said", [(), ((EVENT_POSITION, b"0:1:2"),), ((EVENT_POSITION, b"9" * 20),)]
)
def test_topic_that_ends_with_what_no_relay_sent_is_refused(said: Headers) -> None:
    async def main() -> None:
        course = Course()
        await course.append()
        course.topics.part(PLACE).add(Outgoing(b"k", b"{}", said))
        with pytest.raises(BookmarkUnreadableError):
            await course.relay(until_end=True)
        assert len(course.topics.part(PLACE).records) == 1

    run_virtually(main())


@pytest.mark.parametrize("until_end", [False, True])
def test_relay_that_never_reached_a_broker_says_so_and_ends(*, until_end: bool) -> None:
    async def main() -> None:
        course = Course()
        course.topics.away = True
        with pytest.raises(BrokerUnreachableError):
            await course.relay(until_end=until_end)
        assert course.troubles == []

    run_virtually(main())


def test_relay_whose_broker_goes_away_says_so_and_goes_on_once_it_is_back() -> None:
    async def main() -> None:
        course = Course()
        course.relay()
        await asyncio.sleep(1)
        course.topics.away = True
        await course.append()
        await asyncio.sleep(60)
        assert set(course.troubles) == {"carrying.broker-unreachable"}
        course.topics.away = False
        await asyncio.sleep(2)
        assert course.told == ["1"]

    run_virtually(main())


def test_relay_until_the_end_waits_for_a_broker_no_longer_than_it_may() -> None:
    async def main() -> None:
        course = Course()
        await course.append()
        course.topics.lost += [False] * 10_000
        async with asyncio.timeout(6):
            with pytest.raises(BrokerUnreachableError):
                await course.relay(until_end=True, patience_ms=5_000)
        assert course.troubles

    run_virtually(main())
