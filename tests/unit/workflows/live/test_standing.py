"""How the service says that it stands: heartbeats and status, from before it began to its end."""

from __future__ import annotations

import asyncio
import json

from tests.fakes.live import A, Ill, World, live_policy, offered
from tests.fakes.virtual_time import run_virtually, virtual_loop
from tests.support.decisions.reporting import decision_of, live_feed, report_order, report_position
from torghut.schemas.control import CONTROL_RECORD
from torghut.schemas.live.delivery import Heartbeat
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.assembly import LiveWorker
from torghut.workflows.live.standing import order_of


def heartbeat(worker: LiveWorker) -> Heartbeat:
    return Heartbeat.model_validate_json(worker.standing.heartbeat())


def status(worker: LiveWorker) -> WorkerStatus:
    return WorkerStatus.model_validate_json(worker.standing.status().model_dump_json())


def test_before_it_began_it_is_stale_and_says_so() -> None:
    async def main() -> None:
        worker = World().worker()
        beat, page = heartbeat(worker), status(worker)
        assert (beat.state, beat.reason) == ("stale", "the service is starting")
        assert (beat.position, page.position, page.phase) == (None, None, "starting")
        assert worker.standing.unready() == ["the service is starting"]

    run_virtually(main())


def test_a_heartbeat_says_how_far_the_log_is() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            await worker.desk.decide([offered(1), offered(2)])
            stop = {"kind": "stop", "control_id": "s1", "state": "stopped", "reason": "drawdown"}
            await worker.desk.submit([CONTROL_RECORD.validate_python(stop)])
            beat = heartbeat(worker)
            assert (beat.worker, beat.position, beat.control_records) == ("w-0", "0:0:1", 1)
            assert (beat.state, beat.reason) == ("stopped", "stop latch closed: drawdown")
            assert beat.wall_ns == world.wall.now_ns()
        async with world.living() as worker:
            assert heartbeat(worker).position == "0:0:1"

    run_virtually(main())


def test_heartbeats_asked_for_at_once_are_the_same_and_a_change_makes_a_new_one() -> None:
    async def main() -> None:
        async with World().living() as worker:
            first = worker.standing.heartbeat()
            assert worker.standing.heartbeat() is first
            worker.condition.begin("page-unwritten", "r")
            assert heartbeat(worker).degraded == ("page-unwritten",)
            await asyncio.sleep(0.06)
            assert worker.standing.heartbeat() is not first

    run_virtually(main())


def test_a_beat_is_due_after_a_second_and_at_once_when_something_changes() -> None:
    async def main() -> None:
        async with World().living() as worker:
            before_ns = virtual_loop().now_ns
            await worker.standing.beats()
            assert virtual_loop().now_ns - before_ns == 1_000_000_000
            waiting = asyncio.ensure_future(worker.standing.beats())
            await asyncio.sleep(0.1)
            worker.condition.begin("lag", "r")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert waiting.done()

    run_virtually(main())


def test_a_stop_is_told_before_what_is_stale_and_a_phase_before_both() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            worker.condition.begin("clock-stepped", "by 5 s")
            assert worker.standing.judge() == ("live", "")
            worker.condition.begin("log-away", "locked")
            assert worker.standing.judge() == ("stale", "log-away: locked")
            world.illness.become(Ill.BUSY)
            world.folder.throw("stop", "t1")
            await asyncio.sleep(0.3)
            assert worker.standing.judge()[0] == "stopped"
            assert heartbeat(worker).switches == ("stop",)
            worker.standing.phase = "draining"
            assert worker.standing.judge() == ("stale", "the service is draining")

    run_virtually(main())


def test_another_switch_than_stop_leaves_it_live() -> None:
    async def main() -> None:
        world = World()
        world.folder.throw("defensive-weights", "t1")
        async with world.living() as worker:
            await asyncio.sleep(0.3)
            beat = heartbeat(worker)
            assert (beat.state, beat.switches) == ("live", ("defensive-weights",))

    run_virtually(main())


