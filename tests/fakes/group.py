"""A consumer group in memory: each change of members takes all partitions back and deals anew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from tests.fakes.topics import Topics
from torghut.carrying.errors import OffsetsGoneError
from torghut.carrying.messages import Received
from torghut.carrying.ports import Membership, Owner

_POLL_MS: Final = 20


@dataclass(slots=True)
class Group:
    """The members that share a topic.

    Attributes:
        topics: Of the broker.
        topic: That is shared.
        members: In the order they joined.
        rebalances: How many there were.
    """

    topics: Topics
    topic: str
    members: list[InMemoryMembership] = field(default_factory=list)
    rebalances: int = 0
    _moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def admit(self, member: InMemoryMembership) -> None:
        """Take a member in."""
        async with self._moving:
            self.members.append(member)
            await self._deal()

    async def dismiss(self, member: InMemoryMembership) -> None:
        """Let a member go, and give what it had to the others."""
        async with self._moving:
            if member in self.members:
                self.members.remove(member)
                await self._deal()
            member.owned = {}

    async def expel(self, member: InMemoryMembership) -> None:
        """Give what a member has to others, without its knowing."""
        async with self._moving:
            if member in self.members:
                self.members.remove(member)
                member.expelled = True
                await self._deal()

    async def back(self, member: InMemoryMembership) -> None:
        """Let a member notice that it was expelled, and join again."""
        async with self._moving:
            if not member.expelled or member.owner is None:
                return
            member.expelled = False
            await member.owner.lost(sorted(member.owned))
            member.owned = {}
            if member.owner is not None:
                self.members.append(member)
                await self._deal()

    async def stir(self) -> None:
        """Let all partitions be taken back and dealt again."""
        async with self._moving:
            await self._deal()

    async def _deal(self) -> None:
        """Take all partitions back, then deal them."""
        self.rebalances += 1
        await asyncio.gather(*(one.take_back() for one in self.members))
        count = len(self.topics.by_name[self.topic])
        for place, member in enumerate(self.members):
            numbers = [
                number
                for number in range(count)
                if (number + self.rebalances) % len(self.members) == place
            ]
            await member.give(numbers)


@dataclass(slots=True, eq=False)
class InMemoryMembership(Membership):
    """A member of a group.

    Attributes:
        group: Its group.
        running: Awaited before anything: a halted process does nothing.
        owner: Told of changes; None outside the group.
        owned: The next offset of each partition that it believes to have; None before it is placed.
        held: Of which nothing is handed out.
        again: How many records are handed out a second time with the next ones.
        hinted: Positions that were told.
        expelled: Whether others have its partitions without its knowing.
        fault: Raised instead of handing out.
    """

    group: Group
    running: Callable[[], Awaitable[None]]
    owner: Owner | None = None
    owned: dict[int, int | None] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    again: int = 0
    hinted: dict[int, int] = field(default_factory=dict)
    expelled: bool = False
    fault: Exception | None = None

    @override
    async def join(self, owner: Owner, /) -> None:
        await self.running()
        await self.group.topics.answer(f"joining {self.group.topic}")
        self.owner = owner
        await self.group.admit(self)

    @override
    async def take(self, *, most: int, wait_ms: int) -> Mapping[int, Sequence[Received]]:
        if self.fault is not None:
            raise self.fault
        left_ms = wait_ms
        while True:
            await asyncio.sleep(0)
            await self.running()
            if not self.group.topics.away:
                self.group.topics.allow("reading", [self.group.topic])
            found = {} if self.group.topics.away else self._found(most)
            if found or left_ms <= 0:
                return found
            await self.group.topics.changed(min(left_ms, _POLL_MS))
            left_ms -= _POLL_MS

    @override
    def place(self, partition: int, offset: int, /) -> None:
        assert partition in self.owned, "a partition that it has not"
        self.owned[partition] = offset

    @override
    def hold(self, partition: int, /) -> None:
        assert partition in self.owned, "a partition that it has not"
        self.held.add(partition)

    @override
    def go_on(self, partition: int, /) -> None:
        assert partition in self.owned, "a partition that it has not"
        self.held.discard(partition)

    @override
    async def hint(self, offsets: Mapping[int, int], /) -> None:
        if not self.group.topics.away:
            self.hinted.update(offsets)

    @override
    async def behind(self) -> Mapping[int, int]:
        return {
            number: self.group.topics.part((self.group.topic, number)).end - offset
            for number, offset in self.owned.items()
            if offset is not None
        }

    @override
    async def leave(self) -> None:
        await self.running()
        self.owner, self.expelled = None, False
        await self.group.dismiss(self)

    async def take_back(self) -> None:
        """Lose everything."""
        if self.owner is not None:
            await self.owner.lost(sorted(self.owned))
        self.owned = {}

    async def give(self, partitions: Sequence[int]) -> None:
        """Have these, none of them placed; one that is about to leave takes nothing up."""
        if self.owner is None:
            return
        self.owned = dict.fromkeys(partitions)
        self.held = set(partitions)
        await self.owner.gained(partitions)

    def _found(self, most: int) -> dict[int, Sequence[Received]]:
        """Return what may be handed out."""
        found: dict[int, Sequence[Received]] = {}
        for number, offset in self.owned.items():
            if offset is None or number in self.held or most <= 0:
                continue
            part = self.group.topics.part((self.group.topic, number))
            if not part.first <= offset <= part.end:
                raise OffsetsGoneError(
                    place=f"{self.group.topic}, partition {number}",
                    expected=offset,
                    found="none there",
                )
            start = max(part.first, offset - self.again) if offset < part.end else offset
            records = [one for one in part.slots[start:] if one is not None][:most]
            if records:
                self.again = 0  # or nothing new would ever follow
                self.owned[number] = max(offset, records[-1].offset + 1)
                most -= len(records)
                found[number] = records
        return found
