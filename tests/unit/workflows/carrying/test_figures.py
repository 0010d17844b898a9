"""What a worker's figures say of its partitions, of the group, and of the way to the broker."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final

from tests.fakes.fleet import SYMBOLS, Fleet, Process
from tests.fakes.live import Ill
from tests.fakes.virtual_time import run_virtually
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.observing.metric import Counter, Gauge
from torghut.workflows.carrying.gauges import show_member

A: Final = SYMBOLS[0]


def in_fleet(test: Callable[[Fleet], Awaitable[None]]) -> None:
    """Run a test with a fleet of two partitions that has no process."""

    async def main() -> None:
        fleet = Fleet()
        await test(fleet)
        fleet.heal()
        await fleet.end()

    run_virtually(main())


def shown(process: Process, gauge: Gauge[()]) -> float:
    """Return what a gauge says when it is asked."""
    show_member(process.figures, process.worker)
    return process.figures.shown[gauge.name]


def counted(process: Process, counter: Counter[()]) -> int:
    """Return what a counter came to."""
    return process.figures.counted[counter.name]


def acknowledged(process: Process) -> list[float]:
    """Return how long outcomes were on their way to the broker, in the order it had them."""
    return process.figures.observed[metrics.CARRIED_TO_ACKNOWLEDGED.name]


def test_partitions_are_those_that_are_decided_now() -> None:
    async def test(fleet: Fleet) -> None:
        first = fleet.start()
        assert shown(first, metrics.CARRIED_PARTITIONS) == 0
        await asyncio.sleep(1)
        assert shown(first, metrics.CARRIED_PARTITIONS) == 2
        second = fleet.start()
        await asyncio.sleep(1)
        assert shown(first, metrics.CARRIED_PARTITIONS) == 1
        assert shown(second, metrics.CARRIED_PARTITIONS) == 1

    in_fleet(test)


def test_every_time_that_the_group_shares_anew_is_a_rebalance_of_each_member() -> None:
    async def test(fleet: Fleet) -> None:
        first = fleet.start()
        await asyncio.sleep(1)
        assert counted(first, metrics.CARRIED_REBALANCES) == 1
        second = fleet.start()
        await asyncio.sleep(1)
        assert counted(first, metrics.CARRIED_REBALANCES) == 2
        assert counted(second, metrics.CARRIED_REBALANCES) == 1

    in_fleet(test)


def test_partition_that_another_took_over_is_counted_by_whoever_lost_it() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        assert counted(process, metrics.CARRIED_TAKEOVERS) == 0
        await fleet.log.claim(fleet.partition_of(A), "somebody else")
        fleet.send(A)
        await asyncio.sleep(3)
        assert counted(process, metrics.CARRIED_TAKEOVERS) == 1
        assert shown(process, metrics.CARRIED_TROUBLES) == 0

    in_fleet(test)


def test_partitions_that_cannot_be_taken_up_are_troubles() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        process.illness.become(Ill.READ_ONLY)
        fleet.send(A)
        await asyncio.sleep(3)
        assert shown(process, metrics.CARRIED_TROUBLES) == 2
        process.illness.become(Ill.WELL)
        await asyncio.sleep(3)
        assert shown(process, metrics.CARRIED_TROUBLES) == 0

    in_fleet(test)


def test_records_that_the_broker_has_and_nobody_took_are_behind() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        process.illness.become(Ill.HANGING)
        fleet.send(A, 200)
        await asyncio.sleep(2)
        waiting = shown(process, metrics.PENDING)
        assert 0 < waiting < 20
        assert 150 < shown(process, metrics.CARRIED_BEHIND) <= 200 - waiting
        process.illness.become(Ill.WELL)
        await asyncio.sleep(10)
        assert shown(process, metrics.CARRIED_BEHIND) == 0
        assert shown(process, metrics.PENDING) == 0

    in_fleet(test)


def test_lag_is_that_of_the_partition_that_lags_most_and_unknown_where_none_is_measured() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        assert math.isnan(shown(process, metrics.LAG))
        fleet.speed = 1.0
        fleet.send(A)
        await asyncio.sleep(1)
        assert 0.0 <= shown(process, metrics.LAG) < 1.0

    in_fleet(test)


def test_way_of_a_context_ends_when_the_broker_has_its_outcome() -> None:
    async def test(fleet: Fleet) -> None:
        process = fleet.start()
        await asyncio.sleep(1)
        fleet.send(A, 5)
        fleet.send_bad(A)  # is no context: its way is not measured
        await asyncio.sleep(2)
        assert len(acknowledged(process)) == 5
        assert all(0.0 < one < 1.0 for one in acknowledged(process))
        fleet.cluster.topics.lost += [False] * 8
        fleet.send(A, 3)
        await asyncio.sleep(0.5)
        assert len(acknowledged(process)) == 5
        await asyncio.sleep(5)
        assert len(acknowledged(process)) == 8
        assert all(0.5 < one < 5.0 for one in acknowledged(process)[5:])

    in_fleet(test)
