"""What goes wrong around the loop ends it once, and as what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.support.decisions.loops import drifting, empty_log, made_setup, source_of
from torghut.eventlog.block import Block, Head
from torghut.eventlog.errors import CommitTimeoutError
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.opening import open_fold


class _SlowLog(InMemoryLog):
    """Takes its time with block ``slow``."""

    slow = 1

    @override
    async def append(self, block: Block, /, *, meanwhile: Callable[[], None] | None = None) -> Head:
        if block.number == self.slow:
            await asyncio.sleep(0.05)
        return await super().append(block, meanwhile=meanwhile)


def test_a_commit_beyond_its_budget_is_a_timeout() -> None:
    # What run_loop promises; a CancelledError passes every handler and looks like Ctrl-C.
    async def run() -> None:
        log = _SlowLog(clock=HandClock())
        opened = await open_fold(log, made_setup(packages={}))
        sizes = LoopSettings(batch_records=10, commit_budget_ms=10)
        await run_loop(
            Run(source=source_of(drifting([0] * 40)), log=log, fold=opened.fold, settings=sizes)
        )

    with pytest.raises(CommitTimeoutError) as caught:
        asyncio.run(run())
    assert (caught.value.budget_ms, int(caught.value.exit_code)) == (10, 7)
    assert not caught.value.retryable


def test_an_observer_that_fails_is_told_once() -> None:
    # decision_loop.Observer: "Told of each block once it is durable, in order".
    told: list[int] = []

    async def run() -> None:
        log = empty_log()
        opened = await open_fold(log, made_setup(packages={}))

        def observe(committed: object) -> None:
            told.append(committed.block.number)  # type: ignore[attr-defined]
            message = "no"
            raise RuntimeError(message)

        await run_loop(
            Run(
                source=source_of(drifting([0] * 40)),
                log=log,
                fold=opened.fold,
                observer=observe,
                settings=LoopSettings(batch_records=10),
            )
        )

    with pytest.raises(RuntimeError):
        asyncio.run(run())
    assert told == [0]
