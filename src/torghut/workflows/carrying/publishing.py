"""What became durable, published: the log is the outbox, the topic says how far it was heard.

What a partition's loop tells, outcomes as well as what became of control records, is published by
whoever decides it, after the topic's own last record that is final. What stands before that was
heard; what stands after it is read from memory, or back from the log, where a worker died between
the two. Records that were no context go to a topic of their own, and a block may hold nothing else:
so the last of them counts as well. What is published together becomes final together, so nothing is
left out and nothing becomes final twice. Who reads what is not final yet may hear the last moment
before a death again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
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
    TRACEPARENT,
    Headers,
    Outgoing,
    Received,
)
from torghut.carrying.ports import Voice
from torghut.eventlog.errors import LogWriteError
from torghut.kernel.clock import SteadyNs
from torghut.kernel.units import MS_PER_S
from torghut.schemas.live.position import (
    PLACE_MAX,
    Position,
    PositionMalformedError,
    parse_position,
    start_of,
)
from torghut.workflows.carrying.errors import LogBehindTopicError
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.telling import KeptBlock, Telling

_GOLDEN: Final = 0.618034
"""Multiples of it, each less its whole part, stay as far from each other as so many can."""
_TYPE: Final = slice(len(b'{"type":"'), None)

KeyOf = Callable[[Line], bytes]
"""Returns the key that a line's record has."""


def by_symbol(line: Line) -> bytes:
    """Return the symbol of the context that a line is about."""
    _, venue, name, _, _ = line.name.split(":")
    return f"{venue}:{name}".encode()


