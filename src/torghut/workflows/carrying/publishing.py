"""What became durable, published: the log is the outbox, the topic says how far it was heard.

What a partition's loop tells, outcomes as well as what became of control records, is published by
whoever decides it, after the topic's own last record. What stands before that was heard; what
stands after it is read from memory, or back from the log, where a worker died between the two. So
nothing is published twice, and nothing left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import (
    BLOCK_DIGEST,
    CAUSATION_ID,
    CORRELATION_ID,
    LOG_POSITION,
    OFFSET,
    PARTITION,
    SCHEMA,
    SOURCE,
    TOPIC,
    Headers,
    Outgoing,
    Received,
)
from torghut.carrying.ports import Voice
from torghut.schemas.live.position import Position, parse_position, start_of
from torghut.workflows.carrying.errors import LogBehindTopicError
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.telling import KeptBlock, Telling

_MS: Final = 1000.0
_TYPE: Final = slice(len(b'{"type":"'), None)

KeyOf = Callable[[Line], bytes]
"""Returns the key that a line's record has."""


def by_symbol(line: Line) -> bytes:
    """Return the symbol of the context that a line is about."""
    _, venue, name, _, _ = line.name.split(":")
    return f"{venue}:{name}".encode()


def by_name(line: Line) -> bytes:
    """Return the name of what a line is about."""
    return line.name.encode()


@dataclass(slots=True, kw_only=True)
class Publisher:
    """Publishes what one partition's loop tells, for ever.

    Attributes:
        told: By the partition's loop.
        voice: On the partition of the topic.
        key_of: What keys the records.
        condition: Where it is said that the broker is away.
        retry_ms: Between attempts to reach it.
        quarantine: The topic of records that were no contexts.
        places: Topic and partition of those, by the digest that the log names each with.
        said: Position of the last line that was heard; None until that is known.
    """

    told: Telling
    voice: Voice
    key_of: KeyOf
    condition: Condition
    retry_ms: int
    quarantine: str = ""
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    said: Position | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def raise_voice(self) -> Position:
        """Silence whoever published this partition before; return the last position heard.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            LogBehindTopicError: The topic holds what the log does not have.
        """
        last = await self.voice.raise_()
        partition = self.told.partition
        self.said = start_of(partition) if last is None else _position(last)
        head = await self.told.log.head(partition)
        if self.said.block > head.number:
            raise LogBehindTopicError(
                partition=partition, published=self.said.block, found=head.number
            )
        return self.said

    async def publish(self) -> None:
        """Publish what is durable, and go on; the voice was raised.

        Raises:
            VoiceSilencedError: Another process publishes the partition by now.
            LogBehindTopicError: The topic holds what the log does not have.
        """
        while True:
            try:
                if self.said is None:
                    await self.raise_voice()
                self.condition.end("broker-away")
                async for blocks in self.told.follow_blocks(self.said):
                    await self.voice.say(list(self._outgoing(blocks)))
                    last = blocks[-1]
                    self._heard(last.position(last.lines[-1]))
            except BrokerUnreachableError as error:
                self.condition.begin("broker-away", str(error))
                self.said = None  # nobody knows whether the last of it was heard
                await asyncio.sleep(self.retry_ms / _MS)

    async def heard(self, position: Position) -> None:
        """Wait until everything up to a position was heard."""
        while self.said is None or self.said < position:
            self._moved.clear()
            await self._moved.wait()

    def _outgoing(self, blocks: Sequence[KeptBlock]) -> Iterator[Outgoing]:
        """Yield what blocks hold as records."""
        for block in blocks:
            of_block = (
                (BLOCK_DIGEST, block.digest.encode()),
                (CORRELATION_ID, b"%d:%d" % (block.partition, block.number)),
            )
            for line in block.lines:
                headers = (
                    (SCHEMA, line.text[_TYPE].partition(b'"')[0]),
                    (LOG_POSITION, str(block.position(line)).encode()),
                    (CAUSATION_ID, line.name.encode()),
                    *of_block,
                )
                if line.aside:
                    found = (*headers, *self._found(line))
                    yield Outgoing(None, line.text, found, self.quarantine)
                else:
                    yield Outgoing(self.key_of(line), line.text, headers)

    def _found(self, line: Line) -> Headers:
        """Return where a record was found that was no context."""
        source, _, offset = line.name.partition(":")
        topic, partition = self.places.get(source, ("", 0))
        return (
            (TOPIC, topic.encode()),
            (PARTITION, b"%d" % partition),
            (OFFSET, offset.encode()),
            (SOURCE, source.encode()),
        )

    def _heard(self, position: Position) -> None:
        self.said = position
        self._moved.set()


def _position(last: Received) -> Position:
    """Return where the line stands that a record of the topic is."""
    said = dict(last.headers).get(LOG_POSITION, b"")
    return parse_position(said.decode("ascii", "replace"))
