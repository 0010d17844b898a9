"""Topics against the log: is there exactly one outcome for each record, told once, and in order?

The auditor decides nothing and knows no worker. It walks the topic of contexts, the chain and the
topic of decisions of one partition side by side, in constant memory.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from torghut.carrying.contexts import Unreadable, read_context
from torghut.carrying.messages import BLOCK_DIGEST, LOG_POSITION, Received
from torghut.carrying.ports import Broker, TopicReader
from torghut.decisions.recording import parse_cursor
from torghut.eventlog.block import Block
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.block import read_block_records
from torghut.schemas.live.naming import feed_digest
from torghut.workflows.carrying.terms import CarriedTopics
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.outcomes import Renderings, outcomes_of, settled_then
from torghut.workflows.lookup.in_force import Rulebook

FINDINGS_MAX: Final = 20
"""Findings of a partition that are told one by one; the others are counted."""

_WAIT_MS: Final = 500
_MEASURED: Final = re.compile(rb'"ingress_wall_ns":(?:null|"[0-9]{1,19}"),"speed":[^,]{1,24},')
_SEQUENCE: Final = re.compile(rb'"symbol":"([^"]{1,80})".{0,200}?"sequence":([0-9]{1,16}),')

Place = tuple[str, int]
"""A topic and one of its partitions."""


@dataclass(slots=True, kw_only=True)
class PartitionAudit:
    """What was found of one partition.

    Attributes:
        partition: Its number.
        records: Of the topic of contexts that the log has taken.
        outcomes: In the log: decisions, refusals, and records that were no contexts.
        published: In the topic of decisions.
        waiting: Records of the topic of contexts that the log has not taken.
        untold: Outcomes in the log that the topic of decisions does not have yet.
        wrong: How many findings there are.
        findings: The first of them, in words.
    """

    partition: int
    records: int = 0
    outcomes: int = 0
    published: int = 0
    waiting: int = 0
    untold: int = 0
    wrong: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether nothing waits and nothing is untold."""
        return not self.waiting and not self.untold

    def find(self, what: str) -> None:
        """Note that something is wrong."""
        self.wrong += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(what)


@dataclass(slots=True, kw_only=True)
class Auditor:
    """Compares partitions.

    Attributes:
        broker: Of the topics.
        log: That was decided into.
        topics: That were read and written.
        told: Told how many blocks of a partition were compared.
    """

    broker: Broker
    log: DecisionLog
    topics: CarriedTopics
    told: Callable[[int, int], None] = lambda _partition, _blocks: None

    async def audit(self, partition: int) -> PartitionAudit:
        """Return what there is to say of one partition.

        Raises:
            LogIntegrityError: A block is not as it was written.
            BrokerUnreachableError: No broker answers within the budget.
        """
        found = PartitionAudit(partition=partition)
        async with (
            _Stream(self.broker.reader(), (self.topics.contexts, partition)) as taken,
            _Stream(self.broker.reader(), (self.topics.decisions, partition)) as told,
        ):
            await self._compare(found, taken, told)
        return found

    async def _compare(self, found: PartitionAudit, taken: _Stream, told: _Stream) -> None:
        """Walk the chain with the two topics beside it."""
        partition = found.partition
        renderings = Renderings(Rulebook(self.log, run_id=""))
        source = feed_digest(f"{self.topics.contexts}/{partition}")
        sequences: dict[bytes, int] = {}
        async for block in self.log.blocks(partition):
            lines = await outcomes_of(settled_then(block), renderings)
            await _compare_taken(found, block, lines, taken, source)
            await _compare_told(found, block, lines, told, sequences)
            self.told(partition, block.number + 1)
        found.waiting = await taken.count_rest()
        async for late in told.rest():
            found.published += 1
            found.find(f"{_position(late)} is published and not in the log")


