"""Logs that grow block by block: two symbols, some of it live, declarations that change."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.logs import SYMBOLS, contexts, usual_setup
from tests.support.decisions.rows import SECOND_NS, START_NS
from tests.support.governance.governing import drift_policy
from torghut.decisions.block_text import EMPTY_RECORDS
from torghut.decisions.declarations import Declarations
from torghut.eventlog.block import GENESIS, Arm, Block, Head
from torghut.eventlog.columns import encode_columns
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.errors import TorghutError
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival
from torghut.schemas.block import BLOCK_RECORDS, BlockRecords, ReceivedControl
from torghut.schemas.control import FillReported, ModeChanged
from torghut.schemas.declarations.safety import DriftPolicy
from torghut.schemas.rows import CONTEXT
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.opening import open_fold

COUNT: Final = 240
APART_NS: Final = 120 * SECOND_NS
"""Between one context and the next."""


def watchful_policy(reference_ms: int = 600_000) -> DriftPolicy:
    """Return a policy whose detectors are content with few samples."""
    policy = drift_policy()
    few = {
        "reference_ms": reference_ms,
        "reference_samples_min": 4,
        "reference_samples_max": 40,
        "half_life_samples": 1,
        "block_samples": 4,
        "resampled_samples": 200,
    }
    detectors = {**policy.detectors.model_dump(), **few}
    return DriftPolicy.model_validate({**policy.model_dump(), "detectors": detectors})


@functools.cache
def grown(seed: int) -> tuple[Sequence[Block], Sequence[bytes]]:
    """Return the blocks of a log and the objects that they cite; each seed cuts it elsewhere."""
    return asyncio.run(_grown(seed))


async def _grown(seed: int) -> tuple[Sequence[Block], Sequence[bytes]]:
    draw = np.random.Generator(np.random.PCG64(seed))
    log, rows = InMemoryLog(clock=HandClock()), contexts(COUNT, seed=seed)
    rows["receive_ns"] = rows["event_ns"] = START_NS + np.arange(COUNT) * APART_NS
    fills = [_fill(str(place), place % 2) for place in (COUNT // 3, COUNT // 2)]
    paper = ModeChanged(control_id="m0", mode="paper", notional_cap=250_000.0)
    live = ModeChanged(control_id="m1", symbol=SYMBOLS[1], mode="live", notional_cap=1e5)
    arrivals = [
        *(Arrival(row=0, record=record) for record in (paper, live)),
        *(Arrival(row=int(one.fill_id), record=one) for one in fills),
    ]
    declared = (_declared(0.1), _declared(3.0))
    for turn, end in enumerate(np.linspace(0, COUNT, 7, dtype=int)[1:].tolist()):
        opened = await open_fold(log, usual_setup(declared=declared[turn // 2 % 2]))
        await run_loop(
            Run(
                source=ArraySource(rows=rows[:end], symbols=SYMBOLS, arrivals=arrivals),
                log=log,
                fold=opened.fold,
                controls=opened.controls,
                settings=LoopSettings(batch_records=int(draw.integers(1, 9))),
            )
        )
    blocks = [block async for block in log.blocks(0)]
    cited = sorted({digest for block in blocks for digest in block.cites})
    return _with_records(blocks, draw), [await log.get_object(digest) for digest in cited]


def _fill(name: str, symbol: int) -> FillReported:
    return FillReported(
        control_id=f"f{name}",
        symbol=SYMBOLS[symbol],
        fill_id=name,
        quantity=1000.0,
        price=1.3,
        fee=0.5,
    )


def _declared(fee_bps: float) -> Declarations:
    """Return declarations with those fees, under which decisions trade early and end soon."""
    declarations = shipped()
    for symbol in SYMBOLS:
        declarations = redeclared(partial(_change, fee_bps), symbol, declarations)
    return declarations


def _change(fee_bps: float, body: dict[str, object]) -> None:
    costs, sampling = body["costs"], body["sampling"]
    assert isinstance(costs, dict)
    assert isinstance(sampling, dict)
    early = {
        "fast_samples": 2,
        "slow_samples": 8,
        "channel_samples": 8,
        "warm_up_samples": 12,
        "horizon_samples": 2,
    }
    body.update(costs={**costs, "fee_bps": fee_bps}, sampling={**sampling, **early})


def _with_records(blocks: Sequence[Block], draw: np.random.Generator) -> Sequence[Block]:
    """Return a chain of ``blocks`` with blocks of nothing but control records in between."""
    chain: list[Block] = []
    for block in blocks:
        chain.append(after(chain, block))
        for turn in range(int(draw.integers(0, 3))):
            name = f"{block.number}-{turn}"
            records = BlockRecords(received=(ReceivedControl(row=0, record=_fill(name, turn)),))
            body = canonical_bytes(BLOCK_RECORDS.dump_python(records, mode="json"))
            chain.append(after(chain, bare(block, body if turn else EMPTY_RECORDS)))
    return chain


def bare(block: Block, records: bytes) -> Block:
    """Return a block of control records that follows another."""
    nothing = encode_columns(np.zeros(0, CONTEXT), np.zeros(0, np.uint8))
    arms = {SERVING: Arm(rows=b"", leaves=b"")}
    return replace(block, inputs=nothing, records=records, arms=arms, cites=())


def after(chain: Sequence[Block], block: Block) -> Block:
    """Return ``block`` at the end of a chain."""
    previous = chain[-1].digest if chain else GENESIS
    return replace(block, number=len(chain), previous=previous)


@dataclass
class Faults:
    """What becomes of reads.

    Attributes:
        left: Reads before the one that fails; None: all of them succeed.
        error: That it fails with.
    """

    left: int | None = None
    error: type[TimeoutError] | TorghutError = TimeoutError

    def read(self) -> None:
        """Read once."""
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise self.error


class GrowingLog(InMemoryLog):
    """A log that is given its blocks bit by bit, and whose reads may fail.

    Args:
        seed: Of its blocks.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(clock=HandClock())
        self._rest, self._bodies = list(grown(seed)[0]), grown(seed)[1]
        self.faults = Faults()
        self.reads = 0

    async def grow(self, count: int) -> None:
        """Give it its next blocks."""
        for body in self._bodies:
            await self.put_object(body)
        for block in self._rest[:count]:
            await self.append(block)
        del self._rest[:count]

    @override
    async def head(self, partition: int, /) -> Head:
        self.faults.read()
        return await super().head(partition)

    @override
    async def partitions(self) -> Sequence[int]:
        self.faults.read()
        return await super().partitions()

    @override
    async def blocks(self, partition: int, /, *, after: int = -1) -> AsyncIterator[Block]:
        self.faults.read()
        async for block in super().blocks(partition, after=after):
            self.reads += 1
            yield block
            self.faults.read()

    @override
    async def get_object(self, digest: str, /) -> bytes:
        self.faults.read()
        return await super().get_object(digest)
