"""News and fundamentals out of a topic, read from as far back as they are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.carrying.ports import TopicReader
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S
from torghut.reasoning.shelf import PassageShelf
from torghut.schemas.reasoning.context import Passage
from torghut.workflows.reasoning.ports import AskingWitness

_RECORDS_MAX: Final = 50_000
"""Most of a partition that is read of what was there before: no more is kept."""

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
        caught_up: Set once what was there at the beginning is read.
    """

    reader: TopicReader
    topic: str
    shelf: PassageShelf
    witness: AskingWitness
    caught_up: asyncio.Event = field(default_factory=asyncio.Event)
    _ends: _Places = field(default_factory=dict)
    _said: str = ""

    async def of(self, symbol: str, event_ns: int) -> Sequence[Passage]:
        """Return what may be shown of a symbol as of an event, of what was read by now."""
        self.shelf.asked_at(event_ns)
        known = self.shelf.about(symbol)
        return await asyncio.to_thread(self.shelf.shown, known, symbol, event_ns)

    async def follow(self) -> None:
        """Read what is there and what comes, for ever; where that fails, again later."""
        after: _Places = {}
        while True:
            try:
                after = await self._take(after or await self._begin())
            except TorghutError as error:
                self._say(str(error))
            except Exception as defect:  # noqa: BLE001 -- old news for ever is worse than a try
                self._say(type(defect).__name__)
            else:
                continue
            await asyncio.sleep(_RETRY_MS / MS_PER_S)

    async def _begin(self) -> _Places:
        """Return where to begin in each partition that there is."""
        partitions = range(await self.reader.partitions(self.topic))
        self._ends = await self.reader.ends([(self.topic, partition) for partition in partitions])
        return {place: max(0, end - _RECORDS_MAX) for place, end in self._ends.items()}

    async def _take(self, after: _Places) -> _Places:
        """Take in what comes next; return where to go on."""
        found = await self.reader.read(after, wait_ms=_WAIT_MS)
        values = [one.value for reading in found.values() for one in reading.records]
        refused = sum(not self.shelf.put(value) for value in values if value is not None)
        self._say(f"{refused} records that are no item" if refused else "")
        if values:
            self.shelf.forget()
        if all(reading.then >= self._ends[place] for place, reading in found.items()):
            self.caught_up.set()
        return {place: reading.then for place, reading in found.items()}

    def _say(self, found: str) -> None:
        """Tell what could not be read, once until something is read again."""
        if found and found != self._said:
            self.witness.unread(self.topic, found)
        self._said = found
