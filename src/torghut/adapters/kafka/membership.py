"""A member of a consumer group: which partitions it reads, and from where, others decide.

Of a rebalance aiokafka revokes everything first; the sticky assignor gives most of it back. Offsets
are never fetched from the group: a partition is held until its owner places it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError
from typing_extensions import override

from torghut.adapters.kafka.connection import Connection
from torghut.adapters.kafka.receiving import CANNOT_READ, one_by_one, received
from torghut.carrying.errors import OffsetsGoneError
from torghut.carrying.messages import Received
from torghut.carrying.ports import Membership, Owner
from torghut.kernel.units import MS_PER_S

_LOG: Final = logging.getLogger(__name__)
_HINT_S: Final = 0.5
"""Longest wait for what is only for people to look at."""


class GroupMembership(Membership):
    """One member of the group that shares a topic's partitions.

    Args:
        connection: To the broker.
        topic: Whose partitions are shared.
        group: That shares them.
        session_ms: After so long without a sign of life its partitions are given to others.
        fetch_bytes: Most bytes of a partition fetched at once.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        topic: str,
        group: str,
        session_ms: int,
        fetch_bytes: int = 1_048_576,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            rebalance_timeout_ms=max(session_ms, connection.budget_ms),
            max_partition_fetch_bytes=fetch_bytes,
            **connection.arguments,
        )
        self._owned: frozenset[int] = frozenset()
        self._then: dict[int, int] = {}
        self._held: set[int] = set()
        self._moved = asyncio.Event()
        self._hinting: asyncio.Task[None] | None = None

    @override
    async def join(self, owner: Owner, /) -> None:
        await self._connection.begin(f"joining {self._topic}", self._consumer)
        self._consumer.subscribe([self._topic], listener=_Moves(self, owner))

    @override
    async def take(self, *, most: int, wait_ms: int) -> Mapping[int, Sequence[Received]]:
        with self._connection.asking(f"reading {self._topic}"):
            try:
                found = await self._found(most, wait_ms)
            except OffsetOutOfRangeError as error:
                raise self._gone(error) from error
        return {place.partition: records for place, records in found.items()}

    @override
    def place(self, partition: int, offset: int, /) -> None:
        self._then[partition] = offset
        self._consumer.seek(self._at(partition), offset)

    @override
    def hold(self, partition: int, /) -> None:
        self._held.add(partition)

    @override
    def go_on(self, partition: int, /) -> None:
        self._held.discard(partition)
        self._consumer.resume(self._at(partition))
        self._moved.set()

    @override
    async def hint(self, offsets: Mapping[int, int], /) -> None:
        said = {self._at(one): offset for one, offset in offsets.items() if one in self._owned}
        if not said or (self._hinting is not None and not self._hinting.done()):
            return
        # Not waited for: the records that come meanwhile would be, some 20 ms in each second.
        self._hinting = asyncio.ensure_future(self._told(said))

    @override
    async def behind(self) -> Mapping[int, int]:
        found: dict[int, int] = {}
        with suppress(TimeoutError, IllegalStateError):  # one that is being given back has none
            async with asyncio.timeout(_HINT_S):
                for partition in sorted(self._owned):
                    at = self._at(partition)
                    there = at in self._consumer.assignment()  # else asking for its end is a defect
                    end = self._consumer.highwater(at) if there else None
                    if end is not None:
                        found[partition] = max(0, end - await self._consumer.position(at))
        return found

    @override
    async def leave(self) -> None:
        await self._connection.let_go(self._consumer)
        if self._hinting is not None:  # what it asked goes on all the same: its fault is heeded
            await asyncio.wait([self._hinting], timeout=_HINT_S)
            self._hinting.cancel()

    async def _told(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the broker of positions."""
        try:
            await self._consumer.commit(dict(offsets))
        except (KafkaError, IllegalStateError, ValueError) as error:
            _LOG.debug("positions were not told to the broker: %s", error)

    def keep_held(self, partitions: Iterable[int]) -> None:
        """Own exactly these partitions; none of them is read before it is placed."""
        self._owned, self._then = frozenset(partitions), {}
        self._held.clear()
        for partition in self._owned:
            self._consumer.pause(self._at(partition))
            self._consumer.seek(self._at(partition), 0)  # or the group would be asked for it

    async def _found(self, most: int, wait_ms: int) -> Mapping[TopicPartition, Sequence[Received]]:
        """Return what is handed out next, and go on behind it."""
        begun_s = asyncio.get_running_loop().time()
        if self._then and not self._handed_out():
            await self._let_go_on(wait_ms)
            wait_ms -= round((asyncio.get_running_loop().time() - begun_s) * MS_PER_S)
        handed_out = self._handed_out()
        if self._then and not handed_out:  # asked for none, the client would give of any
            return {}
        try:
            fetched = await self._consumer.getmany(
                *handed_out, timeout_ms=max(wait_ms, 0), max_records=most
            )
            found = {place: received(records) for place, records in fetched.items() if records}
        except CANNOT_READ:
            return await self._one_by_one()
        self._go_behind(found)
        return found

    async def _let_go_on(self, wait_ms: int) -> None:
        """Wait until a partition may be handed out again, but not longer than that."""
        self._moved.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / MS_PER_S):
                await self._moved.wait()

    async def _one_by_one(self) -> Mapping[TopicPartition, Sequence[Received]]:
        """Return the same, of each partition the next record.

        That takes a while, in which a partition may be placed anew, be held or go to others: then
        what was taken of it before is none of what it hands out next, and is not handed out.
        """
        asked = self._handed_out()
        try:
            taken = await one_by_one(self._consumer, asked)
            now = self._handed_out()
            found = {at: records for at, records in taken.items() if now.get(at) == asked[at]}
            self._go_behind(found)
            return found
        finally:
            for place, offset in self._placed().items():
                self._consumer.seek(place, offset)

    def _go_behind(self, found: Mapping[TopicPartition, Sequence[Received]]) -> None:
        """Take down that records are handed out."""
        self._then.update({at.partition: records[-1].offset + 1 for at, records in found.items()})

    def _handed_out(self) -> Mapping[TopicPartition, int]:
        """Return behind what was handed out of each partition that is placed and not held."""
        placed = self._placed().items()
        return {at: offset for at, offset in placed if at.partition not in self._held}

    def _placed(self) -> Mapping[TopicPartition, int]:
        """Return the same of each that is placed, and that the group has not taken back."""
        owned = self._consumer.assignment()
        places = {self._at(one): offset for one, offset in self._then.items()}
        return {at: offset for at, offset in places.items() if at in owned}

    def _at(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)

    def _gone(self, error: OffsetOutOfRangeError) -> OffsetsGoneError:
        """Return what is wrong where offsets are gone."""
        partitions: Mapping[TopicPartition, int] = error.args[0] if error.args else {}
        place, offset = next(iter(partitions.items()), (self._at(0), -1))
        return OffsetsGoneError(
            place=f"{place.topic}, partition {place.partition}",
            expected=offset,
            found="none there",
        )


class _Moves(ConsumerRebalanceListener):  # type: ignore[misc]  # it publishes no types
    """Hands a rebalance on to whoever owns the partitions."""

    def __init__(self, membership: GroupMembership, owner: Owner) -> None:
        self._membership = membership
        self._owner = owner

    @override
    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._owner.lost(sorted(one.partition for one in revoked))

    @override
    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        partitions = sorted(one.partition for one in assigned)
        self._membership.keep_held(partitions)
        await self._owner.gained(partitions)
