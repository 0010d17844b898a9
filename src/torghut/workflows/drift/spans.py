"""Which part of a log a window is, found without reading what lies before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.decisions.recording import parse_cursor
from torghut.eventlog.block import Block, Head
from torghut.eventlog.columns import decode_columns
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.rows import INT64_LAST_NS, Bytes, Integers, RowArray

EVER: Final = -(2**63)
"""Before every receive time, those that are garbage included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window of a log, and what of the log is looked at beside it.

    Attributes:
        from_ns: Receive time, included; ``EVER`` for all of the log.
        to_ns: Receive time, included; the last there can be for all of the log.
        reference_ns: From this time on, features are learnt.
        watched_ns: From this time on, features are compared with what was learnt.
        heads: Of the log, by partition; what was appended later is not looked at.
    """

    from_ns: int
    to_ns: int
    reference_ns: int
    watched_ns: int
    heads: Sequence[Head]


async def heads_of(log: DecisionLog) -> Sequence[Head]:
    """Return the end of each partition of a log that has blocks."""
    found = [await log.head(partition) for partition in await log.partitions()]
    return [head for head in found if head.number >= 0]


def is_ordered(head: Head) -> bool:
    """Return whether a partition is what one feed brought.

    That stands in the order received, give or take a block; recorded sources may bring one symbol
    after the other.
    """
    return parse_cursor(head.cursor).part == 0


async def span_of(
    log: DecisionLog, *, from_ns: int | None, to_ns: int | None, reference_ns: int
) -> Span:
    """Return the window from ``from_ns`` to ``to_ns``; by default all of the log."""
    heads = await heads_of(log)
    edges = Edges(
        first_ns=max(0, min([await first_of(log, head) for head in heads], default=0)),
        last_ns=max([0, *[await last_of(log, head) for head in heads]]),
    )
    bounds = Bounds(from_ns=from_ns, to_ns=to_ns, reference_ns=reference_ns)
    return span_between(bounds, edges, heads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is asked for.

    Attributes:
        from_ns: Receive time, included; None for the beginning of the log.
        to_ns: Receive time, included; None for the end of the log.
        reference_ns: How long before the window features are learnt from.
    """

    from_ns: int | None
    to_ns: int | None
    reference_ns: int

    @property
    def learnt_ns(self) -> int:
        """Return from which time on features are learnt from."""
        return EVER if self.from_ns is None else self.from_ns - self.reference_ns

    def reaches(self, first_ns: int) -> bool:
        """Return whether a log that begins at ``first_ns`` has all that is learnt from."""
        return self.from_ns is not None and first_ns <= self.learnt_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Receive times between which a log was decided: of its first decided context and its last."""

    first_ns: int
    last_ns: int


def span_between(bounds: Bounds, edges: Edges, heads: Sequence[Head]) -> Span:
    """Return the window that is asked for of a log with these edges.

    Where the log reaches less far back than what is to be learnt from, features are learnt on its
    first part: a power of two of nanoseconds, the largest that is no more than half of what there
    is. So that is a quarter or more, and stays what it is until there is twice as much.
    """
    from_ns, to_ns = bounds.from_ns, bounds.to_ns
    begin = max(edges.first_ns, bounds.learnt_ns)
    end = edges.last_ns if to_ns is None else min(edges.last_ns, to_ns)
    half = max(0, end - begin) // 2
    learnt = 1 << half.bit_length() - 1 if half else 0
    reaches = from_ns is not None and bounds.reaches(edges.first_ns)
    return Span(
        from_ns=EVER if from_ns is None else from_ns,
        to_ns=INT64_LAST_NS if to_ns is None else to_ns,
        reference_ns=bounds.learnt_ns,
        watched_ns=from_ns if from_ns is not None and reaches else begin + learnt,
        heads=heads,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A block with its contexts, unpacked once.

    Attributes:
        contexts: Shape (n,), dtype ``CONTEXT``.
        outcomes: Shape (n,), uint8: refusal codes, 0 where decided.
        earliest_ns: Receive time of the earliest decided context; -1 where there is none. Those of
            refused ones may be garbage.
        latest_ns: Of the latest.
        lowest_ns: Of any context, refused ones included; -1 where there is none.
        highest_ns: The highest of any.
    """

    block: Block
    contexts: RowArray
    outcomes: Bytes
    earliest_ns: int
    latest_ns: int
    lowest_ns: int
    highest_ns: int


