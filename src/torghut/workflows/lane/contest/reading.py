"""What a decision log offers to every arm: contexts, news, fundamentals and limits; nothing else.

The log's own decisions, fills, orders, positions, switches and advice are not read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.decisions.fold.placement import rows_by_position
from torghut.decisions.recording import Recorded, read_block
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.rows import CONTEXT, RowArray
from torghut.workflows.lane.contest.arms import Heard, is_heard

_BATCH: Final = 2048
"""Contexts that are decided at once: a live log's blocks hold few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heeded:
    """A record that applies to a symbol, before a row of its piece."""

    row: int
    symbol: int
    record: Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Consecutive contexts of a log.

    Attributes:
        contexts: Shape (n,), dtype ``CONTEXT``, numbered as below.
        heeded: By row.
        symbols: Names of all symbols so far, in the order numbered.
        sources: Digests of all source parts so far, likewise.
    """

    contexts: RowArray
    heeded: Sequence[Heeded]
    symbols: Sequence[str]
    sources: Sequence[str]


@dataclass(slots=True, kw_only=True)
class _Names:
    """What the blocks so far have named, and the records that may apply later."""

    symbols: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    records: dict[str, Heard] = field(default_factory=dict)
    early: list[tuple[int, Heard]] = field(default_factory=list)

    def learn(self, recorded: Recorded) -> None:
        """Take in the names and records of one more block."""
        for index, name in sorted(recorded.header.symbols.items()):
            if index >= len(self.symbols):
                self.symbols.append(name)
                self.taken.append(0)
        for index, digest in sorted(recorded.header.sources.items()):
            if index >= len(self.sources):
                self.sources.append(digest)
        for arrival in recorded.received:
            if is_heard(arrival.record):
                self.records[arrival.record.control_id] = arrival.record  # type: ignore[assignment]

    def heeded(self, recorded: Recorded, offset: int) -> list[Heeded]:
        """Return what applies in a block, its rows counted from ``offset``; then count it.

        What applied where the log resolved a context applies before the symbol's next one: no arm
        hears of the resolution.
        """
        known = [one for one in recorded.applied if one.control_id in self.records]
        applied = [one for one in known if not one.resolution]
        self.early += [(o.symbol, self.records[o.control_id]) for o in known if o.resolution]
        places = [(one.symbol, one.position) for one in applied]
        rows = rows_by_position(places, recorded.contexts["symbol"], self.taken)
        found = [
            Heeded(row=offset + row, symbol=one.symbol, record=self.records[one.control_id])
            for one, row in zip(applied, rows, strict=True)
        ]
        found = [*self._caught_up(recorded, offset), *found]
        for symbol, count in enumerate(np.bincount(recorded.contexts["symbol"]).tolist()):
            if count:
                self.taken[symbol] += count
        return found

    def _caught_up(self, recorded: Recorded, offset: int) -> list[Heeded]:
        """Return what applied early to symbols that have a context in a block."""
        found: list[Heeded] = []
        left: list[tuple[int, Heard]] = []
        for symbol, record in self.early:
            own = np.flatnonzero(recorded.contexts["symbol"] == symbol)
            if len(own):
                found.append(Heeded(row=offset + int(own[0]), symbol=symbol, record=record))
            else:
                left.append((symbol, record))
        self.early = left
        return found


async def pieces(
    log: DecisionLog,
    *,
    partition: int = 0,
    last_ns: int,
    progress: Callable[[int], None] = lambda _: None,
) -> AsyncIterator[Piece]:
    """Yield a log's contexts from its first block on, up to those received at ``last_ns``.

    Args:
        log: Of decisions.
        partition: Of the log.
        last_ns: Receive time; a block that begins later ends the reading.
        progress: Told how many blocks were read.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    names = _Names()
    held: list[RowArray] = []
    heeded: list[Heeded] = []
    count = blocks = 0
    async for block in log.blocks(partition):
        recorded = read_block(block)
        if len(recorded.contexts) and int(recorded.contexts["receive_ns"].min()) > last_ns:
            break
        names.learn(recorded)
        heeded += names.heeded(recorded, count)
        held.append(recorded.contexts)
        count += len(recorded.contexts)
        blocks += 1
        if count >= _BATCH:
            yield _piece(held, heeded, names)
            progress(blocks)
            held, heeded, count = [], [], 0
    if count:
        yield _piece(held, heeded, names)
        progress(blocks)


def _piece(held: Sequence[RowArray], heeded: Sequence[Heeded], names: _Names) -> Piece:
    """Return what was held as one piece."""
    return Piece(
        contexts=np.concatenate([np.zeros(0, CONTEXT), *held]),
        heeded=sorted(heeded, key=lambda one: one.row),
        symbols=tuple(names.symbols),
        sources=tuple(names.sources),
    )
