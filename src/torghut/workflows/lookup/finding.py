"""Finds what became of one context: by its id, by symbol and time, or the newest.

Rows are compared as columns of a block, never one by one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from heapq import merge
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.decisions.fold.lineage import Lineage
from torghut.decisions.recording import header_of
from torghut.eventlog.block import GENESIS, Block
from torghut.eventlog.columns import decode_columns, refused
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.verification import block_place
from torghut.kernel.digests import DIGEST_BYTES
from torghut.kernel.ids import (
    SERVING,
    DecisionId,
    IdentifierMalformedError,
    format_context_id,
    parse_decision_id,
    source_key,
    source_words,
    symbol_key,
)
from torghut.schemas.block import BlockHeader
from torghut.schemas.codes import Intent, RefusalCode, Stream, published_name
from torghut.schemas.leaf import DecisionFields, decision_fields
from torghut.schemas.rows import INT64_LAST_NS, RowArray
from torghut.workflows.lookup.errors import DecisionUnknownError
from torghut.workflows.lookup.scanning import (
    Scanning,
    newest_first,
    oldest_first,
    rows_of,
    silent,
)

_RUN_ID_DIGITS: Final = 16
_STREAMS: Final = {published_name(stream): int(stream) for stream in Stream}


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFound:
    """A decision, and where it stands.

    Attributes:
        partition: Of the block.
        block: Number of the block.
        place: Of the row among the arm's rows in the block, from 0.
        row: Its bytes, as stored.
        symbol: The declared instrument.
        lineage: What it rests on.
    """

    partition: int
    block: int
    place: int
    row: bytes
    symbol: str
    lineage: Lineage

    @property
    def head(self) -> DecisionFields:
        """What the row says."""
        return decision_fields(self.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalFound:
    """A context that was refused, and where it stands.

    Attributes:
        partition: Of the block.
        block: Number of the block.
        context: One row of dtype ``CONTEXT``.
        code: Why it was refused.
        symbol: The declared instrument.
        source: sha256 of the source part.
        declarations: Digest of the declarations in force in that block; empty where there were
            several and it cannot be told which held.
    """

    partition: int
    block: int
    context: np.void
    code: RefusalCode
    symbol: str
    source: str
    declarations: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which decisions are asked for.

    Attributes:
        symbol: Empty for all.
        intent: None for all.
        from_ns: Receive time, included.
        to_ns: Receive time, included.
    """

    arm: str = SERVING
    symbol: str = ""
    intent: Intent | None = None
    from_ns: int = 0
    to_ns: int = INT64_LAST_NS

    def __str__(self) -> str:
        words = [f"a decision of arm {self.arm}"]
        if self.symbol:
            words.append(f"about {self.symbol}")
        if self.intent is not None:
            words.append(f"to {published_name(self.intent)}")
        if (self.from_ns, self.to_ns) != (0, INT64_LAST_NS):
            words.append("in that time")
        return " ".join(words)


def parse_wanted(text: str) -> DecisionId:
    """Return the decision that ``text`` names; a context id stands for its serving decision.

    Raises:
        IdentifierMalformedError: It is neither.
    """
    wanted = parse_decision_id(text if "/" in text else f"{text}/{SERVING}")
    if wanted.context.stream not in _STREAMS:
        raise IdentifierMalformedError(
            kind="stream", expected=", ".join(_STREAMS), found=wanted.context.stream
        )
    return wanted


async def run_id_of(log: DecisionLog, partition: int = 0) -> str:
    """Return what names this log's run in the ids of decisions that do not serve."""
    async for block in log.blocks(partition):
        return block.digest[:_RUN_ID_DIGITS]
    return GENESIS[:_RUN_ID_DIGITS]


async def find(
    log: DecisionLog, wanted: DecisionId, progress: Scanning = silent
) -> DecisionFound | RefusalFound:
    """Return the decision named ``wanted``; the refusal of its context where it was refused.

    Raises:
        DecisionUnknownError: The log has neither.
        LogIntegrityError: A block is not as it was written.
    """
    refused: RefusalFound | None = None
    async for block in oldest_first(log, progress):
        places = np.flatnonzero(_answers(rows_of(block, wanted.role), wanted))
        if len(places):
            found = Naming(block).found(wanted.role, int(places[0]))
            await _check_run(log, wanted, found)
            return found
        if refused is None:
            refused = _refusal(block, wanted)
    if refused is None:
        raise DecisionUnknownError(wanted=f"context {format_context_id(wanted.context)}")
    return refused


async def find_last(log: DecisionLog, selection: Selection) -> DecisionFound:
    """Return the newest decision of ``selection``; of several partitions', the last received.

    Raises:
        DecisionUnknownError: There is none.
        LogIntegrityError: A block is not as it was written.
    """
    best: DecisionFound | None = None
    for partition in await log.partitions():
        async for one in select_newest(log, selection, partition):
            if best is None or best.head.receive_ns < one.head.receive_ns:
                best = one
            break
    if best is None:
        raise DecisionUnknownError(wanted=str(selection))
    return best


