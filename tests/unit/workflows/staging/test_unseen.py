"""What came and went between two looks at the ladder leads down all the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.climbing import FRESH_MS, exposure_policy, hours, slo_policy, windows
from tests.support.governance.governing import SECOND_NS, START_NS, readings
from tests.support.governance.releasing import LatchLog
from tests.support.governance.staging import (
    Stages,
    advance,
    all_shown,
    arrived,
    back,
    built_roadmap,
    review,
)
from tests.support.lane.queueing import ended, start, submit
from tests.unit.governance.safety.test_rollback import trigger
from torghut.governance.safety.rollback import SupersedeRollback
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.staging.exposure import EXPOSURE_EVENT, ExposureReviewed, ExposureStepped
from torghut.workflows.aggregates import Governance, rollback_of
from torghut.workflows.lane.running import lane_command
from torghut.workflows.staging.climbing import LADDER_STREAM, Look, Standing, look
from torghut.workflows.staging.moving import STAGE_STREAM
from torghut.workflows.staging.unseen import place_of, unseen
from torghut.workflows.streams import Streams

RUN: Final = "run-1"
STAGE: Final = 4
STEPS: Final = exposure_policy().steps


@dataclass(slots=True)
class World:
    """Governance's log with a stop latch, stages and a ladder in it, which has climbed.

    Attributes:
        hour: Of the last look.
    """

    latch: LatchLog = field(default_factory=LatchLog)
    stages: Stages = field(default_factory=lambda: arrived(STAGE, at_ns=START_NS - 10**12))
    hour: int = 0
    _entries: int = 0

    def __post_init__(self) -> None:
        self.moved()
        while self.looks().state.steps < 3:
            pass

    @property
    def governance(self) -> Governance:
        """The streams, as a process that has just begun reads them."""
        return Governance(streams=Streams(self.latch.events), causes=CAUSES)

    def looks(self, run_id: str = RUN) -> Standing:
        """Look at the ladder an hour after the last look, all being well by then."""
        self.hour += 1
        at_ns = hours(self.hour)
        told = Look(
            at_ns=at_ns,
            windows=windows(at_ns),
            run=(run_id, 1),
            drill_age_ms=FRESH_MS,
            causes=CAUSES,
        )
        streams = self.governance.streams
        return run(
            look(streams, told, roadmap=built_roadmap(), policy=exposure_policy(), slo=slo_policy())
        )

    def moved(self) -> None:
        """Put on record where people led the rollout."""
        new = self.stages.events()[self._entries :]
        version = self._entries
        run(
            self.latch.events.append_events(
                STAGE_STREAM, new, expected_version=version, causes=CAUSES
            )
        )
        self._entries += len(new)

    def stopped_and_released(self) -> None:
        """Let a live loop be stopped, and let go on by two people."""
        self.latch.now_ns = max(self.latch.now_ns, hours(self.hour)) + SECOND_NS
        self.latch.evaluate(readings(mode="live", drawdown_ratio=reading_of(0.5)))
        self.latch.release("ben")
        self.latch.release("eve")
        assert self.latch.latch.incident is None

    def taken_back(self, run_id: str = RUN) -> None:
        """Let a rollback be triggered, and be over."""
        stream = rollback_of(run_id)
        run(self.governance.run(stream, trigger()))
        over = SupersedeRollback(reason="not-serving", at_ns=START_NS)
        run(self.governance.run(stream, over))

    def lane_ran(self, submission: int, run_id: str) -> None:
        """Let the lane run a candidate."""
        events = self.latch.events
        run(lane_command(events, submit(), "test"))
        run(lane_command(events, start(submission, run_id=run_id), "test"))
        run(lane_command(events, ended(run_id=run_id), "test"))

    def last(self) -> tuple[ExposureReviewed, ExposureStepped]:
        """Return the last look and the last step of the ladder."""
        bodies = [one.body for one in run(self.latch.events.read_events(LADDER_STREAM))]
        events = [EXPOSURE_EVENT.validate_json(body) for body in bodies]
        return (
            [one for one in events if isinstance(one, ExposureReviewed)][-1],
            [one for one in events if isinstance(one, ExposureStepped)][-1],
        )


def test_stop_that_was_released_before_anybody_looked_takes_everything_and_is_on_record() -> None:
    world = World()
    world.stopped_and_released()

    assert world.looks().cap == 0
    reviewed, stepped = world.last()
    assert reviewed.stopped
    assert "stopped" in reviewed.holding
    assert (stepped.reason, stepped.fraction) == ("stopped", STEPS[0])


def test_stop_between_two_looks_is_counted_once() -> None:
    world = World()
    world.stopped_and_released()
    world.looks()
    world.looks()

    reviewed, _ = world.last()
    assert not reviewed.stopped
    assert reviewed.streak == 1


def test_streak_begins_anew_after_a_stop_that_nobody_looked_at() -> None:
    world = World()
    world.stopped_and_released()
    fractions = [world.looks().state.fraction for _ in range(5)]

    assert fractions == [0, 0, 0, 0, STEPS[1]]


def test_rollback_that_was_over_before_anybody_looked_takes_everything() -> None:
    world = World()
    world.taken_back()

    assert world.looks().cap == 0
    reviewed, stepped = world.last()
    assert reviewed.rollback
    assert stepped.reason == "rollback"
    world.looks()
    assert not world.last()[0].rollback


def test_rollback_of_the_run_before_counts_where_another_one_ended_meanwhile() -> None:
    world = World()
    world.lane_ran(1, "lane-1")
    world.looks("lane-1")
    world.taken_back("lane-1")
    world.lane_ran(2, "lane-2")

    assert world.looks("lane-2").cap == 0
    assert world.last()[0].rollback


def test_stage_on_paper_that_was_left_again_before_anybody_looked_takes_everything() -> None:
    world = World()
    world.stages.send(back(world.stages, STAGE - 1))
    world.stages.send(review(world.stages, all_shown(STAGE - 1)))
    world.stages.send(advance(world.stages, STAGE))
    world.moved()

    assert world.looks().cap == 0
    reviewed, stepped = world.last()
    assert "stage-on-paper" in reviewed.holding
    assert stepped.reason == "stage-on-paper"


def test_next_stage_that_allows_live_is_no_stage_on_paper() -> None:
    world = World()
    world.stages.send(review(world.stages, all_shown(STAGE)))
    world.stages.send(advance(world.stages, STAGE + 1))
    world.moved()

    world.looks()
    reviewed, stepped = world.last()
    assert "stage-on-paper" not in reviewed.holding
    assert stepped.reason == "stage-changed"


@pytest.mark.parametrize("evaluations", [0, 1, 30])
def test_look_that_did_not_say_how_far_it_saw_saw_no_further_than_its_own_place(
    evaluations: int,
) -> None:
    world = World()
    place = run(place_of(world.governance, None))
    world.latch.now_ns = hours(world.hour)
    world.latch.evaluate(*[readings(lag_ms=reading_of(float(one))) for one in range(evaluations)])
    world.stopped_and_released()

    assert run(unseen(world.governance, None, after=place)).stopped
    now = run(place_of(world.governance, None))
    assert not run(unseen(world.governance, None, after=now)).stopped
