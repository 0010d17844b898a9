"""Schedulers started at once, halted and orphaned: two never govern at the same time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.support.governance.governance_events import events_of
from tests.support.live.live_services import SYMBOL, LiveService
from tests.support.scheduling.aftermath import Watch, check_aftermath
from tests.support.scheduling.governed_processes import governed
from tests.support.scheduling.killing import Trial
from tests.support.scheduling.schedulers import (
    LEASE_MS,
    Scheduler,
    is_held,
    lives,
    wait_until,
)
from torghut.governance.leasing.errors import LeaseLostError, LeaseTakenError
from torghut.workflows.aggregates import CYCLE_RECORD, LEASE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(0)]

World = tuple[Trial, LiveService]

_TAKEN_STATUS: Final = int(LeaseTakenError.exit_code)
_LOST_STATUS: Final = int(LeaseLostError.exit_code)
_PAST_LEASE_S: Final = LEASE_MS / 1000 + 0.3
_LOG_FILES: Final = ("governance.log", "governance.lock", "lane.lock", "api-tokens", "workers")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with governed(tmp_path, seed=3) as found:
        yield found


def another(trial: Trial, name: str) -> Scheduler:
    """Return another scheduler of the same loop."""
    first = trial.scheduler
    return Scheduler(
        folder=first.folder, words=first.words, declared=first.declared, name=f"scheduler-{name}"
    )


def files_of(root: Path) -> Mapping[str, str]:
    """Return the digest of every file that governance leaves, but for logs and locks."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not str(path.relative_to(root)).startswith(_LOG_FILES)
    }


def is_writing(folder: Path) -> bool:
    """Return whether somebody is in the middle of a write under the lease, or has the log's turn.

    The turn is taken before the lease is held and given back after it: who is halted with either
    keeps everybody else from writing.
    """
    return _is_locked(folder / "var" / "governance.lock", fcntl.flock) or _is_locked(
        folder / "var" / "governance.log.lock", fcntl.lockf
    )


def _is_locked(path: Path, lock: Callable[[int, int], None]) -> bool:
    """Return whether somebody else holds the lock of a file."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_of_several_schedulers_started_at_once_one_governs_and_the_others_say_who(
    world: World,
) -> None:
    trial, _ = world
    racing = [another(trial, str(number)) for number in range(3)]
    try:
        for one in racing:
            one.start()
        wait_until(lambda: sum(not one.running() for one in racing) == len(racing) - 1)
        (winner,) = [one for one in racing if one.running()]
        for one in racing:
            if one is not winner:
                assert one.process is not None
                assert one.process.returncode == _TAKEN_STATUS
                assert "governance.lease-taken" in one.said()
        wait_until(lambda: len(list((trial.root / "notes").glob("*.md"))) >= 2)
        assert winner.end() == 0
    finally:
        for one in racing:
            one.close()
    assert [one.type for one in events_of(trial.root)[LEASE.stream]] == [
        "lease.taken.v1",
        "lease.ended.v1",
    ]


def halt_past_the_lease(trial: Trial, draw: random.Random) -> str:
    """Halt the scheduler at an instant that is drawn, let go on past its lease, return what came.

    Halted in the middle of a write, it keeps everybody out until it is ended or goes on; then it
    finds that its lease has expired.
    """
    trial.let_a_candidate_wait()
    first, second = another(trial, "halted"), another(trial, "second")
    try:
        _halt(first, draw)
        if is_writing(trial.folder):
            assert second.start().wait(90) == _TAKEN_STATUS, second.said()
            _go_on(first)
            return "halted in a write"
        second.begin()
        wait_until(lambda: _cycles(trial) >= 1, look_s=0.2)
        assert second.end() == 0, second.said()
        before = files_of(trial.root), counts_of(trial.root)
        _go_on(first)
        wait_until(lambda: not any(map(lives, first.children)))
        assert (files_of(trial.root), counts_of(trial.root)) == before
        return "taken over"
    finally:
        first.close()
        second.close()


def _halt(first: Scheduler, draw: random.Random) -> None:
    """Start a scheduler, halt it at an instant that is drawn, and wait until its lease is over."""
    first.begin()
    time.sleep(draw.choice((draw.uniform(0.0, 1.5), draw.uniform(0.0, 5.0))))
    first.send(signal.SIGSTOP)
    first.children = first.offspring()
    for pid in first.children:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(_PAST_LEASE_S)


def _go_on(first: Scheduler) -> None:
    """Let a halted scheduler go on, and check that it ends, and says why."""
    for pid in first.children:
        os.kill(pid, signal.SIGCONT)
    first.send(signal.SIGCONT)
    assert first.process is not None
    assert first.process.wait(60) == _LOST_STATUS, first.said()
    assert "governance.lease-lost" in first.said()


def counts_of(root: Path) -> Mapping[str, int]:
    """Return how many events each stream of governance has."""
    return {name: len(envelopes) for name, envelopes in events_of(root).items()}


def _cycles(trial: Trial) -> int:
    """Return how many cycles ended under the epoch that stands."""
    events = events_of(trial.root)
    taken = [one.position for one in events[LEASE.stream] if one.type == "lease.taken.v1"]
    cycles = events.get(CYCLE_RECORD.stream, [])
    return sum(one.type == "cycles.ended.v1" and one.position > taken[-1] for one in cycles)


def judge_halts(world: World, *, halts: int, seed: int) -> None:
    """Halt so often, then let a scheduler make up for it, and judge what is left."""
    trial, service = world
    draw = random.Random(seed)  # noqa: S311 - a test's own course
    with service.deciding(SYMBOL), Watch(root=trial.root, trusted=trial.trusted) as watch:
        became = [halt_past_the_lease(trial, draw) for _ in range(halts)]
        trial.settle()
        found = check_aftermath(trial.root, trial.trusted)
    trial.keep(became=became, left=dict(found), read=watch.seen)
    assert watch.faults == []
    assert became.count("taken over") > halts // 3


def test_scheduler_that_is_halted_past_its_lease_writes_nothing_more_and_says_why(
    world: World,
) -> None:
    judge_halts(world, halts=5, seed=21)


@pytest.mark.soak
def test_fifty_halts_past_the_lease_leave_everything_whole(
    world: World,
) -> None:
    judge_halts(world, halts=50, seed=22)


def test_lane_of_a_killed_scheduler_is_refused_once_its_lease_is_over(
    world: World,
) -> None:
    trial, service = world
    with service.deciding(SYMBOL):
        trial.scheduler.begin()
        trial.let_a_candidate_wait()
        wait_until(lambda: bool(trial.scheduler.offspring()))
        trial.scheduler.end(signal.SIGKILL)
        (orphan,) = trial.scheduler.children
        os.kill(orphan, signal.SIGSTOP)
        wait_until(lambda: not is_held(trial.folder))
        before = files_of(trial.root), counts_of(trial.root)
        os.kill(orphan, signal.SIGCONT)
        wait_until(lambda: not lives(orphan))

        assert (files_of(trial.root), counts_of(trial.root)) == before
        trial.settle()
        assert check_aftermath(trial.root, trial.trusted)["runs"] == 1
