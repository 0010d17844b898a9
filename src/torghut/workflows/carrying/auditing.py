"""Topics against the log: is there exactly one outcome for each record, told once, and in order?

The auditor decides nothing and knows no worker. It walks the topic of contexts, the chain and the
topic of decisions of one partition side by side, in constant memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Final, Self

from torghut.carrying.contexts import Unreadable, read_context
from torghut.carrying.controls import is_snapshot, read_control
from torghut.carrying.messages import BLOCK_DIGEST, LOG_POSITION, Received
from torghut.carrying.ports import Broker, TopicReader
from torghut.decisions.recording import parse_cursor
from torghut.eventlog.block import Block
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.block import BlockRecords, read_block_records
from torghut.schemas.codes import PENDING
from torghut.schemas.control import DepthSnapshot
from torghut.schemas.live.naming import feed_digest
from torghut.schemas.live.position import Position, PositionMalformedError, parse_position
from torghut.workflows.carrying.terms import CarriedTopics
from torghut.workflows.live.told.lines import Line
from torghut.workflows.live.told.outcomes import (
    Renderings,
    Settled,
    outcomes_of,
    settled_then,
)
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
        outcomes: In the log: decisions, refusals, snapshots of books, and records that were none.
        published: In the topic of decisions.
        waiting: Records of the topic of contexts that the log has not taken.
        untold: Outcomes in the log that the topic of decisions does not have yet.
        removed: How often an outcome had nothing to be compared with in one of the topics, which
            keeps its records for so long and not longer.
        awaiting: Contexts that wait for advice.
        wrong: How many findings there are.
        findings: The first of them, in words.
    """

    partition: int
    records: int = 0
    outcomes: int = 0
    published: int = 0
    waiting: int = 0
    untold: int = 0
    removed: int = 0
    awaiting: set[str] = field(default_factory=set)
    wrong: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether nothing waits and nothing is untold."""
        return not self.waiting and not self.untold and not self.awaiting

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

        Work may go on meanwhile: what became of it later is left for the next audit. Every outcome
        in the topic of decisions was in the log before, and every record that the log has taken in
        the topic of contexts; so where each of them ends is asked for in that order.

        Raises:
            LogIntegrityError: A block is not as it was written.
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        found = PartitionAudit(partition=partition)
        async with _Stream(self.broker.reader(), (self.topics.decisions, partition)) as told:
            last = (await self.log.head(partition)).number
            async with _Stream(self.broker.reader(), (self.topics.contexts, partition)) as taken:
                await self._compare(found, taken, told, last)
        return found

    async def _compare(
        self, found: PartitionAudit, taken: _Stream, told: _Stream, last: int
    ) -> None:
        """Walk the chain up to its ``last`` block, with the two topics beside it."""
        partition = found.partition
        renderings = Renderings(Rulebook(self.log, run_id=""))
        source = feed_digest(f"{self.topics.contexts}/{partition}")
        sequences: dict[bytes, int] = {}
        first = await told.peek()
        said_from = _position(first) if first is not None and first.offset else None
        async for block in self.log.blocks(partition):
            if block.number > last:
                break
            settled = settled_then(block)
            lines = await outcomes_of(settled, renderings)
            names = [name for _, _, name in settled.names]
            await _compare_taken(found, block, names, taken, source)
            found.outcomes += len(lines)
            _follow_waiting(found, block, settled)
            for line in lines:
                _count_on(found, line, sequences)
                if said_from is not None and _due(block, line) < said_from:
                    found.removed += 1
                else:
                    await _compare_told(found, block, line, told)
            self.told(partition, block.number + 1)
        found.waiting = await taken.count_rest()
        async for late in told.rest():
            found.published += 1
            found.find(f"{_said(late)} is published behind the last outcome of the log")


async def _compare_taken(
    found: PartitionAudit, block: Block, outcomes: Sequence[str], taken: _Stream, source: str
) -> None:
    """Compare the records that a block says it took with the contexts that it has."""
    kept = read_block_records(block.records)
    aside = {one.record for one in kept.quarantined if one.source == source}
    controls = _controls(kept)
    found.outcomes += len(aside)
    kept_from = await taken.begins()
    names: list[str] = []
    async for record in taken.before(parse_cursor(block.cursor).record):
        found.records += 1
        if record.offset in aside:
            aside.discard(record.offset)
        elif controls[snapshot := _snapshot(record)] > 0:
            controls[snapshot] -= 1
            found.outcomes += 1
        else:
            names.append(_name(record))
    if kept_from:  # it begins in this block, or behind it
        removed = max(0, len(outcomes) - len(names))
        aside = {offset for offset in aside if offset >= kept_from}
        outcomes = outcomes[removed:]
        found.removed += removed
    _compare_names(found, block, names, outcomes)
    for offset in sorted(aside):
        found.find(f"block {block.number} keeps offset {offset}, which it did not take")


def _follow_waiting(found: PartitionAudit, block: Block, settled: Settled) -> None:
    """Follow which contexts wait for advice: each gets one decision, and only those do so late."""
    for number, _, name, code in settled.answered:
        if code == PENDING:
            found.awaiting.add(name)
        elif number < 0 and name not in found.awaiting:
            found.find(f"block {block.number} decides {name}, which did not wait")
        elif number < 0:
            found.awaiting.discard(name)


def _controls(kept: BlockRecords) -> Counter[str]:
    """Return how often a block says what became of each control record, by its id."""
    return Counter(
        [
            *(one.record.control_id for one in kept.received),
            *(one.record.control_id for one in kept.refused),
            *(one.control_id for one in kept.repeated),
        ]
    )


def _snapshot(record: Received) -> str:
    """Return the id of the snapshot of a book that stands among contexts; empty of all others."""
    read = read_control(record) if is_snapshot(record) else None
    return read.control_id if isinstance(read, DepthSnapshot) else ""


def _name(record: Received) -> str:
    """Return what names the outcome of a record of the topic of contexts."""
    read = read_context(record)
    return f"offset {record.offset}" if isinstance(read, Unreadable) else read.context_id


def _compare_names(
    found: PartitionAudit, block: Block, taken: Sequence[str], outcomes: Sequence[str]
) -> None:
    """Compare what a block took with what it has outcomes of, in order."""
    if taken == outcomes:
        return
    matcher = SequenceMatcher(None, taken, outcomes, autojunk=False)
    for _, start, stop, first, behind in matcher.get_opcodes():
        if taken[start:stop] == outcomes[first:behind]:
            continue
        for name in taken[start:stop]:
            found.find(f"block {block.number} has no outcome of {name} where that was taken")
        for name in outcomes[first:behind]:
            found.find(f"block {block.number} has an outcome of {name} where that was not taken")


async def _compare_told(found: PartitionAudit, block: Block, line: Line, told: _Stream) -> None:
    """Compare an outcome with what was published of it."""
    due = _due(block, line)
    while (record := await told.next()) is not None:
        at = _position(record)
        if at is not None and at.partition == due.partition and at > due:
            told.give_back(record)
            found.find(f"{due} is not published before {at}")
            return
        found.published += 1
        if at == due:
            _compare_content(found, block, line, record)
            return
        found.find(f"{_said(record)} is published where {due} is due")
    found.untold += 1


def _due(block: Block, line: Line) -> Position:
    """Return where an outcome stands."""
    return Position(block.partition, block.number, line.place)


def _compare_content(found: PartitionAudit, block: Block, line: Line, record: Received) -> None:
    """Compare an outcome with the record that says it is that one."""
    place = f"{block.partition}:{block.number}:{line.place}"
    if dict(record.headers).get(BLOCK_DIGEST) != block.digest.encode():
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


def _said(record: Received) -> str:
    """Return where an outcome stands, as its record says."""
    return dict(record.headers).get(LOG_POSITION, b"nowhere").decode("ascii", "replace")


def _position(record: Received) -> Position | None:
    """Return where an outcome stands; None where its record does not say."""
    try:
        return parse_position(_said(record))
    except PositionMalformedError:
        return None


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
        self._given = 0

    async def __aenter__(self) -> Self:
        """Find out where it ends; where nobody says so, let go of the broker."""
        asked = False
        try:
            self._end = (await self._reader.ends([self._place]))[self._place]
            asked = True
        finally:
            if not asked:
                await self._reader.close()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of the broker."""
        await self._reader.close()

    async def next(self) -> Received | None:
        """Return the next record; None at the end."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            self._given += 1
            return ahead
        while (record := next(self._ready, None)) is None:
            if self._then >= self._end:
                return None
            read = await self._reader.read({self._place: self._then}, wait_ms=_WAIT_MS)
            found = read[self._place]
            self._ready = iter([one for one in found.records if one.offset < self._end])
            self._then = found.then
        self._given += 1
        return record

    async def peek(self) -> Received | None:
        """Return the next record, which stays the next."""
        record = await self.next()
        if record is not None:
            self.give_back(record)
        return record

    async def begins(self) -> int:
        """Return the offset of the first record until that was given, then 0.

        A topic keeps its records for so long: what stood before the first was removed.
        """
        if self._given:
            return 0
        first = await self.peek()
        return self._end if first is None else first.offset

    def give_back(self, record: Received) -> None:
        """Let a record be the next one again."""
        self._ahead = record
        self._given -= 1

    async def before(self, offset: int) -> AsyncIterator[Received]:
        """Yield what stands before an offset."""
        while (record := await self.next()) is not None:
            if record.offset >= offset:
                self.give_back(record)
                return
            yield record

    async def rest(self) -> AsyncIterator[Received]:
        """Yield what is left."""
        while (record := await self.next()) is not None:
            yield record

    async def count_rest(self) -> int:
        """Return how much is left."""
        return sum([1 async for _ in self.rest()])
