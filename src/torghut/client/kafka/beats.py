"""Heartbeats of all partitions, handed to whoever listens to one; only those that come from now on.

The topic keeps the last one of every worker for a long time. An old one says nothing of now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiokafka import ConsumerRecord

from torghut.client.kafka.reading import Reader

_PARTITION: Final = b".p"
"""Stands in a key between the worker and the partition."""

Hear = Callable[[str], None]


@dataclass(slots=True)
class Beats:
    """Reads the heartbeats as long as anybody listens.

    Attributes:
        reader: Of their topic.
    """

    reader: Reader
    _heard: dict[int, list[Hear]] = field(default_factory=dict)
    _begun: asyncio.Task[None] | None = None

    async def listen(self, lane: int, hear: Hear) -> None:
        """Hear the heartbeats of a lane.

        Raises:
            CutError: They cannot be read.
        """
        if self._begun is None or self._begun.done():
            await self.reader.end()
            if self._begun is None or self._begun.done():
                self._begun = asyncio.create_task(self._read())
                self._begun.add_done_callback(_passed_over)
        self._heard.setdefault(lane, []).append(hear)

    def leave(self, lane: int, hear: Hear) -> None:
        """Hear no more."""
        if hear in self._heard.get(lane, ()):
            self._heard[lane].remove(hear)

    async def close(self) -> None:
        """Let go of the broker."""
        if self._begun is not None:
            self._begun.cancel()
        await self.reader.close()

    async def _read(self) -> None:
        """Read, for ever; where that fails, nobody hears anything until another listens."""
        while True:
            for record in await self.reader.read(*self.reader.places):
                lane = _lane_of(record)
                for hear in tuple(self._heard.get(lane, ())):
                    hear(record.value.decode("utf-8", "replace"))


def _passed_over(task: asyncio.Task[None]) -> None:
    """Look at why reading ended: silence tells it to everybody."""
    if not task.cancelled():
        task.exception()


def _lane_of(record: ConsumerRecord) -> int:
    """Return the partition that a heartbeat is of; -1 where its key does not say."""
    number = (record.key or b"").rpartition(_PARTITION)[2]
    return int(number) if number.isdigit() and record.value else -1
