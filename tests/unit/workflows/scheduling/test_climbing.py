"""The ladder climbs and falls by itself: cycles read workers' pages, and events keep it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.governance import GOOD, FakeLoop
from tests.fakes.workers import status_of
from tests.support.decisions.logs import contexts, in_memory
from tests.support.decisions.rows import SECOND_NS
from tests.support.decisions.rows import START_NS as LOG_NS
from tests.support.governance.climbing import exposure_policy, slo_policy
from tests.support.governance.staging import arrived, built_roadmap
from tests.support.scheduling.governed import Desk
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.control import ModeChanged
from torghut.schemas.staging.exposure import ExposureReviewed
from torghut.workflows.aggregates import LATENCIES
from torghut.workflows.live.observing.latency import LatencyTally
from torghut.workflows.scheduling.laddering import LogLadder
from torghut.workflows.staging.climbing import ladder_standing
from torghut.workflows.staging.moving import STAGE_STREAM

EVERY_S: Final = 1200
HOUR_S: Final = 3600
QUICK_S: Final = 0.004
SLOW_S: Final = 9.0
COUNT: Final = 1200
PAGE_TEXT: Final = "torghut.adapters.filesystem.worker_pages.page_text"
LIVE_STAGE: Final = 4
SYMBOL: Final = "fxcm:EURUSD"


@cache
def decided() -> InMemoryLog:
    """Return a log of more than six hours, of which a cycle sees what came before it."""
    return run(in_memory(contexts(COUNT), batch=300))


class World:
    """A scheduler, and a worker that says on a page of its own what it counts.

    Args:
        folder: Of worker pages.
        stage: That the rollout has come to; None: nobody leads one.
    """

    def __init__(self, folder: Path, stage: int | None = LIVE_STAGE) -> None:
        live = replace(GOOD.symbols[SYMBOL], mode="live", notional_cap=Decimal(0))
        self.folder = folder
        self.desk = Desk(FakeLoop(shown=replace(GOOD, mode="live", symbols={SYMBOL: live})))
        self.wall = HandClock(LOG_NS)
        self.desk.now_ns = LOG_NS
        if stage is not None:
            events = arrived(stage, at_ns=LOG_NS - 60 * SECOND_NS).events()
            run(
                self.desk.log.append_events(STAGE_STREAM, events, expected_version=0, causes=CAUSES)
            )
        self.page = HeldPage(folder, "worker-0")
        self.born()
        self.started()

    def born(self) -> None:
        """Let the worker start anew: what it counted is gone."""
        self.tally = LatencyTally()
        self.born_ns = self.counted_ns = self.wall.time_ns

    def started(self) -> None:
        """Let the scheduler start: it knows what the events say, and nothing else."""
        self.desk.restart()
        self.desk.governor.ladder = LogLadder(
            governance=self.desk.governor.governance,
            opening=decided,
            log="live.log",
            pages=lambda: read_pages(self.folder),
            wall=self.wall,
            roadmap=built_roadmap(),
            policy=exposure_policy(),
            slo=slo_policy(),
            budget_ms=60_000,
        )

    def passes(self, seconds: float, *, took_s: float = QUICK_S, writes: bool = True) -> None:
        """Let time pass, in which every outcome took so long; a page may stay unwritten."""
        self.wall.time_ns += round(seconds * SECOND_NS)
        times = contexts(COUNT)["receive_ns"]
        came = int(np.count_nonzero((times > self.counted_ns) & (times <= self.wall.time_ns)))
        self.tally.observe([took_s] * came)
        self.counted_ns = self.wall.time_ns
        if writes:
            self.writes()

    def writes(self) -> None:
        """Let the worker write its page."""
        drill = {"throw_id": "drill-1", "wall_ns": self.wall.time_ns}
        self.page.write(
            status_of(
                started_wall_ns=self.born_ns,
                durable_within=self.tally.within(),
                acknowledged=[drill],
            )
        )

    def cycle(self) -> Decimal:
        """Let the scheduler look, and return the cap that it tells the loop."""
        self.desk.now_ns = self.wall.time_ns - 60 * SECOND_NS
        self.note = self.desk.cycle()
        return run(ladder_standing(self.desk.governor.governance.streams, built_roadmap())).cap

    def cycles(
        self, count: int, *, took_s: float = QUICK_S, every_s: int = EVERY_S
    ) -> list[Decimal]:
        """Let cycles pass, and return what each one came to."""
        caps = []
        for _ in range(count):
            self.passes(every_s, took_s=took_s)
            caps.append(self.cycle())
        return caps

    def reviewed(self) -> ExposureReviewed:
        """Return the last look at the ladder."""
        streams = self.desk.governor.governance.streams
        found = run(ladder_standing(streams, built_roadmap())).state.reviewed
        assert found is not None
        return found

    def too_slow(self) -> bool:
        """Say whether the last hour's latency does not keep its level, or is not known."""
        return "fast-path-p95-latency" in self.reviewed().windows[0].failing

    def readings(self) -> int:
        """Return how many readings are on record."""
        return len(run(self.desk.log.read_events(LATENCIES.stream)))


