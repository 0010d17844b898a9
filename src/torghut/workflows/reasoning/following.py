"""News and fundamentals out of a topic, which whoever asks for advice reads whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.carrying.errors import BrokerRefusedError, BrokerUnreachableError, TopicMissingError
from torghut.carrying.ports import TopicReader
from torghut.kernel.units import MS_PER_S
from torghut.reasoning.shelf import PassageShelf
from torghut.schemas.reasoning.context import Passage
from torghut.workflows.reasoning.ports import AskingWitness

_RECORDS_MAX: Final = 50_000
"""Most of each partition that is read of what was there before: the rest is too old to be shown."""

_WAIT_MS: Final = 200
_RETRY_MS: Final = 1000

_Places = Mapping[tuple[str, int], int]
"""By topic and partition, the next offset that was not read."""


@dataclass(slots=True, kw_only=True)
class PassageTopic:
    """The items of a topic; ``follow`` it.

    Attributes:
        reader: Of the broker.
        topic: Its name.
        shelf: Where items are kept.
        witness: Told what could not be read.
    """

    reader: TopicReader
    topic: str
    shelf: PassageShelf
    witness: AskingWitness
    _said: str = ""

    async def of(self, symbol: str, event_ns: int) -> Sequence[Passage]:
        """Return what may be shown of a symbol as of an event, of what was read by now."""
        self.shelf.asked_at(event_ns)
        return self.shelf.shown(self.shelf.about(symbol), symbol, event_ns)

    async def follow(self) -> None:
        """Read what is there and what comes, for ever; where no broker answers, again later."""
        after: _Places = {}
        while True:
            try:
                after = await self._take(after or await self._begin())
            except (BrokerRefusedError, BrokerUnreachableError, TopicMissingError) as error:
                self._say(str(error))
                await asyncio.sleep(_RETRY_MS / MS_PER_S)

    async def _begin(self) -> _Places:
        """Return where to begin in each partition."""
        partitions = range(await self.reader.partitions(self.topic))
        ends = await self.reader.ends([(self.topic, partition) for partition in partitions])
        return {place: max(0, end - _RECORDS_MAX) for place, end in ends.items()}

    async def _take(self, after: _Places) -> _Places:
        """Take in what comes next; return where to go on."""
        found = await self.reader.read(after, wait_ms=_WAIT_MS)
        values = [one.value for reading in found.values() for one in reading.records]
        refused = sum(not self.shelf.put(value) for value in values if value is not None)
        if refused:
            self._say(f"{refused} records that are no item")
        if values:
            self.shelf.forget()
        return {place: reading.then for place, reading in found.items()}

    def _say(self, found: str) -> None:
        """Tell what could not be read, once."""
        if found != self._said:
            self._said = found
            self.witness.unread(self.topic, found)