def opened(block: Block) -> Opened:
    """Return ``block`` with its contexts unpacked.

    Raises:
        ColumnsMalformedError: They are not what a block holds.
    """
    contexts, outcomes = decode_columns(block.inputs)
    times = contexts["receive_ns"]
    lowest, highest = _ends(times)
    some = bool(outcomes.any())
    earliest, latest = _ends(times[outcomes == 0]) if some else (lowest, highest)
    return Opened(
        block=block,
        contexts=contexts,
        outcomes=outcomes,
        earliest_ns=earliest,
        latest_ns=latest,
        lowest_ns=lowest,
        highest_ns=highest,
    )


def _ends(times: Integers) -> tuple[int, int]:
    """Return the lowest and the highest of some times; -1 of none."""
    return (int(times.min()), int(times.max())) if len(times) else (-1, -1)


async def blocks_of(log: DecisionLog, head: Head, span: Span) -> AsyncIterator[Opened]:
    """Yield the blocks of a partition that may hold something of ``span``, oldest first.

    Of what one feed brought, blocks before and after the span are left out; of recorded sources
    every block is read.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    after = await before_span(log, head, span) if is_ordered(head) else -1
    async for found in blocks_after(log, head, span, after):
        yield found


async def blocks_after(
    log: DecisionLog, head: Head, span: Span, after: int
) -> AsyncIterator[Opened]:
    """Yield the blocks of a partition from a place in the span to its end, oldest first.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    ordered = is_ordered(head)
    async for block in log.blocks(head.partition, after=after):
        found = opened(block)
        yield found
        if block.number >= head.number or (ordered and found.earliest_ns > span.to_ns):
            break


async def before_span(log: DecisionLog, head: Head, span: Span) -> int:
    """Return the number of a block before the first that is looked at of an ordered partition.

    It is the last but one that ends before anything is learnt; and still is when the partition has
    grown, once it has a block that does not. -1 for all of it.
    """
    low, step = -1, 1 << max(0, head.number + 1).bit_length()
    while step := step >> 1:
        number = low + step
        latest = await _latest_from(log, head, number) if number <= head.number else -1
        if 0 <= latest < span.reference_ns:
            low = number
    return max(-1, low - 1)


async def first_of(log: DecisionLog, head: Head) -> int:
    """Return the earliest receive time of a partition's first block with contexts; -1 of none."""
    async for block in log.blocks(head.partition):
        if (earliest := opened(block).earliest_ns) >= 0 or block.number >= head.number:
            return earliest
    return -1


async def last_of(log: DecisionLog, head: Head, *, after: int = -1) -> int:
    """Return the latest receive time of the last block with contexts; -1 of none.

    A block of control records alone says nothing of time.

    Args:
        log: That is read.
        head: Of the partition; what was appended later is not looked at.
        after: Number of a block; only those after it are looked at.
    """
    for number in range(head.number, after, -1):
        async for block in log.blocks(head.partition, after=number - 1):
            if (latest := opened(block).latest_ns) >= 0:
                return latest
            break
    return -1


async def _latest_from(log: DecisionLog, head: Head, number: int) -> int:
    """Return the latest receive time of the first block from ``number`` on with contexts; -1 none.

    A block of control records alone says nothing of time.
    """
    async for block in log.blocks(head.partition, after=number - 1):
        if (latest := opened(block).latest_ns) >= 0 or block.number >= head.number:
            return latest
    return -1