async def select_last(log: DecisionLog, selection: Selection, count: int) -> list[DecisionFound]:
    """Return the last ``count`` decisions of ``selection``, the newest last.

    Within a partition they are in the order decided, between partitions by receive time.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    newest: list[list[DecisionFound]] = []
    for partition in await log.partitions():
        found: list[DecisionFound] = []
        async for one in select_newest(log, selection, partition):
            found.append(one)
            if len(found) == count:
                break
        newest.append(found[::-1])
    return list(merge(*newest, key=lambda one: one.head.receive_ns))[-count:]


async def select_newest(
    log: DecisionLog, selection: Selection, partition: int
) -> AsyncIterator[DecisionFound]:
    """Yield the decisions of ``selection`` in ``partition``, newest first.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    async for block in newest_first(log, partition):
        if places := _selected(block, selection):
            naming = Naming(block)
            for place in reversed(places):
                yield naming.found(selection.arm, place)


class Naming:
    """The names that a block's header gives to what its rows hold as keys and digests.

    Args:
        block: Whose rows are asked about.
    """

    def __init__(self, block: Block) -> None:
        header = header_of(block)
        self._block = block
        self._symbols = {symbol_key(name): name for name in header.symbols.values()}
        self._lineages = {
            digest: Lineage(**spelled.model_dump()) for digest, spelled in header.lineages.items()
        }

    def found(self, arm: str, place: int) -> DecisionFound:
        """Return the decision at ``place`` among the rows of ``arm``.

        Raises:
            LogIntegrityError: The header does not name its symbol or its lineage.
        """
        row = rows_of(self._block, arm)[place].tobytes()
        digest = row[-DIGEST_BYTES:].hex()
        symbol = self._symbols.get(decision_fields(row).symbol_key)
        lineage = self._lineages.get(digest)
        if symbol is None or lineage is None:
            raise LogIntegrityError(
                place=f"{block_place(self._block.partition, self._block.number)}, row {place}",
                expected="a symbol and a lineage that the block's header names",
                found=f"symbol {symbol or 'unnamed'}, lineage {digest}",
            )
        return DecisionFound(
            partition=self._block.partition,
            block=self._block.number,
            place=place,
            row=row,
            symbol=symbol,
            lineage=lineage,
        )


def _selected(block: Block, selection: Selection) -> list[int]:
    """Return the places of the rows that are asked for."""
    rows = rows_of(block, selection.arm)
    chosen = (rows["receive_ns"] >= selection.from_ns) & (rows["receive_ns"] <= selection.to_ns)
    if selection.symbol:
        chosen &= rows["symbol_key"] == np.uint64(symbol_key(selection.symbol))
    if selection.intent is not None:
        chosen &= rows["intent"] == selection.intent
    places: list[int] = np.flatnonzero(chosen).tolist()
    return places


def _answers(rows: RowArray, wanted: DecisionId) -> npt.NDArray[np.bool_]:
    """Return which rows answer the context that ``wanted`` names, shape (n,)."""
    context = wanted.context
    chosen = np.asarray(rows["source_sequence"] == np.uint64(context.sequence))
    if not chosen.any():
        return chosen
    low, high = source_words(context.source_key)
    chosen &= rows["symbol_key"] == np.uint64(symbol_key(context.symbol))
    chosen &= rows["source_low"] == np.uint64(low)
    chosen &= rows["source_high"] == np.uint64(high)
    chosen &= rows["stream"] == _STREAMS[context.stream]
    return chosen


async def _check_run(log: DecisionLog, wanted: DecisionId, found: DecisionFound) -> None:
    """Refuse a decision of a shadow that was made with another package or in another run."""
    if wanted.role == SERVING:
        return
    made = (found.lineage.package, await run_id_of(log, found.partition))
    if made != (wanted.package, wanted.run_id):
        ran = f"package {made[0] or 'none'} in run {made[1]}"
        raise DecisionUnknownError(wanted=f"a decision of arm {wanted.role} not made by {ran}")


def _refusal(block: Block, wanted: DecisionId) -> RefusalFound | None:
    """Return the refusal of the context that ``wanted`` names, if it is in ``block``."""
    header = header_of(block)
    symbols = _numbers(header.symbols, lambda name: name == wanted.context.symbol)
    sources = _numbers(header.sources, lambda one: source_key(one) == wanted.context.source_key)
    if not symbols or not sources or header.counts.quarantined == 0:
        return None
    contexts, outcomes = decode_columns(block.inputs)
    chosen = refused(outcomes) & np.isin(contexts["symbol"], symbols)
    chosen &= np.isin(contexts["source"], sources)
    chosen &= contexts["stream"] == _STREAMS[wanted.context.stream]
    chosen &= contexts["sequence"] == np.uint64(wanted.context.sequence)
    places = np.flatnonzero(chosen)
    if not len(places):
        return None
    place = int(places[0])
    return RefusalFound(
        partition=block.partition,
        block=block.number,
        context=contexts[place],
        code=RefusalCode(int(outcomes[place])),
        symbol=wanted.context.symbol,
        source=header.sources[int(contexts["source"][place])],
        declarations=_only_declarations(header),
    )


def _numbers(names: Mapping[int, str], wanted: Callable[[str], bool]) -> list[int]:
    """Return the numbers of the names that are wanted."""
    return [number for number, name in names.items() if wanted(name)]


def _only_declarations(header: BlockHeader) -> str:
    """Return the digest of the declarations in force, empty where there were several."""
    declared = {lineage.declarations for lineage in header.lineages.values()}
    return declared.pop() if len(declared) == 1 else ""
