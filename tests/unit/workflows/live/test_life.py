"""A worker's life: it serves until asked, drains within its budget, and says why it ended."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.fakes.live import Ill, World, live_policy, offered
from tests.fakes.virtual_time import HangsError, run_virtually, virtual_loop
from torghut.eventlog.errors import LogBusyError, LogWriteError
from torghut.market.ports import SourceError
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.life import DrainLateError, gravest_of, live


async def nothing() -> None:
    """Bring no context, and end."""


async def for_ever() -> None:
    """Bring no context."""
    await asyncio.get_running_loop().create_future()


async def begun(world: World) -> LiveWorker:
    worker = world.worker()
    await worker.begin()
    return worker


def test_it_serves_until_asked_and_decides_what_waits() -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("batch_records", 2),)))
        worker, asked = await begun(world), asyncio.Event()
        living = asyncio.ensure_future(live(worker, for_ever, asked))
        await asyncio.sleep(5)
        waiting = asyncio.ensure_future(worker.desk.decide([offered(n) for n in range(7)]))
        await asyncio.sleep(0)
        asked.set()
        await asyncio.sleep(0)
        assert worker.standing.judge() == ("stale", "the service is draining")
        await living
        assert len(await waiting) == 7
        assert world.page.status is not None
        assert (world.page.status.phase, world.page.status.contexts) == ("ended", 7)

    run_virtually(main())


def test_the_end_of_its_source_is_said_or_is_its_own_end() -> None:
    async def main() -> None:
        world = World()
        asked = asyncio.Event()
        await live(await begun(world), nothing, asked, until_end=True)
        assert asked.is_set()
        worker, asked = await begun(world), asyncio.Event()
        living = asyncio.ensure_future(live(worker, nothing, asked))
        await asyncio.sleep(1)
        assert worker.standing.judge()[1].startswith("source-ended")
        asked.set()
        await living

    run_virtually(main())


@pytest.mark.parametrize("ill", [Ill.BUSY, Ill.DISK_FULL, Ill.HANGING])
def test_with_the_log_away_it_ends_within_its_budget_and_loses_nothing_told(ill: Ill) -> None:
    async def main() -> None:
        world = World()
        worker, asked = await begun(world), asyncio.Event()
        living = asyncio.ensure_future(live(worker, for_ever, asked))
        (told,) = await worker.desk.decide([offered(1)])
        world.illness.become(ill)
        waiting = asyncio.ensure_future(worker.desk.decide([offered(2), offered(3)]))
        await asyncio.sleep(1)
        before_ns = virtual_loop().now_ns
        asked.set()
        expected = DrainLateError if ill is Ill.HANGING else LogWriteError
        with pytest.raises(expected):
            await living
        assert virtual_loop().now_ns - before_ns <= 10_100_000_000
        waiting.cancel()
        assert world.page.status is not None
        assert world.page.status.phase == "ended"
        world.illness.become(Ill.WELL)
        await asyncio.sleep(1)
        async with world.living() as other:
            again = await other.desk.decide([offered(1), offered(2), offered(3)])
            decisions = [json.loads(line)["decision"] for line in again]
            assert decisions[0] == json.loads(told)["decision"]
            assert [one["source_sequence"] for one in decisions] == ["1", "2", "3"]
            assert other.loop.tally.contexts == 3

    run_virtually(main())


def test_a_source_that_fails_ends_it_with_its_error() -> None:
    async def main() -> None:
        async def broken() -> None:
            await asyncio.sleep(1)
            message = "gone"
            raise SourceError(message)

        world = World()
        with pytest.raises(SourceError, match="gone"):
            await live(await begun(world), broken, asyncio.Event())
        assert world.page.status is not None
        assert world.page.status.phase == "ended"

    run_virtually(main())


def test_whatever_goes_wrong_beside_deciding_it_goes_on() -> None:
    async def main() -> None:
        world = World()
        worker, asked = await begun(world), asyncio.Event()
        world.folder.fault = LogBusyError(budget_ms=1, detail="r")
        world.page.fault = OSError("full")
        living = asyncio.ensure_future(live(worker, for_ever, asked))
        await asyncio.sleep(5)
        assert len(await worker.desk.decide([offered(1)])) == 1
        asked.set()
        await living

    run_virtually(main())


def test_a_page_on_a_disk_that_hangs_does_not_keep_it_from_ending() -> None:
    async def main() -> None:
        world = World()
        worker, asked = await begun(world), asyncio.Event()
        living = asyncio.ensure_future(live(worker, for_ever, asked))
        await asyncio.sleep(1)
        world.page.fault = HangsError()
        await asyncio.sleep(0.3)
        asked.set()
        before_ns = virtual_loop().now_ns
        await living
        assert virtual_loop().now_ns - before_ns <= 1_100_000_000

    run_virtually(main())


def test_error_that_nobody_foresaw_is_not_hidden_behind_one_that_is() -> None:
    foreseen, defect = DrainLateError(waiting=1, budget_ms=1), KeyError("gone")

    assert gravest_of(ExceptionGroup("", [foreseen, ExceptionGroup("", [defect])])) is defect
    assert gravest_of(ExceptionGroup("", [foreseen])) is foreseen
