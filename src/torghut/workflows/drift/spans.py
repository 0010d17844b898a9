"""Which part of a log a window is, found without reading what lies before it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.decisions.recording import parse_cursor
from torghut.eventlog.block import Block, Head
from torghut.eventlog.columns import decode_columns
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.rows import INT64_LAST_NS, Bytes, RowArray

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


async def span_of(
    log: DecisionLog, *, from_ns: int | None, to_ns: int | None, reference_ns: int
) -> Span:
    """Return the window from ``from_ns`` to ``to_ns``; by default all of the log.

    Where the log reaches less far back than ``reference_ns`` before the window, features are learnt
    on about the first half of what there is.
    """
    found = [await log.head(partition) for partition in await log.partitions()]
    heads = [head for head in found if head.number >= 0]
    edges = [await _edges(log, head) for head in heads]
    first = min((begin for begin, _ in edges), default=0)
    last = max((end for _, end in edges), default=0)
    learnt = EVER if from_ns is None else from_ns - reference_ns
    reaches = from_ns is not None and first <= learnt
    begin, end = max(first, learnt), last if to_ns is None else min(last, to_ns)
    return Span(
        from_ns=EVER if from_ns is None else from_ns,
        to_ns=INT64_LAST_NS if to_ns is None else to_ns,
        reference_ns=learnt,
        watched_ns=from_ns if from_ns is not None and reaches else begin + (end - begin) // 2,
        heads=heads,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A block with its contexts, unpacked once.

    Attributes:
        contexts: Shape (n,), dtype ``CONTEXT``.
        outcomes: Shape (n,), uint8: refusal codes, 0 where decided.
    """

    block: Block
    contexts: RowArray
    outcomes: Bytes

    @property
    def earliest_ns(self) -> int:
        """Return the earliest receive time of a decided context; -1 where there is none."""
        return min(self._times(), default=-1)

    @property
    def latest_ns(self) -> int:
        """Return the latest receive time of a decided context; -1 where there is none."""
        return max(self._times(), default=-1)

    def _times(self) -> Sequence[int]:
        """Return the earliest and the latest receive time of a decided context, if any.

        Those of refused ones may be garbage.
        """
        times = self.contexts["receive_ns"][self.outcomes == 0]
        return [int(times.min()), int(times.max())] if len(times) else []


def opened(block: Block) -> Opened:
    """Return ``block`` with its contexts unpacked.

    Raises:
        ColumnsMalformedError: They are not what a block holds.
    """
    contexts, outcomes = decode_columns(block.inputs)
    return Opened(block=block, contexts=contexts, outcomes=outcomes)


async def blocks_of(log: DecisionLog, head: Head, span: Span) -> AsyncIterator[Opened]:
    """Yield the blocks of a partition that may hold something of ``span``, oldest first.

    What one feed brings stands in the order received, give or take a block, so blocks before and
    after the span are left out. Recorded sources may bring one symbol after the other: of those
    every block is read.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    ordered = parse_cursor(head.cursor).part == 0
    after = await _before(log, head, span.reference_ns) if ordered else -1
    async for block in log.blocks(head.partition, after=after):
        found = opened(block)
        yield found
        if block.number >= head.number or (ordered and found.earliest_ns > span.to_ns):
            break


async def _before(log: DecisionLog, head: Head, time_ns: int) -> int:
    """Return the number of a block before the first that ends at ``time_ns`` or later."""
    low, high = -1, head.number
    while low < high:
        middle = (low + high + 1) // 2
        latest = await _latest_from(log, head, middle)
        if 0 <= latest < time_ns:
            low = middle
        else:
            high = middle - 1
    return max(-1, low - 1)


async def _latest_from(log: DecisionLog, head: Head, number: int) -> int:
    """Return the latest receive time of the first block from ``number`` on with contexts; -1 none.

    A block of control records alone says nothing of time.
    """
    async for block in log.blocks(head.partition, after=number - 1):
        if (latest := opened(block).latest_ns) >= 0 or block.number >= head.number:
            return latest
    return -1


async def _edges(log: DecisionLog, head: Head) -> tuple[int, int]:
    """Return the earliest receive time of a partition's first block, and the latest of its last."""
    begin, number, end = -1, head.number, -1
    async for block in log.blocks(head.partition):
        if (begin := opened(block).earliest_ns) >= 0 or block.number >= head.number:
            break
    while end < 0 <= number:
        end = await _latest_from(log, head, number)
        number -= 1
    return max(0, begin), max(0, end)
