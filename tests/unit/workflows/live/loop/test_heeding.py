"""Governance is heard by its beats, stamped on the receive clock; live only."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from tests.fakes.live import Ear, World, offered
from tests.fakes.virtual_time import run_virtually
from tests.support.decisions.loops import made_setup
from torghut.decisions.fold.folding import DecisionFold
from torghut.market.ports import Arrival
from torghut.schemas.control import ControlRecord, GovernanceHeartbeat, ModeChanged
from torghut.schemas.live.governance import GovernanceBeat
from torghut.schemas.rows import CONTEXT
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.loop.heeding import Heeding
from torghut.workflows.live.observing.governed import DeafEar
from torghut.workflows.opening import fresh_fold

LIVE = ModeChanged(control_id="m", mode="live", notional_cap=1e6)
NOW_NS = 1_000_000_000_000


def fold_of(*records: ControlRecord) -> DecisionFold:
    fold = fresh_fold(made_setup())
    fold.decide(np.zeros(0, CONTEXT), [Arrival(row=0, record=one) for one in records])
    return fold


def beat(epoch: int = 1, number: int = 1, ttl_ms: int = 3000) -> GovernanceBeat:
    return GovernanceBeat(epoch=epoch, number=number, ttl_ms=ttl_ms)


def heeding(speed: float = 1.0) -> Heeding:
    return Heeding(receive_ns=lambda: NOW_NS, speed=speed)


def heed(*beats: GovernanceBeat | None, fold: DecisionFold | None = None) -> list[int | None]:
    one, memory = heeding(), fold or fold_of(LIVE)
    found = [one.heed(each, memory) for each in beats]
    return [None if each is None else each.expires_ns - NOW_NS for each in found]


def test_what_stood_there_before_the_worker_looked_says_nothing() -> None:
    assert heed(beat(), beat(), beat(number=2)) == [None, None, 3_000_000_000]


def test_a_beat_counts_once_and_one_that_cannot_be_read_not_at_all() -> None:
    found = heed(None, beat(), beat(), None, beat(), beat(number=2, ttl_ms=1))
    assert found == [None, 3_000_000_000, None, None, None, 1_000_000]


def test_only_live_mode_is_told() -> None:
    assert heed(None, beat(), fold=fold_of()) == [None, None]


def test_a_holder_that_lost_the_lease_is_not_recorded() -> None:
    later = GovernanceHeartbeat(control_id="g", epoch=5, expires_ns=1)

    assert heed(None, beat(epoch=4), beat(epoch=5), fold=fold_of(LIVE, later)) == [
        None,
        None,
        3_000_000_000,
    ]


def test_at_speed_a_second_of_governance_is_as_many_on_the_receive_clock() -> None:
    one, fold = heeding(speed=60.0), fold_of(LIVE)
    one.heed(None, fold)
    found = one.heed(beat(), fold)

    assert found is not None
    assert found.expires_ns == NOW_NS + 180_000_000_000


def test_who_hears_nothing_hears_nothing() -> None:
    assert DeafEar().heard() is None


async def is_silent(worker: LiveWorker, sequence: int) -> bool:
    """Return whether the next decision found governance silent."""
    (line,) = await worker.desk.decide([offered(sequence)])
    return "governance-silent" in json.loads(line)["decision"]["reasons"]


@pytest.mark.parametrize("ttl_ms", [1500, 3000])
def test_live_opens_nothing_once_the_scheduler_was_killed_and_its_ttl_is_over(
    ttl_ms: int,
) -> None:
    async def main() -> None:
        world = World(ear=Ear())
        async with world.living() as worker:
            await worker.desk.submit([LIVE])
            found = []
            for tick in range(24):  # twelve seconds; the scheduler lives for six of them
                if tick < 12 and tick % 2 == 0:
                    world.ear.say(1, tick + 1, ttl_ms)
                await asyncio.sleep(0.5)
                found.append(await is_silent(worker, tick + 1))
        begun = found.index(False)
        ended = begun + found[begun:].index(True)
        assert begun <= 3
        assert (ended - 10) * 500 <= ttl_ms + 1000  # said last at tick 10, read within a poll
        assert ended > 11 + ttl_ms // 500 - 2
        assert all(found[ended:])

    run_virtually(main())


def test_another_holder_takes_over_and_the_old_one_is_heard_no_more() -> None:
    async def main() -> None:
        world = World(ear=Ear())
        async with world.living() as worker:
            await worker.desk.submit([LIVE])
            world.ear.say(1, 1)
            await asyncio.sleep(0.5)
            world.ear.say(2, 1)
            await asyncio.sleep(0.5)
            world.ear.say(1, 9, ttl_ms=60_000)
            await asyncio.sleep(4.0)
            assert await is_silent(worker, 1)

    run_virtually(main())
