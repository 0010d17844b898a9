"""The rollout lane: what a candidate's run costs beyond deciding its contexts again, and leaves.

The log is made up, the candidate is the champion but for a hair of its confidence, and everything
is as people run it: governance's log and the artifacts are on the disk, the kernel is compiled.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, cast

from benchmarks.blocks import decide_into
from benchmarks.figures import Goal, Line, Quantity, Result, spread
from benchmarks.market import MODEL, Market, quotes, setup, shared_kernel
from benchmarks.rounds import ROOT, Effort, scratch_folder, timed
from tests.support.decisions.packages import eager_package
from torghut.composition.deciding import declarations, package_store
from torghut.composition.governing import governance_events, governing_policies
from torghut.composition.lanes import program_tools, registry
from torghut.composition.logs import writable_log
from torghut.composition.standby import artifact_root, steady_clock, wall_clock
from torghut.evals.judging import FixedSampleJudge
from torghut.governance.lanes.queue import SubmitCandidate
from torghut.schemas.governing.lanes import LaneAsked
from torghut.schemas.rollout.lane import CandidateSpec, LogWindow
from torghut.schemas.rollout.run import ExecutionContext
from torghut.settings import ARTIFACT_DIR
from torghut.workflows.lane.contest.standing import champion_of, standing_at
from torghut.workflows.lane.desk.candidates import FOLDER, Candidates, package_spec
from torghut.workflows.lane.desk.preparing import LaneTools
from torghut.workflows.lane.desk.working import LaneDesk
from torghut.workflows.lane.ports import Admission, LanePorts
from torghut.workflows.lane.rehearsal import Rehearsing
from torghut.workflows.lane.running import LaneResult, lane_command
from torghut.workflows.opening import open_fold

SIGNALS: Final = 20_000
_BLOCK: Final = 2_000
_ARMS: Final = 6
_PASSES: Final = 2
_LAST_NS: Final = 2**62
_MB: Final = 1e6

_TELL: Final = """
import re
from pathlib import Path
print(re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1])
"""
_WHOLE: Final = """
import contextlib, io
from torghut.entrypoints.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    try:
        main(["lane", "run", "--once", "--json"])
    except SystemExit as ending:
        if ending.code:
            raise
"""
_LOADED: Final = """
import torghut.entrypoints.cli.lane.working
from torghut.composition.deciding import kernel
kernel()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one run of the lane took, and left."""

    cpu_s: float
    redeciding_s: float
    lookahead_s: float
    wall_s: float
    contexts: int
    artifact_bytes: int
    peak_mb: float

    @property
    def beyond_s(self) -> float:
        """CPU time beyond deciding contexts again."""
        return self.cpu_s - self.redeciding_s - self.lookahead_s


def measure_lane(effort: Effort) -> Iterator[Result]:
    """Measure a candidate's run over 20,000 signals: CPU beyond re-deciding, memory, artifacts."""
    with scratch_folder() as folder:
        log = folder / "lane.log"
        asyncio.run(_write(log))
        runs = [_run(log, folder / f"run-{turn}") for turn in range(min(effort.rounds, 5))]
    beyond = [one.beyond_s for one in runs]
    contexts = runs[0].contexts
    yield Line(
        measurement=f"lane over {SIGNALS:,} signals, beyond re-deciding",
        unit="s",
        cpu=median(beyond),
        wall=median(one.wall_s for one in runs),
        baseline="deciding the contexts again, all arms twice and for look-ahead",
        cpu_ratio=median(one.beyond_s / (one.cpu_s - one.beyond_s) for one in runs),
        goals=(Goal(quantity=Quantity.CPU, most=2.0),),
        spread_ratio=spread(beyond),
        note="the wall is that of the whole run",
    )
    yield Line(
        measurement="one context decided again in one arm",
        unit="us",
        cpu=median(one.redeciding_s / (_PASSES * _ARMS * contexts) * 1e6 for one in runs),
        spread_ratio=spread([one.redeciding_s for one in runs]),
    )
    yield Line(
        measurement=f"peak memory of torghut lane run: {SIGNALS:,} signals",
        unit="MB",
        wall=median(one.peak_mb for one in runs),
        goals=(Goal(quantity=Quantity.WALL, most=200.0),),
        spread_ratio=spread([one.peak_mb for one in runs]),
        note=f"of it {_loaded_kb() / 1024:.0f} MB are the command with its kernel loaded",
    )
    yield Line(
        measurement=f"artifacts of a run over {SIGNALS:,} signals",
        unit="MB",
        wall=median(one.artifact_bytes / _MB for one in runs),
        goals=(Goal(quantity=Quantity.WALL, most=2.0),),
    )


