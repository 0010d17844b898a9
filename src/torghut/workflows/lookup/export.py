"""Writes a log out as JSON lines, block by block: decisions, refusals, control records, blocks.

Decisions, refusals and control records are as their published schemas say. Where in the log
something stands, and where a control record applied, is in the lines of the blocks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from enum import StrEnum
from typing import Final, Literal, assert_never

import msgspec

from torghut.decisions.recording import header_of
from torghut.decisions.render_context import RenderContext
from torghut.decisions.rendering import render_json
from torghut.eventlog.block import Block
from torghut.eventlog.columns import count_rows, decode_columns, refused
from torghut.eventlog.errors import LogIntegrityError
from torghut.eventlog.ports import DecisionLog
from torghut.eventlog.verification import block_place
from torghut.kernel.digests import DIGEST_BYTES
from torghut.kernel.ids import SERVING
from torghut.schemas.block import read_block_records
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import CONTROL_RECORD
from torghut.schemas.refusal import RecordQuarantined
from torghut.schemas.rows import decision_dtype
from torghut.workflows.lookup.finding import Naming, run_id_of
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.refusals import refusal_json
from torghut.workflows.lookup.scanning import Scanning, oldest_first, silent


class Exported(StrEnum):
    """What a log can be written out as."""

    DECISIONS = "decisions"
    REFUSALS = "refusals"
    CONTROLS = "controls"
    BLOCKS = "blocks"


class _Block(msgspec.Struct, frozen=True, gc=False):
    """One block, its JSON parts as they are stored."""

    partition: int
    number: int
    digest: str
    previous: str
    contexts: int
    decisions: dict[str, int]
    cites: tuple[str, ...]
    cursor: msgspec.Raw
    header: msgspec.Raw
    records: msgspec.Raw


_ENCODER: Final = msgspec.json.Encoder()
_SYMBOL: Final = slice(10, 18)
_LINEAGE: Final = slice(-DIGEST_BYTES, None)
"""The bytes of a row that name its symbol and its lineage, in every layout."""


async def export(
    log: DecisionLog, what: Exported, *, arm: str = SERVING, progress: Scanning = silent
) -> AsyncIterator[bytes]:
    """Yield one line of JSON, without its end, for everything asked for, in log order.

    Raises:
        LogIntegrityError: A block is not as it was written.
        ObjectMissingError: The log does not keep what it cites.
        RowUnrenderableError: A row is not what its layout, symbol or lineage allow.
    """
    rules = Rulebook(log, run_id=await run_id_of(log))
    async for block in oldest_first(log, progress):
        if what is Exported.DECISIONS:
            async for line in _decisions(block, rules, arm):
                yield line
        else:
            for line in _lines(block, what):
                yield line


def _lines(
    block: Block, what: Literal[Exported.REFUSALS, Exported.CONTROLS, Exported.BLOCKS]
) -> Iterator[bytes]:
    """Yield what a block holds besides decisions."""
    match what:
        case Exported.REFUSALS:
            yield from _refusals(block)
        case Exported.CONTROLS:
            for received in read_block_records(block.records).received:
                yield CONTROL_RECORD.dump_json(received.record)
        case Exported.BLOCKS:
            yield _block(block)
        case _:
            assert_never(what)


async def _decisions(block: Block, rules: Rulebook, arm: str) -> AsyncIterator[bytes]:
    """Yield the decisions of one arm."""
    if arm not in block.arms:
        return
    naming = Naming(block)
    rows = block.arms[arm].rows
    size = decision_dtype(rows).itemsize
    contexts: dict[bytes, RenderContext] = {}
    for place, start in enumerate(range(0, len(rows), size)):
        row = rows[start : start + size]
        named = row[_SYMBOL] + row[_LINEAGE]
        if named not in contexts:
            found = naming.found(arm, place)
            contexts[named] = await rules.rendering(found.symbol, found.lineage)
        yield render_json(row, contexts[named])


def _refusals(block: Block) -> Iterator[bytes]:
    """Yield the contexts that were refused, then the records that were no context."""
    header = header_of(block)
    if header.counts.quarantined == 0:
        return
    contexts, outcomes = decode_columns(block.inputs)
    chosen = refused(outcomes)
    for context, code in zip(contexts[chosen], outcomes[chosen].tolist(), strict=True):
        symbol = header.symbols.get(int(context["symbol"]))
        source = header.sources.get(int(context["source"]))
        if symbol is None or source is None or code >= len(RefusalCode):
            raise LogIntegrityError(
                place=block_place(block.partition, block.number),
                expected="refusals that its header names, with a known code",
                found=f"symbol {symbol}, source {source}, code {code}",
            )
        yield refusal_json(context, RefusalCode(code), symbol=symbol, source=source)
    for record in read_block_records(block.records).quarantined:
        yield RecordQuarantined(**record.model_dump()).model_dump_json().encode()


def _block(block: Block) -> bytes:
    """Return one block as a line."""
    return _ENCODER.encode(
        _Block(
            partition=block.partition,
            number=block.number,
            digest=block.digest,
            previous=block.previous,
            contexts=count_rows(block.inputs),
            decisions={name: arm.count for name, arm in block.arms.items()},
            cites=tuple(block.cites),
            cursor=msgspec.Raw(block.cursor.encode() or b"null"),
            header=msgspec.Raw(block.header),
            records=msgspec.Raw(block.records),
        )
    )
