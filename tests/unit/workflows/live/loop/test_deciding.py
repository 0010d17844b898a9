"""The live loop with a log that fails: nothing is told before it is durable, nothing twice."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.fakes.live import A, Ill, Listener, World, live_policy, offered
from tests.fakes.virtual_time import run_virtually, virtual_loop
from tests.support.decisions.kernels import compiled
from torghut.decisions.render_context import RenderContext
from torghut.decisions.rendering import RowUnrenderableError
from torghut.eventlog.errors import LogWriteError
from torghut.schemas.control import CONTROL_RECORD
from torghut.schemas.live.position import START
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.told import outcomes
from torghut.workflows.replay import replay_log

FAILING = [Ill.BUSY, Ill.DISK_FULL, Ill.READ_ONLY]
"""What passes by itself."""

BREAKING = [Ill.BROKEN, Ill.KEPT_THEN_BROKEN, Ill.GAVE_UP]
"""What only opening the log again helps against."""


def deciding(worker: LiveWorker, *sequences: int) -> asyncio.Task[list[dict[str, object]]]:
    """Return the outcomes of contexts, to be waited for."""

    async def decide() -> list[dict[str, object]]:
        lines = await worker.desk.decide([offered(one) for one in sequences])
        return [json.loads(line) for line in lines]

    return asyncio.ensure_future(decide())


def degraded(worker: LiveWorker) -> set[str]:
    return {mode.code for mode in worker.condition.modes}


async def kinds_recorded(world: World) -> list[str]:
    """Return the kinds of the control records in the log, and ``context`` for each context."""
    found: list[str] = []
    for block in await world.blocks():
        records = json.loads(block.records)["received"]
        found += [one["record"]["kind"] for one in records]
        found += ["context"] * json.loads(block.header)["counts"]["contexts"]
    return found


@pytest.mark.parametrize("ill", FAILING)
def test_a_block_that_cannot_be_written_is_tried_again_and_told_once(ill: Ill) -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            listener = Listener()
            task = asyncio.ensure_future(listener.listen(worker.desk.follow(START)))
            world.illness.become(ill)
            waiting = deciding(worker, 2)
            await asyncio.sleep(1)
            mode = "disk-full" if ill is Ill.DISK_FULL else "log-away"
            assert degraded(worker) == {mode}
            assert worker.standing.judge()[0] == "stale"
            assert worker.standing.unready() == ["the log cannot be written durably"]
            assert len(listener.lines) == 1
            world.illness.become(Ill.WELL)
            (outcome,) = await waiting
            assert (outcome["position"], degraded(worker)) == ("0:1:0", set())
            assert worker.standing.judge() == ("live", "")
            assert worker.standing.unready() == []
            await asyncio.sleep(0.1)
            assert [one["position"] for one in listener.lines] == ["0:0:0", "0:1:0"]
            task.cancel()

    run_virtually(main())


@pytest.mark.parametrize("ill", BREAKING)
def test_a_log_that_broke_is_opened_again_and_what_was_kept_is_not_decided_twice(ill: Ill) -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            world.illness.become(ill)
            (outcome,) = await deciding(worker, 2)
            assert outcome["position"] == "0:1:0"
            assert outcome["ingress_wall_ns"] is not None
            assert await kinds_recorded(world) == ["context", "context"]
            assert [one["position"] for one in await deciding(worker, 2, 3)] == ["0:1:0", "0:2:0"]

    run_virtually(main())


def test_a_log_that_cannot_be_opened_again_is_waited_for() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            world.illness.become(Ill.BROKEN)
            world.illness.locked = True
            waiting = deciding(worker, 2)
            await asyncio.sleep(2)
            (mode,) = worker.condition.modes
            assert (mode.code, "somebody else" in mode.detail) == ("log-away", True)
            world.illness.locked = False
            assert (await waiting)[0]["position"] == "0:1:0"

    run_virtually(main())


@pytest.mark.parametrize("ill", [Ill.HANGING, Ill.HANGING_THEN_BUSY])
def test_a_commit_that_takes_long_is_said_and_one_that_takes_too_long_is_stale(ill: Ill) -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            world.illness.become(ill)
            waiting = deciding(worker, 2)
            await asyncio.sleep(0.24)
            assert degraded(worker) == set()
            await asyncio.sleep(0.1)
            assert degraded(worker) == {"log-slow"}
            assert worker.standing.judge()[0] == "live"
            await asyncio.sleep(1.8)
            assert degraded(worker) == {"log-slow", "log-away"}
            assert worker.standing.judge()[0] == "stale"
            assert worker.loop.holding
            world.illness.become(Ill.WELL)
            assert (await waiting)[0]["position"] == "0:1:0"
            assert degraded(worker) == set()
            assert not worker.loop.holding

    run_virtually(main())


def test_nothing_is_decided_under_way_before_a_feeds_declaration_is_durable() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            world.illness.become(Ill.HANGING)
            waiting = deciding(worker, 1)
            await asyncio.sleep(2.5)
            assert degraded(worker) == {"log-slow", "log-away"}
            world.illness.become(Ill.WELL)
            assert (await waiting)[0]["position"] == "0:0:0"

    run_virtually(main())


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("ill", [*FAILING, Ill.UNREADABLE, Ill.HANGING_THEN_BUSY])
def test_a_switch_thrown_while_nothing_can_be_written_comes_before_what_waits(
    ill: Ill, before: int
) -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            for sequence in range(before):
                await deciding(worker, sequence)
            world.illness.become(ill)
            waiting = deciding(worker, 5, 6)
            await asyncio.sleep(2.1)
            world.folder.throw("stop", "t1")
            await asyncio.sleep(0.3)
            assert [one.throw_id for one in worker.standing.status().acknowledged] == ["t1"]
            assert worker.standing.judge()[0] == "stopped"
            world.illness.become(Ill.WELL)
            await waiting
            expected = [*["context"] * before, "switch", "context", "context"]
            assert await kinds_recorded(world) == expected
            assert (await replay_log(world.inner, compiled())).identical

    run_virtually(main())


def test_what_became_durable_without_an_acknowledged_switch_is_told_as_history() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            world.illness.become(Ill.HANGING)
            waiting = deciding(worker, 2)
            await asyncio.sleep(2.1)
            world.folder.throw("stop", "t1")
            await asyncio.sleep(0.3)
            assert [one.throw_id for one in worker.standing.status().acknowledged] == ["t1"]
            world.illness.become(Ill.WELL)
            (outcome,) = await waiting
            assert outcome["ingress_wall_ns"] is None
            assert (await deciding(worker, 3))[0]["ingress_wall_ns"] is not None
            assert await kinds_recorded(world) == ["context", "context", "switch", "context"]

    run_virtually(main())


def test_what_was_kept_all_the_same_is_not_decided_again_for_a_switch_thrown_since() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            world.illness.become(Ill.KEPT_THEN_BROKEN)
            world.illness.locked = True
            waiting = deciding(worker, 2)
            await asyncio.sleep(0.3)
            world.folder.throw("stop", "t1")
            await asyncio.sleep(0.3)
            world.illness.locked = False
            (outcome,) = await waiting
            assert (outcome["position"], outcome["ingress_wall_ns"]) == ("0:1:0", None)
            await asyncio.sleep(0.1)
            assert await kinds_recorded(world) == ["context", "context", "switch"]

    run_virtually(main())


def test_what_would_be_told_late_is_decided_again_behind_lag_begin() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            world.illness.become(Ill.BUSY)
            waiting = deciding(worker, 2)
            await asyncio.sleep(3.5)
            world.illness.become(Ill.WELL)
            (outcome,) = await waiting
            assert await kinds_recorded(world) == ["context", "lag-begin", "context"]
            decision = outcome["decision"]
            assert isinstance(decision, dict)
            assert "context-late" in decision["reasons"]
            assert worker.loop.lateness.late
            await deciding(worker, 3)
            assert (await kinds_recorded(world))[3:] == ["lag-end", "context"]
            assert not worker.loop.lateness.late

    run_virtually(main())


def test_at_no_speed_nothing_is_late() -> None:
    async def main() -> None:
        world = World(speed=None)
        async with world.living() as worker:
            await deciding(worker, 1)
            world.illness.become(Ill.BUSY)
            waiting = deciding(worker, 2)
            await asyncio.sleep(4)
            world.illness.become(Ill.WELL)
            (outcome,) = await waiting
            assert outcome["speed"] is None
            assert await kinds_recorded(world) == ["context", "context"]

    run_virtually(main())


@pytest.mark.parametrize("seconds", [15, 600])
def test_after_a_halt_nothing_of_the_backlog_can_be_acted_on(seconds: float) -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            await asyncio.sleep(0.5)
            halted_ns = virtual_loop().now_ns
            virtual_loop().halt(seconds)
            backlog = deciding(worker, *range(2, 40))
            await asyncio.sleep(0)
            assert worker.standing.judge()[0] == "live"  # nobody has looked yet
            outcomes = await backlog
            for outcome in outcomes:
                decision = outcome["decision"]
                assert isinstance(decision, dict)
                ingress_ns = int(str(outcome["ingress_wall_ns"])) - world.wall.start_ns
                assert halted_ns - 60_000_000 <= ingress_ns <= halted_ns
                lifetime_ns = int(decision["valid_until_ns"]) - int(decision["receive_ns"])
                assert virtual_loop().now_ns - ingress_ns > lifetime_ns  # so the client's rule
                assert "context-late" in decision["reasons"]
                assert abs(decision["target_position"] or 0.0) <= abs(decision["position"])
            await asyncio.sleep(0.1)
            assert worker.standing.judge()[1].startswith("paused: this process was halted for")
            await asyncio.sleep(1.2)
            assert worker.standing.judge() == ("live", "")
            await deciding(worker, 50)
            expected = ["context", "lag-begin", *["context"] * 38, "lag-end", "context"]
            assert await kinds_recorded(world) == expected
            assert (await replay_log(world.inner, compiled())).identical

    run_virtually(main())


def test_reads_that_fail_are_waited_out_by_who_decides_and_by_who_listens() -> None:
    async def main() -> None:
        world = World(policy=live_policy(telling=(("kept_outcomes", 2),)))
        async with world.living() as worker:
            for sequence in range(1, 8):
                await deciding(worker, sequence)
            listener = Listener()
            world.illness.become(Ill.UNREADABLE)
            task = asyncio.ensure_future(listener.listen(worker.desk.follow(START)))
            waiting = deciding(worker, 8)
            await asyncio.sleep(1)
            assert listener.lines == []
            world.illness.become(Ill.WELL)
            await waiting
            await asyncio.sleep(1)
            assert [one["position"] for one in listener.lines] == [f"0:{n}:0" for n in range(8)]
            task.cancel()

    run_virtually(main())


def test_what_cannot_be_rendered_ends_the_loop_and_is_told_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_row: bytes, _context: RenderContext) -> bytes:
        raise RowUnrenderableError(what="tag", expected="0", found="1")

    async def main() -> None:
        world = World()
        worker = world.worker()
        await worker.begin()
        running = asyncio.ensure_future(worker.loop.run())
        with monkeypatch.context() as altered:
            altered.setattr(outcomes, "render_json", refuse)
            waiting = deciding(worker, 1)
            with pytest.raises(RowUnrenderableError):
                await running
        waiting.cancel()
        async with world.living() as other:
            (outcome,) = await deciding(other, 1)
            assert (outcome["position"], outcome["ingress_wall_ns"]) == ("0:0:0", None)
            assert await kinds_recorded(world) == ["context"]

    run_virtually(main())


def test_closing_decides_what_waits_and_keeps_a_snapshot() -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("batch_records", 3),)))
        worker = world.worker()
        await worker.begin()
        running = asyncio.ensure_future(worker.loop.run())
        waiting = deciding(worker, *range(10))
        await asyncio.sleep(0)
        worker.desk.close()
        await running
        assert len(await waiting) == 10
        async with world.living() as other:
            assert other.loop.tally.contexts == 10
            assert other.loop.head.number == 3

    run_virtually(main())


@pytest.mark.parametrize("ill", [*FAILING, Ill.BROKEN])
def test_closing_with_the_log_away_ends_with_what_is_wrong(ill: Ill) -> None:
    async def main() -> None:
        world = World()
        worker = world.worker()
        await worker.begin()
        running = asyncio.ensure_future(worker.loop.run())
        (told,) = await deciding(worker, 1)
        world.illness.become(ill)
        world.illness.locked = True
        waiting = deciding(worker, 2, 3)
        await asyncio.sleep(0.1)
        worker.desk.close()
        with pytest.raises(LogWriteError):
            await running
        assert virtual_loop().now_ns < 2_000_000_000
        assert len(worker.loop.line) == 2  # they wait, and their sender was told nothing
        waiting.cancel()
        world.illness.locked = False
        world.illness.become(Ill.WELL)
        async with world.living() as other:
            again, new, _ = await deciding(other, 1, 2, 3)
            assert again["decision"] == told["decision"]
            assert new["position"] == "0:1:0"

    run_virtually(main())


@pytest.mark.parametrize("ill", [Ill.BUSY, Ill.HANGING])
def test_a_snapshot_that_cannot_be_kept_holds_nothing_up(ill: Ill) -> None:
    async def main() -> None:
        world = World(policy=live_policy(loop=(("snapshot_blocks", 2),)))
        async with world.living() as worker:
            await deciding(worker, 1)
            waiting = deciding(worker, 2)
            async for _ in worker.desk.follow(None):
                break
            world.illness.become(ill)  # the block is told, and its snapshot comes next
            await waiting
            await asyncio.sleep(2.5)
            assert degraded(worker) <= {"log-slow"}
            world.illness.become(Ill.WELL)
            assert (await deciding(worker, 3))[0]["position"] == "0:2:0"
            assert degraded(worker) == set()

    run_virtually(main())


def test_what_somebody_else_wrote_meanwhile_is_told_before_going_on() -> None:
    async def main() -> None:
        world, other = World(), World()
        async with world.living() as worker:
            await deciding(worker, 1)
            other.inner = world.inner
            listener = Listener()
            task = asyncio.ensure_future(listener.listen(worker.desk.follow(START)))
            async with other.living() as second:
                await deciding(second, 2)
            (outcome,) = await deciding(worker, 3)
            assert outcome["position"] == "0:2:0"
            await asyncio.sleep(0.1)
            assert [one["position"] for one in listener.lines] == [f"0:{n}:0" for n in range(3)]
            assert worker.loop.tally.contexts == 3
            task.cancel()

    run_virtually(main())


def test_a_restart_goes_on_with_its_lag_and_its_clock() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await deciding(worker, 1)
            virtual_loop().halt(20)
            (late,) = await deciding(worker, 2)
            decision = late["decision"]
            assert isinstance(decision, dict)
        world.wall.start_ns -= 3_600_000_000_000  # the wall clock was set back
        async with world.living() as worker:
            assert worker.loop.lateness.late
            (outcome,) = await deciding(worker, 3)
            after = outcome["decision"]
            assert isinstance(after, dict)
            assert int(after["receive_ns"]) > int(decision["receive_ns"])
            assert (await kinds_recorded(world))[-2:] == ["lag-end", "context"]

    run_virtually(main())


def test_control_records_that_take_effect_are_followed_by_the_decisions() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            record = CONTROL_RECORD.validate_python(
                {
                    "kind": "mode",
                    "control_id": "m1",
                    "mode": "shadow",
                    "notional_cap": 1.0,
                    "symbol": A,
                }
            )
            await worker.desk.submit([record])
            (outcome,) = await deciding(worker, 1)
            decision = outcome["decision"]
            assert isinstance(decision, dict)
            assert decision["mode"] == "shadow"

    run_virtually(main())
