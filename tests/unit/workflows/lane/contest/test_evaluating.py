"""Evaluations that cannot come to anything say so; they are not broken runs."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.lane.lanes import LaneWorld, decided_log, package_trial, work_of
from tests.support.lane.planted import market, regimes
from torghut.workflows.lane.contest.cutting import Window
from torghut.workflows.lane.running import LaneResult, run_autonomous_lane

ROWS = market(600)
FIRST, LAST = int(ROWS["receive_ns"][0]), int(ROWS["receive_ns"][-1])
DAY_NS = 86_400_000_000_000


@pytest.mark.parametrize(
    "window",
    [
        Window(first_ns=FIRST, last_ns=FIRST + 1),
        Window(first_ns=FIRST, last_ns=LAST + 100 * DAY_NS),
        Window(first_ns=FIRST, last_ns=LAST),
    ],
    ids=["too-short-to-split", "nothing-in-the-test", "too-little"],
)
def test_too_little_to_judge_is_insufficient_and_no_crash(window: Window) -> None:
    world = LaneWorld()

    async def run() -> LaneResult:
        log = await decided_log(ROWS, regimes())
        work = await work_of(world, log, window, package_trial(regimes(1.0)))
        return await run_autonomous_lane(work, world.ports())

    result = asyncio.run(run())

    assert (result.ended.outcome, result.verdict) == ("completed", "insufficient")
    rows = {row.id: row for row in result.manifest.phases[0].slo_gates}
    assert rows["slo_signal_count_minimum"].status == "fail"
    assert result.manifest.phases[0].status == "fail"
