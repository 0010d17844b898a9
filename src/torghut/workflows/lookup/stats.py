"""Counts everything in a log in one pass, and computes its root, without writing anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import msgspec
import numpy as np

from torghut.decisions.recording import header_of
from torghut.eventlog.block import Block, Head, head_of
from torghut.eventlog.columns import decode_columns
from torghut.eventlog.counts import PartitionCounts, add_block
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.roots import Frontiers, add_leaves, roots_of
from torghut.eventlog.verification import block_place
from torghut.kernel.digests import run_root
from torghut.kernel.ids import SERVING, symbol_key
from torghut.schemas.block import BlockHeader
from torghut.schemas.codes import Intent, RefusalCode, published_name
from torghut.workflows.lookup.scanning import Scanning, oldest_first, rows_of, silent


@dataclass(slots=True, kw_only=True)
class SymbolStats:
    """What there is about one symbol.

    Attributes:
        contexts: Decided or refused.
        decisions: Of the serving arm.
        refusals: By published code.
        intents: Of the decisions, by name.
        first_ns: Receive time of the first decision; 0 without one.
        last_ns: Receive time of the last.
        root: Of its tree, 64 hex digits.
    """

    contexts: int = 0
    decisions: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    intents: Counter[str] = field(default_factory=Counter)
    first_ns: int = 0
    last_ns: int = 0
    root: str = ""


@dataclass(slots=True, kw_only=True)
class LogStats:
    """What there is in a log.

    Attributes:
        counts: Over all partitions.
        symbols: By symbol, in the order first seen.
        undecodable: Records that were no context, by published code.
        shadows: Decisions of the other arms, by name.
        heads: Of every partition.
        root: Of the serving arm, 64 hex digits.
    """

    counts: PartitionCounts = field(default_factory=PartitionCounts)
    symbols: dict[str, SymbolStats] = field(default_factory=dict)
    undecodable: Counter[str] = field(default_factory=Counter)
    shadows: Counter[str] = field(default_factory=Counter)
    heads: dict[int, Head] = field(default_factory=dict)
    root: str = ""

    @property
    def refusals(self) -> Counter[str]:
        """Everything that was not decided, by published code."""
        return sum((one.refusals for one in self.symbols.values()), self.undecodable.copy())


async def count(log: DecisionLog, progress: Scanning = silent) -> LogStats:
    """Return what there is in ``log``.

    Raises:
        LogIntegrityError: A block is not as it was written, or does not hold what it says.
    """
    stats = LogStats()
    trees: dict[int, Frontiers] = {}
    async for block in oldest_first(log, progress):
        _add(stats, block)
        trees[block.partition] = add_leaves(trees.get(block.partition, {}), block, arm=SERVING)
    roots = roots_of(trees)
    for symbol, root in roots.items():
        stats.symbols[symbol].root = root.hex()
    stats.root = run_root(roots)
    return stats


class _Quarantined(msgspec.Struct, frozen=True, gc=False):
    """The part of ``schemas.block.QuarantinedRecord`` that is counted."""

    code: str


class _Records(msgspec.Struct, frozen=True, gc=False):
    """The part of ``schemas.block.BlockRecords`` that is counted."""

    quarantined: tuple[_Quarantined, ...] = ()


_RECORDS = msgspec.json.Decoder(_Records)


def _add(stats: LogStats, block: Block) -> None:
    """Count one block in."""
    stats.counts = add_block(stats.counts, block)
    stats.heads[block.partition] = head_of(block)
    header = header_of(block)
    _add_contexts(stats, header, block)
    _add_decisions(stats, header, block)
    stats.undecodable.update(one.code for one in _RECORDS.decode(block.records).quarantined)
    for name, arm in block.arms.items():
        if name != SERVING:
            stats.shadows[name] += arm.count


def _add_contexts(stats: LogStats, header: BlockHeader, block: Block) -> None:
    """Count a block's contexts, by symbol and by what became of them."""
    contexts, outcomes = decode_columns(block.inputs)
    pairs = contexts["symbol"].astype(np.int64) * 256 + outcomes
    values, counts = np.unique(pairs, return_counts=True)
    for pair, found in zip(values.tolist(), counts.tolist(), strict=True):
        number, code = divmod(pair, 256)
        if number not in header.symbols or code >= len(RefusalCode):
            raise LogIntegrityError(
                place=block_place(block.partition, block.number),
                expected="contexts of symbols that its header names, with a known outcome",
                found=f"symbol {number} with outcome {code}",
            )
        symbol = stats.symbols.setdefault(header.symbols[number], SymbolStats())
        symbol.contexts += found
        if code:
            symbol.refusals[RefusalCode(code).code] += found


def _add_decisions(stats: LogStats, header: BlockHeader, block: Block) -> None:
    """Count a block's decisions, by symbol and intent."""
    rows = rows_of(block, SERVING)
    for name in header.symbols.values():
        own = rows[rows["symbol_key"] == np.uint64(symbol_key(name))]
        if not len(own):
            continue
        symbol = stats.symbols.setdefault(name, SymbolStats())
        symbol.first_ns = symbol.first_ns or int(own["receive_ns"][0])
        symbol.last_ns = max(symbol.last_ns, int(own["receive_ns"].max()))
        symbol.decisions += len(own)
        for intent in Intent:
            symbol.intents[published_name(intent)] += int(np.count_nonzero(own["intent"] == intent))