async def _write(path: Path) -> None:
    """Write the log whose window is evaluated."""
    log = writable_log(path)
    fold = (await open_fold(log, setup(1))).fold
    await decide_into(log, fold, Market(rows=quotes(SIGNALS, symbols=1), symbols=1), size=_BLOCK)
    await log.close()


def _run(log: Path, root: Path) -> _Run:
    """Return what a run in this process costs, and what one in a process of its own peaks at."""
    asyncio.run(_submit(log, root))
    with timed() as watch:
        result = asyncio.run(_work(root))
    said = _observed(result)
    size = sum(path.stat().st_size for path in (root / "runs").rglob("*") if path.is_file())
    asyncio.run(_submit(log, root))
    return _Run(
        cpu_s=watch.cpu_s,
        redeciding_s=said["arms_cpu_ms"] / 1e3,
        lookahead_s=said["lookahead_cpu_ms"] / 1e3,
        wall_s=watch.wall_s,
        contexts=int(said["log_contexts"]),
        artifact_bytes=size,
        peak_mb=_peak_kb(_WHOLE, root) / 1024,
    )


def _observed(result: LaneResult) -> Mapping[str, float]:
    """Return what gate evaluation says of itself."""
    if result.ended.outcome != "completed":
        message = f"a lane run broke: {result.manifest.phases[0].observations}"
        raise RuntimeError(message)
    return cast("Mapping[str, float]", result.manifest.phases[0].observations)


def _loaded_kb() -> int:
    """Return what the command takes before it does anything."""
    return _peak_kb(_LOADED, ROOT / "var")


def _peak_kb(code: str, root: Path) -> int:
    """Return the peak of resident memory of a process of its own."""
    ended = subprocess.run(  # noqa: S603 - this installation's own code
        [sys.executable, "-c", code + _TELL],
        cwd=ROOT,
        env={**os.environ, ARTIFACT_DIR: str(root)},
        check=True,
        capture_output=True,
        text=True,
    )
    return int(ended.stdout.splitlines()[-1])


async def _submit(path: Path, root: Path) -> None:
    """Submit the candidate."""
    candidate = eager_package(declarations().instrument(MODEL).router, bias=1.95)
    _candidates(root).keep_package(candidate)
    log = writable_log(path)
    standing = await standing_at(log, _LAST_NS)
    spec = package_spec(candidate, await champion_of(log, standing), candidate.name)
    await log.close()
    asked = LaneAsked(
        candidate=spec,
        window=LogWindow(log=str(path), partition=0, first_ns=0, last_ns=_LAST_NS),
        target="paper",
        context=ExecutionContext.model_validate(
            {
                "repository": "torghut",
                "base": "champion",
                "head": "candidate",
                "artifactPath": "var",
                "priorityId": "benchmark",
            }
        ),
        author=None,
    )
    command = SubmitCandidate(asked=asked, at_ns=wall_clock().now_ns())
    await lane_command(governance_events(root), command, "benchmark")


async def _work(root: Path) -> LaneResult:
    """Run what waits."""

    async def one_trial(_run_id: str, _spec: CandidateSpec) -> int:
        return 1

    desk = LaneDesk(
        ports=LanePorts(
            events=governance_events(root),
            store=artifact_root(root),
            wall=wall_clock(),
            admission=Admission(target="paper"),
            cycle_length_s=governing_policies().scheduler.cycles.every_s,
            drift_max_age_ms=governing_policies().drift.evidence_max_age_ms,
        ),
        tools=LaneTools(
            kernel=shared_kernel(),
            candidates=_candidates(root),
            evaluation=governing_policies().evaluation,
            policies={},
            judge=FixedSampleJudge(),
            rehearsing=Rehearsing(
                kernel=shared_kernel(), wall=wall_clock(), steady=steady_clock(), revision="r1"
            ),
            count_trial=one_trial,
            cpu=time.process_time_ns,
            programs=program_tools(governance_events(root)),
        ),
        open_log=lambda path: writable_log(Path(path)),
        admit=registry(governance_events(root)).admit,
    )
    result = await desk.run_next()
    if result is None:
        message = "expected a candidate to wait, found none"
        raise RuntimeError(message)
    return result


def _candidates(root: Path) -> Candidates:
    """Return where candidates are kept."""
    return Candidates(packages=package_store(root / FOLDER), files=artifact_root(root))
