"""What a real worker decides is measured: its log and its page agree about every outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.live import World, offered
from tests.fakes.virtual_time import run_virtually
from tests.fakes.workers import status_of
from tests.support.governance.climbing import slo_policy
from tests.support.live.latencies import counted
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.slo.errors import LatencyRefusedError
from torghut.schemas.staging.slo_window import SloRow
from torghut.workflows.aggregates import LATENCIES, Governance
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.slo.reading import SETTLED_NS, read_pages, windows_with
from torghut.workflows.streams import Streams

SETTLED_S: Final = SETTLED_NS / 1e9


def governance() -> Governance:
    """Return streams that nobody has written to."""
    return Governance(streams=Streams(InMemoryLog(clock=HandClock())), causes=CAUSES)


def page_of(worker: str, **told: object) -> WorkerSeen:
    """Return a page that says what is told."""
    return WorkerSeen(worker=worker, alive=True, status=status_of(worker, **told))


async def latency_of(world: World, kept: Governance) -> SloRow:
    """Return what a cycle that runs now finds of the last hour's latency."""
    page = WorkerSeen(worker="w-0", alive=True, pid=1, status=world.page.status)
    now_ns = int(world.wall.now_ns())
    assert await read_pages(kept, [page], now_ns) == []
    readings = await kept.state(LATENCIES)
    windows = await windows_with(world.inner, readings, now_ns - SETTLED_NS, slo_policy())
    return next(one for one in windows["1h"].rows if one.id == "fast-path-p95-latency")


async def decides(world: World, numbers: Sequence[int]) -> None:
    """Let a worker live that decides contexts, one after the other, and is killed then."""
    async with world.living() as worker:
        for number in numbers:
            await worker.desk.decide([offered(number)])
            await asyncio.sleep(1)
        await asyncio.sleep(SETTLED_S)


def test_what_a_worker_decided_is_seen_to_the_last_outcome_through_restarts() -> None:
    async def main() -> None:
        world, kept = World(), governance()
        await decides(world, range(1, 26))
        first = await latency_of(world, kept)
        await decides(world, range(26, 51))
        second = await latency_of(world, kept)

        assert (first.status, first.samples, second.samples) == ("pass", 25, 50)
        assert first.value == second.value == 5.0

    run_virtually(main())


def test_what_a_worker_decided_that_died_unread_is_missed() -> None:
    async def main() -> None:
        world, kept = World(), governance()
        await decides(world, range(1, 4))
        await decides(world, range(4, 51))
        row = await latency_of(world, kept)

        assert (row.status, row.samples) == ("missing", 50)

    run_virtually(main())


def test_page_that_is_refused_keeps_no_other_from_being_read() -> None:
    kept = governance()
    pages = [
        page_of("a", durable_within=[2, 1] * 9),
        page_of("b", durable_within=counted(0.004)),
        page_of("c"),
        WorkerSeen(worker="d", alive=True, fault="its page cannot be made out"),
    ]

    (refused,) = run(read_pages(kept, pages, 1))

    assert isinstance(refused, LatencyRefusedError)
    assert refused.worker == "a"
    known = run(kept.state(LATENCIES)).processes
    assert [one.process.worker for one in known] == ["b"]


def test_no_more_pages_are_read_than_can_be_those_of_one_loop_and_the_living_come_first() -> None:
    kept = governance()
    dead = [
        WorkerSeen(worker=f"dead-{number}", alive=False, status=status_of(f"dead-{number}"))
        for number in range(100)
    ]

    run(read_pages(kept, [*dead, page_of("living", durable_within=counted(0.004))], 1))

    known = run(kept.state(LATENCIES)).processes
    assert [one.process.worker for one in known] == ["living"]
