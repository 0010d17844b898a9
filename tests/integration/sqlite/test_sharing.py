"""Processes that append to one log at once, and are killed at it: one wins, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.eventlog import CAUSES, Happened, run
from torghut.adapters.sqlite.sharing.events import SharedEvents
from torghut.adapters.sqlite.store import read_log
from torghut.eventlog.errors import ConcurrencyConflictError, LogReadError, Obstacle

PROCESSES = 3
APPENDS = 8
WON = b"w"
"""What a process writes for each append that was acknowledged."""


def shared(path: Path) -> SharedEvents:
    return SharedEvents(path, clock=HandClock(), ids=CountingIds())


@contextmanager
def children(work: Callable[[int, int], None], count: int) -> Iterator[list[tuple[int, int]]]:
    """Run ``work`` in processes of their own, each told its number and what it writes to."""
    made: list[tuple[int, int]] = []
    for number in range(count):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(read)
                work(number, write)
                status = 0
            finally:
                os._exit(status)
        os.close(write)
        made.append((pid, read))
    try:
        yield made
    finally:
        for _, read in made:
            os.close(read)


def wins(output: int) -> int:
    """Return how many appends were acknowledged until the output ended."""
    told = b""
    while part := os.read(output, 4096):
        told += part
    return len(told)


async def compete(path: Path, number: int, output: int, *, appends: int, held: bool) -> None:
    """Append where the stream ends, however often others are first."""
    store = shared(path)
    done = 0
    while done < appends:
        version = len(await store.read_events("a-1"))
        event = Happened(what=f"{number}-{done}")
        try:
            if held:
                async with store.session():
                    await store.append_events(
                        "a-1", [event], expected_version=version, causes=CAUSES
                    )
            else:
                await store.append_events("a-1", [event], expected_version=version, causes=CAUSES)
        except ConcurrencyConflictError:
            continue
        os.write(output, WON)
        done += 1


@pytest.mark.parametrize("held", [False, True], ids=["each-append", "in-sessions"])
def test_one_process_wins_each_version_and_nothing_is_lost(tmp_path: Path, *, held: bool) -> None:
    path = tmp_path / "governance.log"

    def work(number: int, output: int) -> None:
        asyncio.run(compete(path, number, output, appends=APPENDS, held=held))

    with children(work, PROCESSES) as made:
        acknowledged = [wins(output) for _, output in made]
        statuses = [os.waitpid(pid, 0)[1] for pid, _ in made]

    envelopes = run(shared(path).read_events("a-1"))
    assert statuses == [0] * PROCESSES
    assert acknowledged == [APPENDS] * PROCESSES
    assert [one.version for one in envelopes] == list(range(1, PROCESSES * APPENDS + 1))
    assert len({one.body for one in envelopes}) == PROCESSES * APPENDS


def test_the_log_is_made_once_however_many_begin(tmp_path: Path) -> None:
    for round_ in range(3):
        path = tmp_path / f"{round_}.log"

        def work(number: int, output: int, path: Path = path) -> None:
            asyncio.run(compete(path, number, output, appends=1, held=False))

        with children(work, PROCESSES) as made:
            assert sum(wins(output) for _, output in made) == PROCESSES
            assert [os.waitpid(pid, 0)[1] for pid, _ in made] == [0] * PROCESSES


@pytest.mark.parametrize(
    "rounds", [6, pytest.param(150, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
def test_whoever_is_killed_loses_nothing_acknowledged_and_keeps_nobody_out(
    tmp_path: Path, rounds: int
) -> None:
    path = tmp_path / "governance.log"
    draw = np.random.Generator(np.random.PCG64(7))
    acknowledged = 0

    def work(number: int, output: int) -> None:
        asyncio.run(compete(path, number, output, appends=10_000, held=number % 2 == 1))

    for _ in range(rounds):
        with children(work, 2) as made:
            select.select([output for _, output in made], [], [])
            select.select([], [], [], draw.uniform(0.0, 0.05))
            for pid, _ in made:
                os.kill(pid, signal.SIGKILL)
            for pid, output in made:
                os.waitpid(pid, 0)
                acknowledged += wins(output)
        store = SharedEvents(path, clock=HandClock(), ids=CountingIds(), wait_ms=2000)
        version = len(run(store.read_events("a-1")))
        assert version >= acknowledged
        after = Happened(what=f"after {version}")
        run(store.append_events("a-1", [after], expected_version=version, causes=CAUSES))
        acknowledged = version + 1

    log = read_log(path)
    assert run(log.verify()).intact
    run(log.close())


async def go_on_appending(path: Path, output: int) -> None:
    """Append for ever to a log that is attended; say so once it is."""
    store = shared(path)
    async with store.attended():
        for version in range(1, 100_000):
            await store.append_events(
                "a-1", [Happened(what="more")], expected_version=version, causes=CAUSES
            )
            if version == 1:
                os.write(output, WON)


HALTS = 100
CAUGHT_MAX = 2
"""Of so many halts: SQLite's readers are kept out while a writer is halted between the two copies
of the index's head, which is some ten instructions of the milliseconds that an append takes."""


@pytest.mark.slow
@pytest.mark.timeout(120)  # a reader that is kept out tries for ten seconds
def test_whoever_is_halted_keeps_no_reader_out_of_an_attended_log(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    run(shared(path).append_events("a-1", [Happened(what="x")], expected_version=0, causes=CAUSES))
    caught = 0

    def work(_: int, output: int) -> None:
        asyncio.run(go_on_appending(path, output))

    with children(work, 1) as made:
        ((pid, output),) = made
        try:
            assert os.read(output, 1) == WON
            for number in range(HALTS):
                time.sleep(0.001 * (number % 7))
                os.kill(pid, signal.SIGSTOP)
                try:
                    found = run(shared(path).read_events("a-1"))
                except LogReadError as fault:  # and whoever asks again once it goes on is answered
                    if fault.obstacle is not Obstacle.BUSY:
                        raise
                    caught += 1
                    os.kill(pid, signal.SIGCONT)
                    found = run(shared(path).read_events("a-1"))
                assert len(found) >= 2
                os.kill(pid, signal.SIGCONT)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert caught <= CAUGHT_MAX
