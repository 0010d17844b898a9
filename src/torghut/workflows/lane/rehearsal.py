"""The hard switches rehearsed for a run: now, on a copy of the memory that its log leads to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.recording import learn_names, read_block
from torghut.eventlog.block import Block
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.clock import SteadyClock, WallClock
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.rollout.lane import SwitchRehearsed
from torghut.workflows.lane.ports import Rehearsed
from torghut.workflows.opening import advance, genesis_fold
from torghut.workflows.switches.rehearsing import Stage, rehearse

_CONTEXTS: Final = 40
"""Contexts that each switch is rehearsed on: one decision of each active symbol and some more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsing:
    """What a rehearsal takes.

    Attributes:
        kernel: Decides on the copies.
        wall: Tells when it was.
        steady: Times the switches.
        revision: That would decide here.
    """

    kernel: DecisionKernel
    wall: WallClock
    steady: SteadyClock
    revision: str

    def on(self, log: DecisionLog, *, partition: int) -> Callable[[], Awaitable[Rehearsed]]:
        """Return what rehearses on the last contexts of a log, after everything before them."""

        async def run() -> Rehearsed:
            return await self._rehearse(log, partition)

        return run

    async def _rehearse(self, log: DecisionLog, partition: int) -> Rehearsed:
        """Decide the log again up to its last contexts, and rehearse every switch on these."""
        fold = await genesis_fold(log, self.kernel, partition=partition)
        held: list[Block] = []
        before = ""
        async for block in log.blocks(partition):
            held.append(block)
            if len(held) > 1 and len(read_block(held[-1]).contexts):
                for one in held[:-1]:
                    await advance(log, fold, one)
                    before = one.digest
                held = held[-1:]
        last = held[0]
        recorded = read_block(last)
        learn_names(fold, recorded)
        stage = Stage(
            fold=fold,
            head=before or last.previous,
            contexts=recorded.contexts[:_CONTEXTS],
            revision=self.revision,
        )
        shown = rehearse(stage, self.steady)
        return Rehearsed(
            switches=[
                SwitchRehearsed(
                    name=one.name,
                    effective=one.in_force,
                    restored=shown.untouched,
                    elapsed_ms=one.elapsed_ns / NS_PER_MS,
                    symbols=len(shown.symbols),
                )
                for one in shown.rehearsals
            ],
            at_ns=self.wall.now_ns(),
            details=shown,
        )
