"""The loop waits for what it keeps, but not for ever; a snapshot puts the heads on record."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import reference
from tests.support.decisions.rows import quotes
from torghut.eventlog.block import Block, Head
from torghut.eventlog.envelopes import read_event
from torghut.eventlog.errors import CommitTimeoutError, LogWriteError, Obstacle
from torghut.eventlog.events import LOG_EVENT, HeadsSealed, SealedHead, log_stream
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.ports import Snapshot
from torghut.eventlog.roots import root_of_run
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop, save_snapshot
from torghut.workflows.opening import Setup, open_fold


class StuckLog(InMemoryLog):
    """A log whose writes wait until they are let go, and then fail."""

    def __init__(self) -> None:
        super().__init__(clock=HandClock())
        self.released = asyncio.Event()

    @override
    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        await self.released.wait()
        raise LogWriteError(obstacle=Obstacle.INPUT_OUTPUT, detail="gone")

    @override
    async def save_snapshot(self, snapshot: Snapshot, /) -> None:
        await self.released.wait()


async def run_on(log: InMemoryLog, settings: LoopSettings) -> Run:
    """Return a run of 40 contexts that is about to begin."""
    setup = Setup(kernel=reference(), declarations=shipped(), packages={})
    opened = await open_fold(log, setup)
    source = ArraySource(rows=quotes(np.full(40, 1.3)), symbols=("fxcm:EURUSD",))
    return Run(
        source=source, log=log, fold=opened.fold, controls=opened.controls, settings=settings
    )


@pytest.mark.usefixtures("little_to_search")
def test_a_write_that_fails_after_its_budget_surprises_nobody() -> None:
    surprises: list[object] = []

    async def give_up() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: surprises.append(context))
        log = StuckLog()
        run = await run_on(log, LoopSettings(batch_records=10, commit_budget_ms=5))
        with pytest.raises(CommitTimeoutError, match="block 0"):
            await run_loop(run)
        log.released.set()
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()

    asyncio.run(give_up())

    assert surprises == []


def test_a_snapshot_has_the_same_budget() -> None:
    async def give_up() -> None:
        run = await run_on(InMemoryLog(clock=HandClock()), LoopSettings(commit_budget_ms=5))
        head = await run_loop(run)
        await save_snapshot(replace(run, log=StuckLog()), head)

    with pytest.raises(CommitTimeoutError, match="snapshot"):
        asyncio.run(give_up())


def test_heads_are_sealed_with_each_snapshot_and_change_no_root() -> None:
    async def decided(snapshot_blocks: int) -> tuple[InMemoryLog, Head]:
        log = InMemoryLog(clock=HandClock())
        settings = LoopSettings(batch_records=10, snapshot_blocks=snapshot_blocks)
        return log, await run_loop(await run_on(log, settings))

    async def compare() -> None:
        (sealed, head), (plain, same) = await decided(2), await decided(100)
        recorded = [
            read_event(envelope, LOG_EVENT, {})
            for envelope in await sealed.read_events(log_stream("memory"))
        ]
        numbers = [e.heads[0].number for e in recorded if isinstance(e, HeadsSealed)]
        last = SealedHead(partition=0, number=head.number, digest=head.digest)

        assert numbers == [1, 3]
        assert recorded[-1] == HeadsSealed(heads=(last,))
        assert await plain.read_events(log_stream("memory")) == []
        assert head == same
        assert await root_of_run(sealed) == await root_of_run(plain)

    asyncio.run(compare())