def test_the_status_says_everything_and_fits_its_schema() -> None:
    async def main() -> None:
        world = World()
        world.folder.throw("stop", "t1", reason="too fast")
        async with world.living() as worker:
            worker.standing.api = "127.0.0.1:8787"
            worker.standing.subscribers = lambda: 3
            await worker.desk.decide([offered(1), offered(2, bid=-1.0)])
            await asyncio.sleep(0.3)
            page = status(worker)
            assert (page.contexts, page.decisions, page.refused) == (2, 1, 1)
            assert (page.api, page.subscribers, page.pending) == ("127.0.0.1:8787", 3, 0)
            assert page.last_decision_wall_ns is not None
            assert page.lag_ms is not None
            assert [one.symbol for one in page.symbols] == [A]
            assert page.symbols[0].decisions == 1
            (switch,) = page.switches
            assert (switch.name, switch.throw_id, switch.recorded) == ("stop", "t1", True)
            assert page.packages["fx-intraday"] == next(iter(world.setup.packages.values())).digest
            assert page.declarations == world.setup.declarations.digest
            assert world.page.status is not None
            assert json.loads(world.page.status.model_dump_json())["state"] == "stopped"

    run_virtually(main())


def test_the_page_says_how_long_outcomes_took_since_this_process_started() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            assert set(status(worker).durable_within) == {0}
            await worker.desk.decide([offered(1), offered(2, bid=-1.0)])
            await asyncio.sleep(0.3)
            assert world.page.status is not None
            within = world.page.status.durable_within
            # A write takes 4 ms there: none was durable within 2.5 ms, both were within 10 ms.
            assert (within[4], within[6], within[-1]) == (0, 2, 2)
        async with world.living() as worker:
            assert set(status(worker).durable_within) == {0}

    run_virtually(main())


def test_the_latch_of_one_symbol_shows_and_leaves_the_others_live() -> None:
    async def main() -> None:
        async with World().living() as worker:
            await worker.desk.decide([offered(1)])
            stop = {"kind": "stop", "control_id": "s1", "state": "stopped", "reason": "r"}
            await worker.desk.submit([CONTROL_RECORD.validate_python({**stop, "symbol": A})])
            assert status(worker).latch
            await worker.desk.decide([offered(2)])
            assert status(worker).latch
            assert worker.standing.judge()[0] == "live"
            go = {**stop, "control_id": "s2", "state": "released", "symbol": A}
            await worker.desk.submit([CONTROL_RECORD.validate_python(go)])
            await worker.desk.decide([offered(3)])
            assert not status(worker).latch

    run_virtually(main())


def test_a_position_that_was_reported_is_shown_in_live_mode() -> None:
    async def main() -> None:
        world = World(policy=live_policy())
        async with world.living() as worker:
            mode = {"kind": "mode", "control_id": "m", "mode": "live", "notional_cap": 1e6}
            records = [CONTROL_RECORD.validate_python(mode)]
            await worker.desk.submit(records)
            await worker.desk.decide([offered(1)])
            (symbol,) = status(worker).symbols
            assert (symbol.mode, symbol.position_basis, symbol.position) == ("live", "reported", 0)

    run_virtually(main())


def test_no_more_than_twenty_symbols_stand_on_the_page() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            names = sorted(world.setup.declarations.by_symbol)
            await worker.desk.decide([offered(1, symbol=name) for name in names])
            assert len(status(worker).symbols) == min(20, len(names))

    run_virtually(main())


def test_an_order_that_may_still_be_filled_is_told_with_its_decision() -> None:
    feed = live_feed()
    row = feed.decision(report_position("flat", 0.0, feed.now_ns), step_s=20.0)
    order = order_of("fxcm:EURUSD", feed.state)

    assert order is not None
    assert (order.decision_id, order.quantity) == (decision_of(row), float(row["target"]))
    feed.take(report_order("o", row, "cancelled"))
    assert order_of("fxcm:EURUSD", feed.state) is None
