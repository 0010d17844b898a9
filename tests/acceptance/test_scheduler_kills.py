"""A scheduler killed at random instants of its cycles, over a running loop and over recorded data.

What it left must be whole at every instant, and go on from where the events say it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.aftermath import Watch, check_aftermath, check_continued, events_of
from tests.governed_processes import MINUTE_NS, Source, Trial, governed, recorded
from tests.planted import market

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]


_QUIET_EVERY: Final = 5


def kill_beside_a_service(folder: Path, *, kills: int, seed: int) -> None:
    """Kill the scheduler of a running loop so often, and judge what it left.

    Before each fifth time, the loop's source is quiet until the latch stops the loop.
    """
    with governed(folder, seed=seed) as (trial, service):
        watch, source = Watch(root=trial.root, trusted=trial.trusted), Source(service)
        with source.talking(), watch:
            for number in range(1, kills + 1):
                if number % _QUIET_EVERY == 0:
                    source.quiet.set()
                    trial.wait_for_a_stop()
                before = events_of(trial.root)
                trial.kill_once()
                check_continued(before, trial.root)
                source.quiet.clear()
            trial.settle()
            found = check_aftermath(trial.root, trial.trusted)
        recorded = Counter(service.recorded())
        assert service.end() == 0, service.said()
    _judge(trial, watch, found, kills=kills)
    assert {name: times for name, times in recorded.items() if times > 1} == {}
    latched = [name for name in recorded if name.startswith("latch:")]
    assert len(latched) == found["stops"] + found["recoveries"], latched
    assert found["stops"] > 0


def kill_over_recorded_data(folder: Path, *, kills: int, seed: int) -> None:
    """Kill schedulers over a log so often, each in a cycle of its own, and judge what they left.

    Half-way the log is silent for longer than a loop may be.
    """
    rows = market(3000, step_s=30)
    rows["receive_ns"][1100:] += 20 * MINUTE_NS
    rows["event_ns"][1100:] += 20 * MINUTE_NS
    with recorded(folder, rows, seed=seed) as trial:
        watch = Watch(root=trial.root, trusted=trial.trusted)
        with watch:
            for _ in range(kills):
                before = events_of(trial.root)
                trial.kill_once()
                check_continued(before, trial.root)
            trial.finish()
            found = check_aftermath(trial.root, trial.trusted)
    _judge(trial, watch, found, kills=kills)


def _judge(trial: Trial, watch: Watch, found: Mapping[str, int], *, kills: int) -> None:
    """Check that the trial was one."""
    trial.keep(killed=dict(trial.killed), left=dict(found), read=watch.seen)
    assert watch.faults == []
    assert watch.seen > kills // 2
    assert sum(trial.killed.values()) == kills
    assert found["epochs"] > kills // 2
    assert found["runs"] > kills // 10
    assert found["notes"] > kills // 2


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
