"""A broker in memory, that goes away, rebalances and lets members' sessions expire on command."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from tests.fakes.group import Group, InMemoryMembership
from tests.fakes.topics import BUDGET_MS, Topics
from torghut.carrying.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    TopicMissingError,
    VoiceSilencedError,
)
from torghut.carrying.messages import Outgoing, Reading, Received
from torghut.carrying.ports import Broker, Membership, Sender, TopicReader, Voice

_READ_MOST: Final = 500
_HEARTBEAT_S: Final = 0.5

Place = tuple[str, int]


class KilledError(Exception):
    """Ends whatever a killed process was about to do."""


@dataclass(slots=True)
class Frost:
    """A process that may be halted: whatever it asks of others waits until it runs again.

    Attributes:
        dead: Whether it never will.
    """

    dead: bool = False
    _running: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._running.set()

    def freeze(self) -> None:
        """Halt it."""
        self._running.clear()

    def thaw(self) -> None:
        """Let it go on."""
        self._running.set()

    def kill(self) -> None:
        """Let it never run again."""
        self.dead = True
        self._running.set()

    @property
    def halted(self) -> bool:
        """Whether it is halted."""
        return not self._running.is_set()

    async def wait(self) -> None:
        """Wait as long as it is halted.

        Raises:
            KilledError: It never runs again.
        """
        await self._running.wait()
        if self.dead:
            raise KilledError


@dataclass(slots=True)
class Cluster:
    """What all processes share: topics and groups.

    Attributes:
        topics: All of them.
        groups: By topic and name.
    """

    topics: Topics = field(default_factory=Topics)
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)

    def group(self, topic: str, name: str) -> Group:
        """Return a group, made when it is first asked for."""
        return self.groups.setdefault((topic, name), Group(self.topics, topic))


@dataclass(slots=True)
class InMemoryBroker(Broker):
    """A cluster as one process reaches it.

    Attributes:
        cluster: That all share.
        frost: Of the process.
        members: That it made.
        clients: Readers and voices that it made.
    """

    cluster: Cluster = field(default_factory=Cluster)
    frost: Frost = field(default_factory=Frost)
    members: list[InMemoryMembership] = field(default_factory=list)
    clients: list[InMemoryReader | InMemoryVoice] = field(default_factory=list)

    @property
    def topics(self) -> Topics:
        """All topics."""
        return self.cluster.topics

    @override
    def membership(self, *, topic: str, group: str) -> Membership:
        member = InMemoryMembership(self.cluster.group(topic, group), self.frost.wait)
        self.members.append(member)
        return member

    @override
    def reader(self) -> TopicReader:
        reader = InMemoryReader(self.topics, self.frost)
        self.clients.append(reader)
        return reader

    @override
    def voice(self, topic: str, partition: int, /) -> Voice:
        voice = InMemoryVoice(self.topics, self.frost, (topic, partition))
        self.clients.append(voice)
        return voice

    @override
    def sender(self) -> Sender:
        return InMemorySender(self.topics, self.frost)

    async def expire(self) -> None:
        """Let the sessions of its members end, as those of a halted process do."""
        for member in self.members:
            await member.group.expel(member)

    async def wake(self) -> None:
        """Let it run again; members whose session has ended notice a while later."""
        self.frost.thaw()
        await asyncio.sleep(_HEARTBEAT_S)
        for member in self.members:
            await member.group.back(member)


@dataclass(slots=True)
class InMemoryReader(TopicReader):
    """Reads what is asked for.

    Attributes:
        closed: Whether it let go of the broker.
    """

    topics: Topics
    frost: Frost
    closed: bool = False

    @override
    async def read(self, after: Mapping[Place, int], /, *, wait_ms: int) -> Mapping[Place, Reading]:
        await self.frost.wait()
        await self.topics.answer("reading topics")
        self.topics.allow("reading topics", {topic for topic, _ in after})
        if not any(self._then(place, offset).records for place, offset in after.items()):
            await self.topics.changed(wait_ms)
            await self.frost.wait()
        if self.topics.away:
            return {place: Reading((), offset) for place, offset in after.items()}
        return {place: self._then(place, offset) for place, offset in after.items()}

    @override
    async def ends(self, places: Sequence[Place], /) -> Mapping[Place, int]:
        await self.frost.wait()
        await self.topics.answer("asking where topics end")
        self.topics.allow("asking where topics end", {topic for topic, _ in places})
        return {place: self.topics.part(place).end for place in places}

    @override
    async def partitions(self, topic: str, /) -> int:
        await self.topics.answer("asking for topics")
        if topic not in self.topics.by_name:
            raise TopicMissingError(topic=topic)
        self.topics.allow("asking for topics", [topic])
        return len(self.topics.by_name[topic])

    @override
    async def close(self) -> None:
        await asyncio.sleep(self.topics.ending_s)
        self.closed = True

    def _then(self, place: Place, offset: int) -> Reading:
        """Return what stands from an offset on, or from the first that there is."""
        part = self.topics.part(place)
        start = max(offset, part.first)
        stop = min(part.end, start + _READ_MOST)
        return Reading([one for one in part.slots[start:stop] if one is not None], max(start, stop))


@dataclass(slots=True)
class InMemoryVoice(Voice):
    """Speaks on one partition, until another does; its readers read what is final.

    Attributes:
        epoch: Which voice on its place it is; 0 for one that may say nothing.
        said: What is not final.
        closed: Whether it let go of the broker.
        fault: Raised instead of letting go.
    """

    topics: Topics
    frost: Frost
    place: Place
    epoch: int = 0
    said: list[Outgoing] = field(default_factory=list)
    closed: bool = False
    fault: Exception | None = None

    @override
    async def raise_(self) -> Received | None:
        await self.frost.wait()
        self._settle_at_last()
        await self.topics.answer("raising a voice")
        self.topics.allow("raising a voice", [self.place[0]])
        self.epoch = self.topics.voices.get(self.place, 0) + 1
        self.topics.voices[self.place] = self.epoch
        return self._last(self.place[0])

    @override
    async def last_beside(self, topic: str, /) -> Received | None:
        await self.frost.wait()
        await self.topics.answer("looking for a last record")
        self.topics.allow("looking for a last record", [topic])
        return self._last(topic)

    @override
    async def say(self, records: Sequence[Outgoing], /) -> None:
        await asyncio.sleep(self.topics.saying_s)
        await self._speak("publishing", records)
        if self.topics.lost[:1] == [False]:
            self._lose(self.topics.lost.pop(0))
        self.said += records

    @override
    async def settle(self) -> None:
        if not self.said:
            return
        await self._speak("settling", ())
        lost = self.topics.lost.pop(0) if self.topics.lost else None
        said, self.said = self.said, []
        if lost is not False:
            self._keep(said)
        if lost is not None:
            self._lose(lost)

    @override
    async def fall_silent(self) -> None:
        self._settle_at_last()
        self._drop()
        await asyncio.sleep(self.topics.ending_s)
        if self.fault is not None:
            raise self.fault
        self.closed = True

    async def _speak(self, what: str, records: Sequence[Outgoing]) -> None:
        """Let the broker answer, or be silenced."""
        await self.frost.wait()
        try:
            await self.topics.answer(what)
            self.topics.allow(what, {self.place[0], *_topics(records)}, records)
        except (BrokerUnreachableError, BrokerRefusedError):
            self._drop()
            raise
        await self.frost.wait()
        if not self._is_raised:
            self._drop()
            raise VoiceSilencedError(place=f"{self.place[0]}, partition {self.place[1]}")

    @property
    def _is_raised(self) -> bool:
        """Whether it was the last to be raised."""
        return self.epoch > 0 and self.epoch == self.topics.voices.get(self.place, 0)

    def _settle_at_last(self) -> None:
        """Make what was said final if the broker is there; nobody is told if it is not."""
        if self._is_raised and not self.topics.away and self.said:
            self._keep(self.said)
        self.said = []

    def _drop(self) -> None:
        """Say nothing more; what is not final never becomes so."""
        self.epoch, self.said = 0, []

    def _lose(self, kept: bool) -> None:  # noqa: FBT001 - as it was asked for
        """Let an answer be lost.

        Raises:
            BrokerUnreachableError: Always.
        """
        self._drop()
        found = "nobody, after it was kept" if kept else "nobody"
        raise BrokerUnreachableError(
            asked="publishing", bootstrap="memory", found=found, budget_ms=BUDGET_MS
        )

    def _keep(self, records: Sequence[Outgoing]) -> None:
        """Keep all of it, and the marks of the transaction behind it."""
        topic, partition = self.place
        for record in records:
            self.topics.part((record.topic or topic, partition)).add(record)
        for touched in {record.topic or topic for record in records}:
            self.topics.part((touched, partition)).mark()
        self.topics.wake()

    def _last(self, topic: str) -> Received | None:
        """Return the last record that a topic has on its partition."""
        records = self.topics.part((topic, self.place[1])).records
        return records[-1] if records else None


@dataclass(slots=True)
class InMemorySender(Sender):
    """Sends by keys."""

    topics: Topics
    frost: Frost

    @override
    async def send(self, topic: str, records: Sequence[Outgoing], /) -> None:
        await self.frost.wait()
        await self.topics.answer(f"sending to {topic}")
        self.topics.allow(f"sending to {topic}", {topic, *_topics(records)}, records)
        self.topics.keep(topic, records)

    @override
    async def close(self) -> None:
        """Nothing is held."""


def _topics(records: Sequence[Outgoing]) -> set[str]:
    """Return the topics that records name."""
    return {record.topic for record in records if record.topic}
