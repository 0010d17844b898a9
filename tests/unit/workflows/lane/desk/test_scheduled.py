"""The lane as the scheduler sees it: a candidate a cycle, and whatever a dead child left behind."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field

import pytest

from tests.support.lane.lanes import LaneWorld, evaluated, made_work
from torghut.governance.lanes.queue import STREAM, StartLaneRun
from torghut.governance.verification.verifying import read_manifest
from torghut.workflows.lane.desk.scheduled import QueuedLane, lineages
from torghut.workflows.lane.ports import Evaluating, LaneWork
from torghut.workflows.lane.running import lane_command, lane_state, run_autonomous_lane
from torghut.workflows.scheduling.ports import LaneEnded


@dataclass(slots=True)
class Cycles:
    """A scheduler's cycles over a lane whose child runs in this process, or dies."""

    world: LaneWorld = field(default_factory=LaneWorld)
    work: LaneWork | None = None
    dies: bool = False
    started: list[tuple[int, str]] = field(default_factory=list)

    async def start(self, epoch: int, holder: str) -> str:
        """Run the child."""
        self.started.append((epoch, holder))
        assert self.work is not None
        if self.dies:
            command = StartLaneRun(
                submission=self.work.submission.submission,
                run_id="lane-killed",
                attempt=1,
                candidate_id="candidate-1",
                at_ns=self.world.clock.now_ns(),
            )
            await lane_command(self.world.events, command, "test")
        else:
            await run_autonomous_lane(self.work, self.world.ports())
        return "exit status -9" if self.dies else ""

    async def cycle(self, evaluate: Evaluating | None = None) -> LaneEnded | None:
        """Submit a candidate, and return what a cycle made of it."""
        self.work = await made_work(self.world, evaluate)
        lane = self.lane
        assert not await lane.run(epoch=1, holder="h", starts=True)
        return await lane.current()

    @property
    def lane(self) -> QueuedLane:
        """Return the lane."""
        return QueuedLane(
            ports=self.world.ports(),
            start=self.start,
            turn=lambda: nullcontext(enter_result=True),
        )


def test_nothing_is_started_where_nothing_waits() -> None:
    cycles = Cycles()

    assert not asyncio.run(cycles.lane.run(epoch=1, holder="h", starts=True))
    assert asyncio.run(cycles.lane.current()) is None
    assert cycles.started == []


def test_a_run_that_got_through_has_no_failure_and_the_lineage_of_its_stages() -> None:
    cycles = Cycles()

    ended = asyncio.run(cycles.cycle())

    assert ended is not None
    assert (ended.failure, len(ended.traces)) == ("", 5)
    assert list(ended.traces) == lineages(cycles.world.files, f"runs/{ended.run_id}")
    assert asyncio.run(cycles.lane.current()) == ended
    assert cycles.started == [(1, "h")]


def test_a_run_that_broke_says_so() -> None:
    ended = asyncio.run(Cycles().cycle(evaluated(broken=True)))

    assert ended is not None
    assert (ended.failure, ended.traces) == ("failed: lane-crashed", ())


def test_a_child_that_was_killed_is_ended_in_the_same_cycle() -> None:
    cycles = Cycles(dies=True)

    ended = asyncio.run(cycles.cycle())

    assert ended is not None
    assert (ended.run_id, ended.failure) == ("lane-killed", "killed: exit status -9")
    current = asyncio.run(cycles.lane.current())
    assert current is not None
    assert (current.run_id, current.failure) == ("lane-killed", "killed: lane-killed")


def test_a_scheduler_that_comes_back_first_ends_what_was_at_work() -> None:
    cycles = Cycles(dies=True)

    async def left_behind() -> LaneEnded | None:
        cycles.work = await made_work(cycles.world)
        await cycles.start(1, "h")
        cycles.started.clear()
        assert not await cycles.lane.run(epoch=1, holder="h", starts=True)
        return await cycles.lane.current()

    ended = asyncio.run(left_behind())

    assert ended is not None
    assert ended.failure == "killed: lane-killed"
    assert cycles.started == []


