"""A worker that decides nothing is ready only while its claims hold and the log says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import pytest

from tests.fakes.fleet import BUDGETS, GROUP, TOPICS, Fleet, Process
from tests.fakes.virtual_time import run_virtually
from torghut.carrying.errors import BrokerUnreachableError, TopicUnsafeError
from torghut.eventlog.errors import LogWriteError, Obstacle
from torghut.kernel.errors import TorghutError
from torghut.schemas.observing.log_events import PartitionLost

LOOKED_S: Final = 2 * BUDGETS.probe_ms / 1000
"""Within which an answer, or that none came, is known."""


def in_fleet(test: Callable[[Fleet, Process], Awaitable[None]]) -> None:
    """Run a test with a process that has two partitions, and nothing to decide."""

    async def main() -> None:
        fleet = Fleet()
        process = fleet.start()
        await asyncio.sleep(1)
        assert why(process) == []
        await test(fleet, process)
        await fleet.end()

    run_virtually(main())


def why(process: Process) -> list[str]:
    """Return what keeps a worker from being ready, but for a source that is silent."""
    return [one for one in process.worker.unready() if "no context for" not in one]


def test_worker_that_lost_an_idle_partition_is_not_ready_and_joins_anew() -> None:
    async def test(fleet: Fleet, process: Process) -> None:
        group = fleet.cluster.group(TOPICS.contexts, GROUP)
        rebalances = group.rebalances
        await fleet.log.claim(1, "somebody else")
        seen: list[str] = []
        for _ in range(int(1000 * LOOKED_S)):
            seen += why(process)
            await asyncio.sleep(0.001)
        assert seen
        await asyncio.sleep(1)
        lost = [event for event, _ in process.told.said if isinstance(event, PartitionLost)]
        assert [(one.partition, one.error_code) for one in lost] == [(1, "eventlog.claim-lost")]
        assert group.rebalances > rebalances
        assert why(process) == []  # the group gave it both again, and it claimed them
        assert {fleet.kept.claims[number][1] for number in (0, 1)} == {process.name}

    in_fleet(test)


def test_worker_is_not_ready_while_the_log_does_not_say_whether_it_may_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(_: int) -> None:
        raise LogWriteError(obstacle=Obstacle.GONE, detail="nobody answers")

    async def hanging(_: int) -> None:
        await asyncio.Event().wait()

    async def test(_: Fleet, process: Process) -> None:
        for answer, said in ((away, "nobody answers"), (hanging, "nothing came within")):
            with monkeypatch.context() as patched:
                patched.setattr(process.log, "check_claimed", answer)
                await asyncio.sleep(LOOKED_S + 0.01)
                assert len(why(process)) == 2
                assert all("still claimed" in one and said in one for one in why(process))
            await asyncio.sleep(LOOKED_S + 0.01)
            assert why(process) == []

    in_fleet(test)


def test_worker_looks_at_its_topics_now_and_then_and_is_not_ready_while_they_are_unsafe() -> None:
    unsafe = TopicUnsafeError(topic="t", what="copies", expected="3", found="1")
    away = BrokerUnreachableError(asked="t", bootstrap="b", budget_ms=1, found="nobody")

    async def test(_: Fleet, process: Process) -> None:
        found: list[TorghutError | None] = [unsafe, away, None]
        looks: list[TorghutError | None] = []

        async def check() -> None:
            looks.append(found[len(looks)] if len(looks) < len(found) else None)
            if (error := looks[-1]) is not None:
                raise error

        process.worker.share = replace(process.worker.share, check_topics=check)
        every_s = BUDGETS.topics_ms / 1000
        await asyncio.sleep(every_s - 2)
        assert (looks, why(process)) == ([], [])
        for seen in (1, 2):  # a broker that is away tells nothing new
            await asyncio.sleep(every_s if seen > 1 else 2)
            assert looks == found[:seen]
            assert ["expected copies 3" in one for one in why(process)] == [True]
        await asyncio.sleep(every_s)
        assert (looks, why(process)) == (found, [])

    in_fleet(test)
