"""kill -9 at any instant: nothing lost, nothing doubled, the chain whole, the root the same."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.clock import CountingIds, HandClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS, walk
from torghut.adapters.sqlite.store import open_log
from torghut.decisions.recording import read_block
from torghut.eventlog.roots import root_of_run
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.replay import replay_log

_COUNT = 12_000
_SETTINGS = LoopSettings(batch_records=60, snapshot_blocks=25)


def _source() -> ArraySource:
    rows = walk(_COUNT, symbols=2, seed=7)
    rows["receive_ns"] = START_NS + np.arange(_COUNT) * 9 * SECOND_NS
    rows["event_ns"] = rows["receive_ns"]
    return ArraySource(rows=rows, symbols=("fxcm:EURUSD", "fxcm:NZDUSD"))


async def _decide(path: Path, source: ArraySource) -> str:
    """Take the run up where the log ends, finish it, and return its root."""
    log = open_log(path, clock=HandClock(), ids=CountingIds())
    setup = Setup(
        kernel=compiled(), declarations=shipped(), packages={"fx-intraday": eager_package()}
    )
    opened = await open_fold(log, setup)
    await run_loop(
        Run(source=source, log=log, fold=opened.fold, controls=opened.controls, settings=_SETTINGS)
    )
    root = await root_of_run(log)
    await log.close()
    return root


def _killed(path: Path, source: ArraySource, after_s: float) -> bool:
    """Run in a child that is killed after that time; return whether it was still at work."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            asyncio.run(_decide(path, source))
            status = 0
        finally:
            os._exit(status)
    time.sleep(after_s)
    finished, status = os.waitpid(child, os.WNOHANG)
    if finished:
        assert os.waitstatus_to_exitcode(status) == 0
        return False
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


async def _check(path: Path, expected: str) -> None:
    """Finish the run and compare everything that can be."""
    source = _source()
    assert await _decide(path, source) == expected
    log = open_log(path, clock=HandClock(), ids=CountingIds())
    seen: list[tuple[int, int]] = []
    async for block in log.blocks(0):
        contexts = read_block(block).contexts
        seen += zip(contexts["symbol"].tolist(), contexts["sequence"].tolist(), strict=True)
    assert len(seen) == len(set(seen)) == _COUNT
    report = await log.verify()
    assert report.intact
    assert (await replay_log(log, compiled())).identical
    await log.close()


def _survive(path: Path, folder: Path, *, kills: int, seed: int) -> None:
    """Kill the run that many times at random instants, each after some progress."""
    draw = np.random.Generator(np.random.PCG64(seed))
    source = _source()
    expected = asyncio.run(_decide(folder / "whole.db", source))
    done = 0
    runs = 0
    while done < kills:
        log = path.with_name(f"{path.name}-{runs}")
        runs += 1
        while done < kills and _killed(log, source, float(draw.uniform(0.02, 0.35))):
            done += 1
        asyncio.run(_check(log, expected))


@pytest.mark.timeout(180)
@pytest.mark.slow
def test_thirty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    seed = time.time_ns() % 2**32
    print(f"seed {seed}")  # noqa: T201 - with it a failure can be had again

    _survive(tmp_path / "killed", tmp_path, kills=30, seed=seed)


@pytest.mark.soak
def test_three_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    seed = time.time_ns() % 2**32
    print(f"seed {seed}")  # noqa: T201 - with it a failure can be had again

    _survive(tmp_path / "killed", tmp_path, kills=300, seed=seed)