@contextmanager
def living(folder: Path, stage: int | None = LIVE_STAGE) -> Iterator[World]:
    """Let a worker and a scheduler live."""
    world = World(folder, stage)
    try:
        yield world
    finally:
        world.page.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a scheduler under a stage that allows live, and its worker."""
    with living(tmp_path) as one:
        yield one


def risen(world: World) -> World:
    """Let the ladder rise by one step."""
    assert world.cycles(5, every_s=HOUR_S)[-1] == Decimal(500)
    return world


def test_ladder_climbs_by_itself_while_everything_passes_and_the_loop_is_told(
    world: World,
) -> None:
    caps = world.cycles(15)

    assert caps[:12] == [0] * 12
    assert caps[-1] == Decimal(500)
    told = [one for one in world.desk.loop.recorded.values() if isinstance(one, ModeChanged)]
    assert [(one.symbol, one.notional_cap) for one in told] == [(SYMBOL, 500.0)]


def test_ladder_steps_down_at_once_when_an_hour_was_slow(world: World) -> None:
    risen(world)

    assert world.cycles(1, took_s=SLOW_S) == [0]
    assert world.too_slow()


def test_scheduler_that_died_goes_on_from_what_the_events_say(world: World) -> None:
    caps = []
    for _ in range(5):
        caps += world.cycles(1, every_s=HOUR_S)
        world.started()

    assert caps[-1] == Decimal(500)
    assert not world.too_slow()


def test_cycles_that_were_missed_hide_nothing_and_cost_nothing_while_all_was_quick(
    world: World,
) -> None:
    risen(world)
    world.passes(5 * EVERY_S)
    assert world.cycle() == Decimal(500)
    world.passes(6 * EVERY_S, took_s=SLOW_S)

    assert world.cycle() == 0
    assert world.too_slow()


def test_cycle_that_reads_nothing_new_puts_nothing_on_record(world: World) -> None:
    world.cycles(3)
    before = world.readings()
    world.cycle()
    world.cycle()

    assert before == 3
    assert world.readings() == before


def test_worker_that_restarts_costs_no_step_as_long_as_little_stays_unseen(world: World) -> None:
    risen(world)
    world.born()

    assert world.cycles(3) == [Decimal(500)] * 3


def test_outcomes_of_a_worker_that_came_and_went_unseen_are_missing(world: World) -> None:
    risen(world)
    world.passes(EVERY_S, writes=False)
    world.born()
    world.passes(60)

    assert world.cycle() == 0
    assert world.too_slow()


def test_scheduler_that_comes_to_a_loop_long_at_work_waits_until_an_hour_was_seen(
    tmp_path: Path,
) -> None:
    with living(tmp_path) as world:
        world.passes(2 * HOUR_S)
        seen = []
        for _ in range(5):
            world.cycle()
            seen.append(world.too_slow())
            world.passes(EVERY_S)

    assert seen == [True, True, True, False, False]


@pytest.mark.parametrize(
    "counts",
    [[], [1], [9] * 17 + [1], [0] * 17 + [2**53 - 1], [2**53] * 18, [-1] * 18, [1.5] * 18, "NaN"],
    ids=["none", "few", "falling", "most", "huge", "negative", "broken", "text"],
)
def test_page_that_lies_ends_no_cycle_and_shows_nothing(
    world: World, counts: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cycles(1)
    assert not world.too_slow()
    assert not any("latency" in one for one in world.note.remarks)

    told = status_of(started_wall_ns=world.born_ns).model_dump(mode="json")
    text = json.dumps(told | {"durable_within": counts}).encode()
    monkeypatch.setattr(PAGE_TEXT, lambda *_: text)
    world.cycles(1)

    assert world.too_slow()


def test_page_that_counts_less_than_it_did_is_told_in_the_note(world: World) -> None:
    world.cycles(2)
    world.tally = LatencyTally()
    world.cycles(1)

    assert any(
        "slo.latency-refused" in one and "worker worker-0" in one for one in world.note.remarks
    )


def test_stage_before_live_reads_too_so_that_its_successor_begins_with_whole_windows(
    tmp_path: Path,
) -> None:
    with living(tmp_path, LIVE_STAGE - 1) as world:
        world.cycles(3)
        assert world.readings() == 3
    with living(tmp_path, None) as world:
        world.cycles(3)
        assert world.readings() == 0
