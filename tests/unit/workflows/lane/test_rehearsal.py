"""Switches rehearsed for a run on the memory that its log leads to: all of them hold, timed."""

from __future__ import annotations

import asyncio

from tests.fakes.clock import HandClock, SteppingClock
from tests.support.decisions.kernels import compiled
from tests.support.lane.lanes import decided_log
from tests.support.lane.planted import market, regimes
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.lane.gates import REHEARSED
from torghut.workflows.lane.ports import Rehearsed
from torghut.workflows.lane.rehearsal import Rehearsing


def found(count: int) -> tuple[Rehearsed, InMemoryLog]:
    """Return what a rehearsal on a log of so many contexts shows."""

    async def run() -> tuple[Rehearsed, InMemoryLog]:
        log = await decided_log(market(count), regimes())
        rehearsing = Rehearsing(
            kernel=compiled(), wall=HandClock(), steady=SteppingClock(), revision="r1"
        )
        return await rehearsing.on(log, partition=0)(), log

    return asyncio.run(run())


def test_every_hard_switch_holds_on_the_last_contexts_of_a_log() -> None:
    rehearsed, log = found(4500)

    assert [one.name for one in rehearsed.switches] == list(REHEARSED)
    assert all(one.effective and one.restored for one in rehearsed.switches), rehearsed.details
    assert all(one.elapsed_ms > 0.0 for one in rehearsed.switches)
    assert rehearsed.at_ns == HandClock().now_ns()
    assert rehearsed.details is not None
    assert rehearsed.details.contexts == 40
    blocks = log._chains[0]  # noqa: SLF001 - of the fake
    assert rehearsed.details.head == blocks[-2].digest


def test_a_log_of_one_block_is_rehearsed_from_its_beginning() -> None:
    rehearsed, log = found(50)

    assert rehearsed.details is not None
    assert rehearsed.details.head == log._chains[0][0].previous  # noqa: SLF001 - of the fake
    assert [one.name for one in rehearsed.switches] == list(REHEARSED)
