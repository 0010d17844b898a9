"""What is looked after beside deciding: switch files, the page, halts, silence, the clock."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.live import Ill, World, offered
from tests.fakes.virtual_time import HangsError, run_virtually, virtual_loop
from torghut.eventlog.errors import LogMissingError
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.errands import Errand
from torghut.workflows.live.errors import ErrandLateError

FAULTS = [OSError("gone"), LogMissingError(path="switches")]


def degraded(worker: LiveWorker) -> set[str]:
    return {mode.code for mode in worker.condition.modes}


@pytest.mark.parametrize("fault", FAULTS)
def test_switch_files_that_cannot_be_read_make_it_stale_until_they_can(fault: Exception) -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            world.folder.fault = fault
            await asyncio.sleep(0.3)
            state, reason = worker.standing.judge()
            assert (state, reason.partition(":")[0]) == ("stale", "switches-unread")
            world.folder.throw("stop", "t1")
            await asyncio.sleep(1)
            world.folder.fault = None
            await asyncio.sleep(0.3)
            assert degraded(worker) == set()
            assert worker.standing.judge()[0] == "stopped"

    run_virtually(main())


def test_switch_files_that_nobody_looks_at_make_it_stale() -> None:
    async def main() -> None:
        worker = World().worker()
        await worker.begin()
        looking = asyncio.ensure_future(worker.watch.halts())  # the other task hangs
        await asyncio.sleep(2.9)
        assert degraded(worker) == set()
        await asyncio.sleep(0.2)
        assert degraded(worker) == {"switches-unread"}
        await worker.watch.look_at_switches()
        assert degraded(worker) == set()
        looking.cancel()

    run_virtually(main())


@pytest.mark.parametrize("fault", FAULTS)
def test_switch_files_that_cannot_be_read_at_the_start_end_it(fault: Exception) -> None:
    async def main() -> None:
        world = World()
        world.folder.fault = fault
        with pytest.raises(type(fault)):
            await world.worker().begin()

    run_virtually(main())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_page_that_cannot_be_written_is_said_and_stops_nothing(fault: Exception) -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            world.page.fault = fault
            world.folder.throw("stop", "t1")
            await asyncio.sleep(0.6)
            assert degraded(worker) == {"page-unwritten"}
            assert worker.standing.judge()[0] == "stopped"
            world.page.fault = None
            await asyncio.sleep(0.3)
            assert degraded(worker) == set()
            assert world.page.status is not None
            assert [one.throw_id for one in world.page.status.acknowledged] == ["t1"]

    run_virtually(main())


def test_a_disk_that_hangs_is_said_and_keeps_nothing_else_from_being_done() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            world.page.fault = HangsError()
            await asyncio.sleep(1.4)
            assert degraded(worker) == {"page-unwritten"}
            world.folder.throw("stop", "t1")
            await asyncio.sleep(1.4)
            assert worker.standing.judge()[0] == "stopped"
            world.folder.fault = HangsError()
            await asyncio.sleep(4.7)
            assert degraded(worker) == {"page-unwritten", "switches-unread"}

    run_virtually(main())


def test_what_hangs_is_not_begun_again_and_what_comes_back_is_taken() -> None:
    async def main() -> None:
        begun = 0
        hangs = True

        def look() -> int:
            nonlocal begun
            begun += 1
            if hangs:
                raise HangsError
            return begun

        errand = Errand[int](what="looking", aside=None, budget_ms=100)
        for _ in range(3):
            with pytest.raises(ErrandLateError):
                await errand.run(look)
        assert begun == 1
        hangs = False
        another = Errand[int](what="looking", aside=None, budget_ms=100)
        assert [await another.run(look), await another.run(look)] == [2, 3]

    run_virtually(main())


def test_a_throw_is_in_force_and_acknowledged_within_two_looks() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await asyncio.sleep(10)
            world.folder.throw("stop", "t1")
            await asyncio.sleep(0.51)
            assert world.page.status is not None
            assert [one.throw_id for one in world.page.status.acknowledged] == ["t1"]
            assert (world.page.status.state, world.page.status.switches[0].recorded) == (
                "stopped",
                True,
            )
            assert worker.loop.tally.control_records == 1

    run_virtually(main())


def test_what_is_thrown_before_the_start_comes_before_the_first_decision() -> None:
    async def main() -> None:
        world = World()
        world.folder.throw("stop", "t1")
        worker = world.worker()
        await worker.begin()
        worker.desk.offer([offered(1)])
        running = asyncio.ensure_future(worker.loop.run())
        await asyncio.sleep(0.1)
        assert worker.loop.tally.blocks == 1
        assert worker.desk.switches.standing(worker.loop.fold)[0].recorded
        worker.desk.close()
        await running

    run_virtually(main())


def test_what_is_thrown_during_a_halt_comes_before_the_first_decision_after_it() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await worker.desk.decide([offered(1)])
            virtual_loop().halt(5)
            world.folder.throw("stop", "t1")
            (after,) = await worker.desk.decide([offered(2)])
            assert b'"stopped"' in after

    run_virtually(main())


@pytest.mark.parametrize("fault", [*FAULTS, HangsError()])
def test_files_that_cannot_be_read_after_a_halt_stop_no_decision(fault: Exception) -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await worker.desk.decide([offered(1)])
            world.folder.fault = fault
            virtual_loop().halt(5)
            worker.desk.offer([offered(2)])
            await asyncio.sleep(3.1)
            assert worker.loop.tally.contexts == 2
            assert "switches-unread" in degraded(worker)
            worker.desk.offer([offered(3)])
            await asyncio.sleep(0.04)
            assert worker.loop.tally.contexts == 3

    run_virtually(main())


def test_a_step_of_the_wall_clock_is_said_in_both_directions_and_moves_nothing() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            for step_s in (5, -5):
                before_ns = worker.clock.receive_ns()
                world.wall.start_ns += step_s * 1_000_000_000
                await asyncio.sleep(0.1)
                assert degraded(worker) == {"clock-stepped"}
                assert worker.standing.judge()[0] == "live"
                assert worker.clock.receive_ns() - before_ns == 100_000_000
                world.wall.start_ns -= step_s * 1_000_000_000
                await asyncio.sleep(0.1)
                assert degraded(worker) == set()

    run_virtually(main())


def test_a_halt_is_said_whoever_notices_it_first_and_ends() -> None:
    async def main() -> None:
        async with World().living() as worker:
            await asyncio.sleep(1)
            virtual_loop().halt(7)
            worker.clock.stamp(waiting=0)
            await asyncio.sleep(0.1)
            assert degraded(worker) == {"paused"}
            assert worker.condition.modes[0].detail == "this process was halted for 7.0 s"
            await asyncio.sleep(1.2)
            assert degraded(worker) == set()

    run_virtually(main())


def test_silence_is_said_after_a_minute_and_ends_with_a_context() -> None:
    async def main() -> None:
        async with World().living() as worker:
            await asyncio.sleep(59)
            assert degraded(worker) == set()
            await asyncio.sleep(2)
            assert degraded(worker) == {"source-silent"}
            assert worker.standing.judge()[0] == "stale"
            await worker.desk.decide([offered(1)])
            await asyncio.sleep(0.1)
            assert degraded(worker) == set()
            await asyncio.sleep(61)
            assert degraded(worker) == {"source-silent"}

    run_virtually(main())


def test_contexts_that_come_while_the_log_is_away_are_no_silence() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            world.illness.become(Ill.BUSY)
            for sequence in range(30):
                worker.desk.offer([offered(sequence)])
                await asyncio.sleep(5)
            assert "source-silent" not in degraded(worker)

    run_virtually(main())


def test_a_source_that_has_ended_is_not_silent() -> None:
    async def main() -> None:
        async with World().living() as worker:
            worker.condition.begin("source-ended", "it ended")
            await asyncio.sleep(120)
            assert degraded(worker) == {"source-ended"}

    run_virtually(main())


def test_lag_is_said_as_long_as_its_record_holds() -> None:
    async def main() -> None:
        async with World().living() as worker:
            await worker.desk.decide([offered(1)])
            virtual_loop().halt(10)
            await worker.desk.decide([offered(2)])
            await asyncio.sleep(1.3)
            assert degraded(worker) == {"lag"}
            assert worker.standing.judge() == ("live", "")
            await worker.desk.decide([offered(3)])
            await asyncio.sleep(0.1)
            assert degraded(worker) == set()

    run_virtually(main())
