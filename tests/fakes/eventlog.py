"""Hand-made blocks and events: plausible, small, and numbered so that each differs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeVar

import numpy as np

from tests.fakes.clock import CountingIds, HandClock
from torghut.adapters.sqlite.database import SqliteOptions
from torghut.adapters.sqlite.store import SqliteLog, open_log
from torghut.eventlog.block import Arm, Block, Head, head_of
from torghut.eventlog.columns import encode_columns
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import leaf_digest
from torghut.kernel.ids import symbol_key
from torghut.schemas.block import BLOCK_HEADER, BlockCounts, BlockHeader
from torghut.schemas.rows import CONTEXT, DECISION, LEAF_VERSION
from torghut.schemas.types import Message

T = TypeVar("T")

SYMBOLS: Final = ("fxcm:EURUSD", "fxcm:NZDUSD")
CAUSES: Final = Causes(correlation_id="workflow-1", causation_id="command-1")


class Happened(Message):
    """Something that happened in a test."""

    type: Literal["tests.happened.v1"] = "tests.happened.v1"
    what: str


def run(work: Coroutine[object, object, T]) -> T:
    """Return the result of ``work``."""
    return asyncio.run(work)


async def listed(blocks: AsyncIterator[Block]) -> list[Block]:
    """Return all of ``blocks``."""
    return [block async for block in blocks]


def open_sqlite(path: Path, options: SqliteOptions | None = None) -> SqliteLog:
    """Open a log for writing by a hand-driven clock."""
    return open_log(path, clock=HandClock(), ids=CountingIds(), options=options or SqliteOptions())


def make_arm(first: int, count: int) -> Arm:
    """Return ``count`` decisions, the symbols taking turns, numbered from ``first``."""
    rows = np.zeros(count, DECISION)
    numbers = np.arange(first, first + count)
    keys = np.array([symbol_key(symbol) for symbol in SYMBOLS], np.uint64)
    rows["version"] = LEAF_VERSION
    rows["symbol_key"] = keys[numbers % len(SYMBOLS)]
    rows["sequence"] = numbers // len(SYMBOLS)
    rows["event_ns"] = rows["receive_ns"] = 1_400_000_000_000_000_000 + numbers
    rows["bid"], rows["ask"] = 1.3 + 1e-6 * numbers, 1.30002 + 1e-6 * numbers
    packed = rows.tobytes()
    size = DECISION.itemsize
    leaves = [leaf_digest(packed[at : at + size]) for at in range(0, len(packed), size)]
    return Arm(rows=packed, leaves=b"".join(leaves))


def make_block(
    head: Head, *, decisions: int = 3, refused: int = 1, first: int | None = None
) -> Block:
    """Return the block after ``head``; ``first`` numbers its decisions, else its place does."""
    number = head.number + 1
    start = number * decisions if first is None else first
    contexts = np.zeros(decisions + refused, CONTEXT)
    contexts["sequence"] = start + np.arange(len(contexts))
    contexts["last"] = np.nan
    outcomes = np.zeros(len(contexts), np.uint8)
    outcomes[decisions:] = 8
    header = BlockHeader(
        kernel_version=1,
        kernel_build="ab" * 32,
        leaf_version=LEAF_VERSION,
        symbols=dict(enumerate(SYMBOLS)),
        sources={0: "cd" * 32},
        lineages={},
        counts=BlockCounts(
            contexts=len(contexts), decisions=decisions, quarantined=refused, control_records=2
        ),
    )
    return Block(
        partition=head.partition,
        number=number,
        previous=head.digest,
        header=canonical_bytes(BLOCK_HEADER.dump_python(header, mode="json")),
        cursor=f'{{"offset":0,"part":0,"record":{start + len(contexts)}}}',
        inputs=encode_columns(contexts, outcomes),
        records=b"{}",
        arms={"serving": make_arm(start, decisions)},
    )


def make_chain(count: int, *, partition: int = 0, decisions: int = 3) -> Sequence[Block]:
    """Return ``count`` blocks, each after the one before."""
    blocks: list[Block] = []
    head = Head(partition=partition)
    for _ in range(count):
        blocks.append(make_block(head, decisions=decisions))
        head = head_of(blocks[-1])
    return blocks


async def fill(log: DecisionLog, count: int, *, partition: int = 0) -> Sequence[Block]:
    """Append ``count`` blocks to an empty partition and return them."""
    blocks = make_chain(count, partition=partition)
    for block in blocks:
        await log.append(block)
    return blocks


def citing(block: Block, *digests: str) -> Block:
    """Return ``block`` citing the objects with ``digests``."""
    return replace(block, cites=digests)
