"""Control records beside the contexts: topics that a partition's loop reads in its own time.

Each partition's chain says how far it has taken each of them, so a worker that takes a partition up
goes on where the last block left off. Nothing is decided before what was there already is taken: a
stop that was thrown yesterday holds before the first decision of today.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from torghut.carrying.contexts import Unreadable
from torghut.carrying.controls import read_control
from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import Received, trace_of
from torghut.carrying.ports import TopicReader
from torghut.kernel.units import MS_PER_S
from torghut.market.ports import Quarantined
from torghut.schemas.control import ControlRecord
from torghut.workflows.carrying.intake import PartitionOf
from torghut.workflows.live.intake.waiting import (
    Item,
    WaitingControl,
    WaitingLine,
    WaitingQuarantine,
)

Place = tuple[str, int]
"""A topic and one of its partitions."""

Refusing = Callable[[ControlRecord], Awaitable[str]]
"""Tells why a record cannot hold that only the log can tell; empty if it can."""


@dataclass(slots=True, kw_only=True)
class BesideReader:
    """Brings one partition's control records into its line.

    Attributes:
        reader: Of the topics; nobody else's.
        partition: Of the log.
        places: What is read: partitions of topics, by the name that the cursor has for each.
        source_of: By the name of a place, the digest that its records are named by that are none.
        partition_of: Where a symbol's contexts belong: what names another's is passed over.
        line: Where they wait.
        refusing: Of the loop.
        after: The next offset of each, by name.
    """

    reader: TopicReader
    partition: int
    places: Mapping[str, Place]
    source_of: Callable[[str], str]
    partition_of: PartitionOf
    line: WaitingLine
    refusing: Refusing
    after: dict[str, int] = field(default_factory=dict)

    def go_on(self, taken: Mapping[str, int]) -> None:
        """Go on where a cursor says."""
        self.after = {name: taken.get(name, 0) for name in self.places}

    async def catch_up(self, *, wait_ms: int) -> None:
        """Take what was there when this was asked.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        ends = await self.reader.ends(list(self.places.values()))
        while any(self.after[name] < ends[place] for name, place in self.places.items()):
            await self.take(wait_ms=wait_ms)

    async def take(self, *, wait_ms: int) -> None:
        """Take what comes next, within the time; it stays in its topics while very much waits.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        await self.line.room_for_urgent()
        asked = {self.places[name]: offset for name, offset in self.after.items()}
        found = await self.reader.read(asked, wait_ms=wait_ms)
        for name, place in self.places.items():
            read = found[place]
            items = [await self._item(name, record) for record in read.records]
            self.line.put([item for item in items if item is not None])
            self.after[name] = read.then

    async def follow(self, *, wait_ms: int, retry_ms: int) -> None:
        """Take what comes, for ever; where the broker does not answer, again later.

        Raises:
            BrokerRefusedError: It refuses to be read from: a stop would not be heard of.
        """
        while True:
            try:
                await self.take(wait_ms=wait_ms)
            except BrokerUnreachableError:
                await asyncio.sleep(retry_ms / MS_PER_S)

    async def _item(self, name: str, received: Received) -> Item | None:
        """Return a record as what waits; None where it is another partition's, or a grave."""
        if received.value is None:
            return None
        beside = (name, received.offset + 1)
        read = read_control(received)
        if isinstance(read, Unreadable):
            kept = Quarantined(
                part=self.partition,
                record=received.offset,
                refusal=read.refusal,
                digest=read.digest,
                excerpt=read.excerpt,
            )
            return WaitingQuarantine(
                source=self.source_of(name),
                record=kept,
                beside=beside,
                urgent=True,
                trace=trace_of(dict(received.headers)),
            )
        if read.symbol != "*" and self.partition_of(read.symbol) != self.partition:
            return None
        refusal = await self.refusing(read)
        return WaitingControl(record=read, refusal=refusal, beside=beside, urgent=True)
