"""Going through a log's blocks in constant memory: oldest first, or newest first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from torghut.eventlog.block import Block
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.rows import RowArray, decision_dtype

_AT_ONCE_MAX: Final = 8
"""Blocks held at once when going backwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """How far a scan is: blocks seen, of those there are."""

    blocks: int
    blocks_total: int


Scanning = Callable[[Scanned], None]
"""Told how far a scan is."""


def silent(_scanned: Scanned) -> None:
    """Report no progress."""


async def oldest_first(log: DecisionLog, progress: Scanning = silent) -> AsyncIterator[Block]:
    """Yield every block of every partition, oldest first, each verified on the way.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    partitions = await log.partitions()
    total = sum([(await log.head(partition)).number + 1 for partition in partitions])
    seen = 0
    for partition in partitions:
        async for block in log.blocks(partition):
            yield block
            seen += 1
            progress(Scanned(blocks=seen, blocks_total=max(seen, total)))


async def newest_first(log: DecisionLog, partition: int) -> AsyncIterator[Block]:
    """Yield every block of ``partition``, newest first, each verified on the way.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    last = (await log.head(partition)).number
    at_once = 1
    while last >= 0:
        first = max(0, last - at_once + 1)
        for block in reversed(await _between(log, partition, first, last)):
            yield block
        last = first - 1
        at_once = min(2 * at_once, _AT_ONCE_MAX)


def rows_of(block: Block, arm: str) -> RowArray:
    """Return the decisions of ``arm`` in ``block``, in their own layout; none without that arm.

    Raises:
        LeafVersionError: They are of a layout that is not known here.
    """
    found = block.arms.get(arm)
    rows = found.rows if found else b""
    return np.frombuffer(rows, decision_dtype(rows))


async def _between(log: DecisionLog, partition: int, first: int, last: int) -> list[Block]:
    """Return the blocks numbered from ``first`` to ``last``."""
    found: list[Block] = []
    async for block in log.blocks(partition, after=first - 1):
        found.append(block)
        if block.number >= last:
            break
    return found