def schema_of(text: bytes) -> bytes:
    """Return the schema that a text says first that it fits."""
    return text[_TYPE].partition(b'"')[0]


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
        check_claimed: Raises where the partition is claimed by another process by now.
        condition: Where it is said that the broker is away.
        settle_ms: Longest time from publishing something until it is made final, with all that
            came meanwhile.
        retry_ms: Between attempts to reach it.
        quarantine: The topic of records that were no contexts; empty where there are none.
        places: Topic and partition of those, by the digest that the log names each with.
        acknowledged: Told when contexts came in, on the steady clock, once the broker has their
            outcomes.
        said: Position of the last line that was heard; None until that is known.
    """

    told: Telling
    voice: Voice
    key_of: KeyOf
    check_claimed: Callable[[], Awaitable[None]]
    condition: Condition
    settle_ms: int
    retry_ms: int
    quarantine: str = ""
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    acknowledged: Callable[[Sequence[SteadyNs]], None] = lambda _: None
    said: Position | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _unsettled: asyncio.Event = field(default_factory=asyncio.Event)

    async def raise_voice(self) -> Position:
        """Silence whoever published this partition before; return the last position heard.

        A process that slept, and missed that the partition went to another, must not silence that.

        Raises:
            ClaimLostError: Another process claimed the partition.
            LogWriteError: The log does not say whether that is so.
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
            LogBehindTopicError: The topic holds what the log does not have.
            PositionMalformedError: The topic holds what was never published here.
        """
        await self.check_claimed()
        said = start_of(self.told.partition)
        for last in (await self.voice.raise_(), await self._last_aside()):
            if last is not None:
                await self._check_log(_position(last), _digest(last))
                said = max(said, _position(last))
        self.said = said
        return said

    async def publish(self) -> None:
        """Publish what is durable, and go on; the voice was raised.

        Raises:
            ClaimLostError: Another process claimed the partition.
            VoiceSilencedError: Another process publishes the partition by now.
            LogBehindTopicError: The topic holds what the log does not have.
            BrokerRefusedError: The broker takes none of it, now or later.
        """
        while True:
            try:
                if self.said is None:
                    await self.raise_voice()
                self.condition.end("broker-away")
                await self._speak()
            except BrokerUnreachableError as error:
                self.condition.begin("broker-away", str(error))
                self.said = None  # nobody knows whether the last of it was heard
                self._moved.set()
                await asyncio.sleep(self.retry_ms / MS_PER_S)
            except LogWriteError:  # whether the voice may be raised nobody knows yet
                await asyncio.sleep(self.retry_ms / MS_PER_S)

    async def _last_aside(self) -> Received | None:
        """Return this partition's last record that was no context, if any."""
        last = await self.voice.last_beside(self.quarantine) if self.quarantine else None
        if last is None or _position(last).partition != self.told.partition:
            return None  # another's: from when all of them shared one partition of the topic
        return last

    async def _speak(self) -> None:
        """Say what there is and what comes, and make it final, until one of the two fails."""
        both = [asyncio.ensure_future(self._say()), asyncio.ensure_future(self._settle())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for one in both:
                if one.done():
                    await one
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _say(self) -> None:
        """Say what there is and what comes."""
        async for blocks in self.told.follow_blocks(self.said):
            await self.voice.say(list(self._outgoing(blocks)))
            self._unsettled.set()
            lines = [line for block in blocks for line in block.lines]
            self.acknowledged([line.came_ns for line in lines if line.came_ns is not None])
            last = blocks[-1]
            self._heard(last.position(last.lines[-1]))

    async def _settle(self) -> None:
        """Make what was said final, again and again."""
        while True:
            await self._unsettled.wait()
            await asyncio.sleep(self._pause_s())
            self._unsettled.clear()
            await self.voice.settle()

    def _pause_s(self) -> float:
        """Return how long to wait for the time to settle: each partition has its own.

        Were they to settle together, what is said meanwhile would wait for all of their commits.
        """
        every_s = self.settle_ms / MS_PER_S
        own_s = every_s * (self.told.partition * _GOLDEN % 1.0)
        return every_s - (asyncio.get_running_loop().time() - own_s) % every_s

    async def keep_up(self, most: int, *, within_ms: int) -> None:
        """Wait while more than ``most`` lines are not heard that the broker takes, but not long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_ms / MS_PER_S):
                while self.said is not None and self.told.count_after(self.said) > most:
                    self._moved.clear()
                    await self._moved.wait()

    async def all_heard(self) -> None:
        """Wait until everything was heard that is told so far."""
        newest = self.told.newest
        if newest is None or newest.place == PLACE_MAX:
            return  # nothing was told in this life
        while self.said is None or self.said < newest:
            self._moved.clear()
            await self._moved.wait()

    async def _check_log(self, said: Position, digest: str) -> None:
        """Check that the log holds the block that the topic ends with.

        Raises:
            LogBehindTopicError: It does not, or another one in its place.
        """
        partition, found = self.told.partition, "nothing there"
        if said.partition != partition:
            found = f"a topic that holds partition {said.partition}"
        elif (await self.told.log.head(partition)).number >= said.block:
            found = ""
            async for block in self.told.log.blocks(partition, after=said.block - 1):
                found = "" if block.digest == digest else f"another one, {block.digest}"
                break
        if found:
            raise LogBehindTopicError(partition=partition, published=said.block, found=found)

    def _outgoing(self, blocks: Sequence[KeptBlock]) -> Iterator[Outgoing]:
        """Yield what blocks hold as records."""
        for block in blocks:
            place = (block.partition, block.number)
            of_block = (
                (BLOCK_DIGEST, block.digest.encode()),
                (CORRELATION_ID, b"%d:%d" % place),
            )
            for line in block.lines:
                headers = (
                    (SCHEMA, schema_of(line.text)),
                    (LOG_POSITION, b"%d:%d:%d" % (*place, line.place)),
                    (CAUSATION_ID, line.name.encode()),
                    *of_block,
                    *(((TRACEPARENT, line.trace),) if line.trace else ()),
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
    """Return how far the topic is that ends with a record: blocks are said whole.

    Raises:
        PositionMalformedError: It does not say where it stands.
    """
    said = dict(last.headers).get(LOG_POSITION, b"").decode("ascii", "replace")
    if said == "start":  # where to listen from, and no place of an outcome
        raise PositionMalformedError(found=said)
    return replace(parse_position(said), place=PLACE_MAX)


def _digest(last: Received) -> str:
    """Return the digest of the block that a record of the topic is of."""
    return dict(last.headers).get(BLOCK_DIGEST, b"").decode("ascii", "replace")
