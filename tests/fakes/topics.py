"""Topics in memory, as a broker keeps them: offsets, some of which are marks and no records."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.carrying.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    TopicMissingError,
)
from torghut.carrying.messages import Outgoing, Received

BUDGET_MS: Final = 500
RECORD_MAX: Final = 1_048_576
"""Bytes that a record may have, as a broker has it that nobody told anything else."""

_ANSWER_S: Final = 0.001
_MULTIPLIER: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return the hash by which the Java client spreads keys, as published for it."""
    length = len(data)
    state = (0x9747B28C ^ length) & _WORD
    whole = length - length % 4
    for at in range(0, whole, 4):
        word = int.from_bytes(data[at : at + 4], "little") * _MULTIPLIER & _WORD
        word = (word ^ word >> 24) * _MULTIPLIER & _WORD
        state = (state * _MULTIPLIER & _WORD) ^ word
    if whole < length:
        state = (state ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _WORD
    state = (state ^ state >> 13) * _MULTIPLIER & _WORD
    return state ^ state >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that a key belongs to."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


@dataclass(slots=True)
class Part:
    """One partition of a topic.

    Attributes:
        slots: By offset; None for a mark.
        first: The first offset that was not cut away.
    """

    slots: list[Received | None] = field(default_factory=list)
    first: int = 0

    @property
    def end(self) -> int:
        """The offset behind the last."""
        return len(self.slots)

    @property
    def records(self) -> list[Received]:
        """What it holds."""
        return [one for one in self.slots[self.first :] if one is not None]

    def add(self, record: Outgoing) -> None:
        """Take a record."""
        made = Received(self.end, record.key, record.value, list(record.headers), 1_700_000_000_000)
        self.slots.append(made)

    def mark(self) -> None:
        """Take a mark."""
        self.slots.append(None)


@dataclass(slots=True)
class Topics:
    """All topics of a broker, and whether it answers.

    Attributes:
        by_name: Their partitions.
        away: Whether nobody answers.
        voices: How often the voice of each partition was raised.
        lost: Of the next things said, how many are kept without an answer (True) or not at all.
        forbidden: Names of topics that nobody may read or write.
        ending_s: How long a client takes to let go.
        saying_s: How long it takes until what a voice says is answered.
    """

    by_name: dict[str, list[Part]] = field(default_factory=dict)
    away: bool = False
    voices: dict[tuple[str, int], int] = field(default_factory=dict)
    lost: list[bool] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    ending_s: float = 0.0
    saying_s: float = 0.0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def make(self, name: str, partitions: int) -> None:
        """Add a topic."""
        self.by_name[name] = [Part() for _ in range(partitions)]

    def part(self, place: tuple[str, int]) -> Part:
        """Return a partition.

        Raises:
            TopicMissingError: There is no such topic.
        """
        topic, number = place
        if topic not in self.by_name:
            raise TopicMissingError(topic=topic)
        return self.by_name[topic][number]

    def keep(self, topic: str, records: Sequence[Outgoing]) -> None:
        """Keep records by their keys."""
        for record in records:
            name = record.topic or topic
            place = (name, partition_of(record.key or b"", len(self.by_name[name])))
            self.part(place).add(record)
        self.wake()

    def cut(self, place: tuple[str, int], first: int) -> None:
        """Forget what stands before an offset."""
        self.part(place).first = first

    def wake(self) -> None:
        """Wake everybody who waits for something new."""
        waited, self._changed = self._changed, asyncio.Event()
        waited.set()

    async def changed(self, wait_ms: float) -> None:
        """Wait for something new, at most so long."""
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def answer(self, what: str) -> None:
        """Take the time that an answer takes.

        Raises:
            BrokerUnreachableError: Nobody answers.
        """
        if self.away:
            await asyncio.sleep(BUDGET_MS / 1000)
            raise BrokerUnreachableError(
                asked=what, bootstrap="memory", found="nobody", budget_ms=BUDGET_MS
            )
        await asyncio.sleep(_ANSWER_S)

    def allow(self, what: str, topics: Iterable[str], records: Sequence[Outgoing] = ()) -> None:
        """Let somebody read topics, or write records to them.

        Raises:
            BrokerRefusedError: They may not, a topic is not there, or a record is too long.
        """
        for topic in sorted(set(topics).difference(self.by_name)):
            raise BrokerRefusedError(
                asked=what,
                found=f"UnknownTopicOrPartitionError: {topic}",
                remedy="make what is declared with `torghut topics apply`",
            )
        for topic in sorted(self.forbidden.intersection(topics)):
            raise BrokerRefusedError(asked=what, found=f"TopicAuthorizationFailedError: {topic}")
        if any(len(record.value) > RECORD_MAX for record in records):
            raise BrokerRefusedError(
                asked=what,
                found="MessageSizeTooLargeError",
                remedy="raise the topic's max.message.bytes",
            )
