"""A scheduler killed at random instants of its cycles, over a running loop and over recorded data.

What it left must be whole at every instant, and go on from where the events say it was. All the
while people ask for approvals, answer them, and let a loop go on that they find stopped.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.support.governance.governance_events import Events, check_continued, events_of, said
from tests.support.lane.made_worlds import recorded
from tests.support.scheduling.aftermath import Watch, check_aftermath
from tests.support.scheduling.governed_processes import Source, governed
from tests.support.scheduling.killing import Trial
from tests.support.scheduling.people import People, people_of
from torghut.workflows.aggregates import STOP_LATCH
from torghut.workflows.scheduling.running import CAUSE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]

_QUIET_EVERY: Final = 5


@dataclass(slots=True, kw_only=True)
class Killing:
    """A trial under way, with people who act and somebody who reads all the while.

    Attributes:
        cut: What the scheduler had put on record last, at each kill.
        events: Of governance, as of the last kill.
    """

    trial: Trial
    people: People
    watch: Watch
    cut: Counter[str] = field(default_factory=Counter)
    events: Events = field(default_factory=dict)

    def kill_once(self) -> None:
        """Kill once, and check that nothing that was on record before has changed."""
        self.trial.kill_once()
        self.events = check_continued(self.events, self.trial.root)
        self.cut[_last_of(self.events)] += 1

    def judge(self, *, kills: int) -> Mapping[str, int]:
        """Check that so many kills were of somebody who was there, and what they left behind."""
        trial, people, read = self.trial, self.people, self.watch.seen
        found = check_aftermath(trial.root, trial.trusted, signed=people.signed)
        trial.keep(
            killed=trial.killed,
            missed=trial.missed,
            cut=self.cut,
            left=found,
            read=read,
            acknowledged=people.acknowledged,
            refused=people.refused,
        )
        assert self.watch.faults == []
        assert people.faults == []
        assert read > kills // 2
        assert sum(trial.killed.values()) == kills
        assert set(trial.killed) <= {"scheduler", "scheduler of a lane", "lane", "both"}
        assert found["epochs"] > kills // 2
        assert found["runs"] > kills // 10
        assert found["notes"] > kills // 2
        assert found["stops"] > 0
        assert found["canaries"] > 0
        return found


def kill_beside_a_service(folder: Path, *, kills: int, seed: int) -> None:
    """Kill the scheduler of a running loop so often, and judge what it left.

    Before each fifth time, the loop's source is quiet until the latch stops the loop.
    """
    with governed(folder, seed=seed) as (trial, service):
        killing, source = _begun(trial, seed=seed), Source(service)
        with source.talking(), killing.watch:
            with killing.people.acting():
                for number in range(1, kills + 1):
                    if number % _QUIET_EVERY == 0:
                        source.quiet.set()
                        trial.wait_for_a_stop()
                    killing.kill_once()
                    source.quiet.clear()
            trial.settle()
        killing.judge(kills=kills)
        told = Counter(service.recorded())
        assert service.end() == 0, service.said()
    assert {name: times for name, times in told.items() if times > 1} == {}
    _check_told(told, events_of(trial.root))


def kill_over_recorded_data(folder: Path, *, kills: int, seed: int) -> None:
    """Kill schedulers over a log so often, each in a cycle of its own, and judge what they left.

    Half-way the log is silent for longer than a loop may be.
    """
    with recorded(folder, seed=seed) as (trial, silent_from_ns):
        killing = _begun(trial, seed=seed)
        people = killing.people
        trial.finish()  # a first look at drift, without which nothing passes
        trial.let_a_candidate_wait()
        trial.finish()
        with killing.watch, people.acting():
            for number in range(kills):
                if number == kills // 2:
                    trial.at_ns = silent_from_ns
                    trial.wait_for_a_stop()
                killing.kill_once()
            trial.finish()
        found = killing.judge(kills=kills)
        held = asyncio.run(people.office.approvals()).values()
    assert found["canaries that pass"] > 0
    assert found["approvals"] == sum(one.requested is not None for one in held) > 0
    assert found["grants"] == sum(len(one.grants) for one in held) > 0, "all signatures hold"


def _begun(trial: Trial, *, seed: int) -> Killing:
    """Return a trial with those who act and read beside it."""
    watch = Watch(root=trial.root, trusted=trial.trusted)
    return Killing(trial=trial, people=people_of(trial, seed=seed), watch=watch)


def _check_told(control_ids: Collection[str], events: Events) -> None:
    """Check that the loop was told of each stop and its end, and of none that there was not.

    What people let go on may have stopped and gone on before the loop was told of either.
    """
    latched = [one.split(":") for one in control_ids if one.startswith("latch:")]
    told = {(incident, state) for _, incident, state, *_again in latched}
    due, people = set[tuple[str, str]](), set[str]()
    for event in said(events[STOP_LATCH.stream]):
        match event["type"].split(".")[1]:
            case "loop-stopped":
                due.add((event["incident_id"], "stopped"))
            case "loop-recovered":
                due.add((event["incident_id"], "released"))
            case "loop-released":
                due.add((event["incident_id"], "released"))
                people.add(event["incident_id"])
            case _:
                pass
    assert told <= due
    assert {incident for incident, _ in due - told} <= people


def _last_of(events: Events) -> str:
    """Return what the scheduler put on record last."""
    own = [one for many in events.values() for one in many if one.causes.causation_id == CAUSE]
    return max(own, key=lambda one: one.position).type


def test_fifteen_kills_beside_a_running_loop_leave_everything_whole(tmp_path: Path) -> None:
    kill_beside_a_service(tmp_path, kills=15, seed=11)


def test_fifteen_kills_over_recorded_data_leave_everything_whole(tmp_path: Path) -> None:
    kill_over_recorded_data(tmp_path, kills=15, seed=13)


@pytest.mark.soak
def test_150_kills_over_recorded_data_leave_everything_whole(tmp_path: Path) -> None:
    kill_over_recorded_data(tmp_path, kills=150, seed=14)


@pytest.mark.soak
def test_150_kills_beside_a_running_loop_leave_everything_whole(tmp_path: Path) -> None:
    kill_beside_a_service(tmp_path, kills=150, seed=12)
