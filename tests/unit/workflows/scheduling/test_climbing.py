"""The ladder climbs and falls by itself: cycles read workers' pages, and events say what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.climbing import exposure_policy, slo_policy
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.fakes.governance import GOOD, FakeLoop
from tests.fakes.workers import status_of
from tests.governed import Desk
from tests.logs import contexts, in_memory
from tests.rows import SECOND_NS
from tests.rows import START_NS as LOG_NS
from tests.staging import arrived, built_roadmap
from torghut.adapters.filesystem.worker_pages import HeldPage, read_pages
from torghut.eventlog.memory import InMemoryLog
from torghut.schemas.control import ModeChanged
from torghut.schemas.staging.exposure import ExposureReviewed
from torghut.workflows.aggregates import LATENCIES
from torghut.workflows.live.observing.latency import LatencyTally
from torghut.workflows.live.switch_ports import WorkerSeen
from torghut.workflows.scheduling.laddering import LogLadder
from torghut.workflows.staging.climbing import ladder_standing
from torghut.workflows.staging.moving import STAGE_STREAM

EVERY_S: Final = 1200
HOUR_S: Final = 3600
QUICK_S: Final = 0.004
SLOW_S: Final = 9.0
LIVE_STAGE: Final = 4
SYMBOL: Final = "fxcm:EURUSD"


@cache
def decided() -> InMemoryLog:
    """Return a log of thirteen hours, of which a cycle sees what came before it."""
    return run(in_memory(contexts(2400)))


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
            events = arrived(stage).events()
            run(
                self.desk.log.append_events(STAGE_STREAM, events, expected_version=0, causes=CAUSES)
            )
        self.pages: Callable[[], list[WorkerSeen]] = lambda: list(read_pages(folder))
        self.page = HeldPage(folder, "worker-0")
        self.born()
        self.started()

    def born(self) -> None:
        """Let the worker start anew: what it counted is gone."""
        self.tally, self.born_ns, self.counted_ns = LatencyTally(), int(self.wall.now_ns()), 0
        self.counted_ns = self.born_ns

    def started(self) -> None:
        """Let the scheduler start: it knows what the events say, and nothing else."""
        self.desk.restart()
        self.desk.governor.ladder = LogLadder(
            governance=self.desk.governor.governance,
            opening=decided,
            pages=lambda: self.pages(),
            wall=self.wall,
            roadmap=built_roadmap(),
            policy=exposure_policy(),
            slo=slo_policy(),
            budget_ms=60_000,
        )

    def passes(self, seconds: float, *, took_s: float = QUICK_S, writes: bool = True) -> None:
        """Let time pass, in which every outcome took so long; a page may stay unwritten."""
        self.wall.time_ns += round(seconds * SECOND_NS)
        times = contexts(2400)["receive_ns"]
        came = int(np.count_nonzero((times > self.counted_ns) & (times <= self.wall.time_ns)))
        self.tally.observe([took_s] * came)
        self.counted_ns = self.wall.time_ns
        if writes:
            self.writes()

    def writes(self, **changes: object) -> None:
        """Let the worker write its page."""
        told: dict[str, object] = {
            "started_wall_ns": self.born_ns,
            "durable_within": self.tally.within(),
            "acknowledged": [{"throw_id": "drill-1", "wall_ns": self.wall.time_ns}],
        }
        self.page.write(status_of(**(told | changes)))

    def cycle(self) -> Decimal:
        """Let the scheduler look, and return the cap that it tells the loop."""
        self.desk.now_ns = self.wall.time_ns - 60 * SECOND_NS
        self.desk.cycle()
        return run(ladder_standing(self.desk.governor.governance.streams, built_roadmap())).cap

    def hours(self, count: float, *, took_s: float = QUICK_S) -> list[Decimal]:
        """Let hours pass with a cycle every so often, and return what each one came to."""
        caps = []
        for _ in range(round(count * HOUR_S / EVERY_S)):
            self.passes(EVERY_S, took_s=took_s)
            caps.append(self.cycle())
        return caps

    def reviewed(self) -> ExposureReviewed:
        """Return the last look at the ladder."""
        streams = self.desk.governor.governance.streams
        found = run(ladder_standing(streams, built_roadmap())).state.reviewed
        assert found is not None
        return found

    def missing(self) -> bool:
        """Say whether the last hour's latency does not keep its level."""
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
    assert world.hours(5)[-1] == Decimal(500)
    return world


def test_ladder_climbs_by_itself_while_everything_passes_and_the_loop_is_told(
    world: World,
) -> None:
    caps = world.hours(5)

    assert caps[:12] == [0] * 12
    assert caps[-1] == Decimal(500)
    told = [one for one in world.desk.loop.recorded.values() if isinstance(one, ModeChanged)]
    assert [(one.symbol, one.notional_cap) for one in told] == [(SYMBOL, 500.0)]


def test_ladder_steps_down_at_once_when_an_hour_was_slow(world: World) -> None:
    risen(world)

    assert world.hours(1 / 3, took_s=SLOW_S) == [0]
    assert world.missing()
