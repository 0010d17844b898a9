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
from torghut.carrying.errors import VoiceSilencedError
from torghut.carrying.messages import CORRELATION_ID, LOG_POSITION, SCHEMA
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.governing.lease import LeaseTaken
from torghut.workflows.carrying.errors import EventsBehindTopicError
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
    appended: int = 0

    def __post_init__(self) -> None:
        self.topics.make("events", 1)

    def relay(self, *, until_end: bool = False) -> asyncio.Task[None]:
        """Start one more relay."""
        voice = InMemoryVoice(self.topics, Frost(), PLACE)
        sending = EventRelay(feed=self.log, voice=voice, pause_ms=10, until_end=until_end)
        self.relays.append(asyncio.ensure_future(sending.relay()))
        return self.relays[-1]

    async def append(self) -> None:
        """Append an event to one of two streams."""
        stream = f"lease-{self.appended % 2}"
        self.appended += 1
        epoch = (self.appended + 1) // 2
        event = LeaseTaken(epoch=epoch, holder="one", at_ns=self.appended)
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
        return [dict(one.headers)[LOG_POSITION].decode() for one in records]


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
        assert (headers[LOG_POSITION], headers[CORRELATION_ID]) == (b"1", b"cycle-1")
        assert headers["digest"] == event.digest.encode()

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