def test_a_run_that_another_process_is_at_is_no_run_that_got_through() -> None:
    cycles = Cycles(dies=True)
    elsewhere = QueuedLane(
        ports=cycles.world.ports(),
        start=cycles.start,
        turn=lambda: nullcontext(enter_result=False),
    )

    async def at_work() -> tuple[bool, LaneEnded | None, LaneEnded | None]:
        cycles.work = await made_work(cycles.world)
        await cycles.start(1, "h")
        ran = await elsewhere.run(epoch=2, holder="other", starts=True)
        return ran, await elsewhere.ended_after(0), await elsewhere.current()

    assert asyncio.run(at_work()) == (True, None, None)


def test_a_child_that_takes_longer_than_a_cycle_is_not_waited_for() -> None:
    cycles = Cycles()
    lane = cycles.lane
    lane.patience_s = 0.0
    go_on = asyncio.Event()

    async def slowly(epoch: int, holder: str) -> str:
        await go_on.wait()
        return await cycles.start(epoch, holder)

    async def cycle(*, starts: bool) -> bool:
        return await lane.run(epoch=1, holder="h", starts=starts)

    async def course() -> tuple[list[bool], LaneEnded | None]:
        cycles.work = await made_work(cycles.world)
        lane.start = slowly
        ran = [await cycle(starts=True), await cycle(starts=True), await cycle(starts=False)]
        assert await lane.current() is None
        go_on.set()
        lane.patience_s = None
        return [*ran, await cycle(starts=False)], await lane.current()

    ran, ended = asyncio.run(course())

    assert ran == [True] * 3 + [False]
    assert ended is not None
    assert (ended.failure, len(cycles.started)) == ("", 1)


def test_an_end_is_told_by_its_place_in_the_log() -> None:
    cycles = Cycles()

    async def ends() -> list[LaneEnded | None]:
        await cycles.cycle(evaluated(broken=True))
        envelopes = await cycles.world.events.read_events(STREAM)
        place = envelopes[-1].position
        return [await cycles.lane.ended_after(one) for one in (0, place - 1, place)]

    before, just_before, at = asyncio.run(ends())

    assert before is not None
    assert before.failure == "failed: lane-crashed"
    assert (just_before, at) == (before, None)


@pytest.mark.parametrize("taken", [False, True])
def test_a_child_that_never_came_to_its_run_fails_the_candidate_unless_another_is_at_it(
    *, taken: bool
) -> None:
    cycles = Cycles()

    async def broken(_epoch: int, _holder: str) -> str:
        return "exit status 70: MemoryError"

    lane = QueuedLane(
        ports=cycles.world.ports(),
        start=broken,
        turn=lambda: nullcontext(enter_result=not taken),
    )

    async def cycle() -> LaneEnded | None:
        await made_work(cycles.world)
        assert not await lane.run(epoch=1, holder="h", starts=True)
        return await lane.current()

    ended = asyncio.run(cycle())
    state = asyncio.run(lane_state(cycles.world.events))

    if taken:
        assert ended is None
        assert state.next is not None
        return
    assert ended is not None
    assert ended.failure == "killed: exit status 70: MemoryError"
    assert (state.next, state.failure_streak) == (None, 1)
    assert state.last is not None
    assert state.last.manifest is not None
    manifest = read_manifest(cycles.world.files.read(state.last.manifest))
    assert (manifest.status, manifest.phases[0].status) == ("fail", "fail")
    assert not asyncio.run(lane.run(epoch=1, holder="h", starts=True))


def test_runs_since_a_place_begin_with_the_one_that_had_ended_last_by_then() -> None:
    cycles = Cycles()

    async def since() -> list[list[int]]:
        places = [0]
        for _ in range(3):
            await cycles.cycle(evaluated(broken=True))
            envelopes = await cycles.world.events.read_events(STREAM)
            places.append(envelopes[-1].position)
        found = [await cycles.lane.ended_since(place) for place in places]
        return [[one.attempt for one in ended] for ended in found]

    assert asyncio.run(since()) == [[1, 2, 3], [1, 2, 3], [2, 3], [3]]