async def _compare_taken(
    found: PartitionAudit, block: Block, lines: Sequence[Line], taken: _Stream, source: str
) -> None:
    """Compare the records that a block says it took with what it made of them."""
    kept = read_block_records(block.records).quarantined
    aside = {one.record for one in kept if one.source == source}
    found.outcomes += len(lines) + len(aside)
    names = iter(lines)
    async for record in taken.before(parse_cursor(block.cursor).record):
        found.records += 1
        if record.offset in aside:
            aside.discard(record.offset)
            continue
        read = read_context(record)
        name = None if isinstance(read, Unreadable) else read.context_id
        line = next(names, None)
        if line is None:
            found.find(f"block {block.number} has no outcome for offset {record.offset}")
        elif line.name != name:
            found.find(f"block {block.number} has {line.name} where offset {record.offset} is")
    for line in names:
        found.find(f"block {block.number} decided {line.name}, which no record of it is")
    for offset in sorted(aside):
        found.find(f"block {block.number} keeps offset {offset}, which it did not take")


async def _compare_told(
    found: PartitionAudit,
    block: Block,
    lines: Sequence[Line],
    told: _Stream,
    sequences: dict[bytes, int],
) -> None:
    """Compare a block's outcomes with what was published of them."""
    for line in lines:
        _count_on(found, line, sequences)
        place = f"{block.partition}:{block.number}:{line.place}"
        record = await told.next()
        if record is None:
            found.untold += 1
            continue
        found.published += 1
        if _position(record) != place:
            found.find(f"{_position(record)} is published where {place} is due")
        elif dict(record.headers).get(BLOCK_DIGEST) != block.digest.encode():
            found.find(f"{place} was published out of another block")
        elif _plain(record.value or b"") != _plain(line.text):
            found.find(f"{place} was published with another content")


def _count_on(found: PartitionAudit, line: Line, sequences: dict[bytes, int]) -> None:
    """Check that a symbol's decisions are numbered without a gap, in the order of the log."""
    match = _SEQUENCE.search(line.text)
    if match is None or not line.text.startswith(b'{"type":"live.decided'):
        return
    symbol, sequence = match[1], int(match[2])
    if sequence != sequences.get(symbol, 0) + 1:
        found.find(f"{line.name} has sequence {sequence} after {sequences.get(symbol, 0)}")
    sequences[symbol] = sequence


def _position(record: Received) -> str:
    """Return where an outcome stands, as its record says."""
    return dict(record.headers).get(LOG_POSITION, b"nowhere").decode("ascii", "replace")


def _plain(text: bytes) -> bytes:
    """Return an outcome without what was measured."""
    return _MEASURED.sub(b"", text, count=1)


class _Stream:
    """The records of one partition, in order, up to where it ended when this began.

    Args:
        reader: That reads it, and nothing else.
        place: That is read.
    """

    def __init__(self, reader: TopicReader, place: Place) -> None:
        self._reader = reader
        self._place = place
        self._end = 0
        self._then = 0
        self._ready: Iterator[Received] = iter(())
        self._ahead: Received | None = None

    async def __aenter__(self) -> Self:
        """Find out where it ends."""
        self._end = (await self._reader.ends([self._place]))[self._place]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of the broker."""
        await self._reader.close()

    async def next(self) -> Received | None:
        """Return the next record; None at the end."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return ahead
        while (record := next(self._ready, None)) is None:
            if self._then >= self._end:
                return None
            read = await self._reader.read({self._place: self._then}, wait_ms=_WAIT_MS)
            found = read[self._place]
            self._ready, self._then = iter(found.records), found.then
        return record

    async def before(self, offset: int) -> AsyncIterator[Received]:
        """Yield what stands before an offset."""
        while (record := await self.next()) is not None:
            if record.offset >= offset:
                self._ahead = record
                return
            yield record

    async def rest(self) -> AsyncIterator[Received]:
        """Yield what is left."""
        while (record := await self.next()) is not None:
            yield record

    async def count_rest(self) -> int:
        """Return how much is left."""
        return sum([1 async for _ in self.rest()])
