"""A whole run over real ticks, from opening the files to the last commit, beside nautilus_trader.

Both run in processes of their own, over the same files, in turn. What is measured starts after the
imports and, of Torghut, after the compiled kernel was loaded. Torghut decides every tick and makes
its decisions durable; the baseline does nothing but load the ticks and hand them to a strategy.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from pydantic import JsonValue, TypeAdapter

from benchmarks.environment import BaselineMissingError, baseline_python, installed_version
from benchmarks.figures import Comparison, Cost, Goal, Quantity, Result, Skipped, rate_line
from benchmarks.market import installed_setup
from benchmarks.recordings import TICKS, absent, recordings
from benchmarks.rounds import ROOT, Effort, interleave, scratch_folder, timed
from torghut.composition.deciding import source
from torghut.composition.logs import writable_log
from torghut.workflows.decision_loop import Committed, Run, run_loop, save_snapshot
from torghut.workflows.opening import open_fold

_NAME: Final = "LEAN ticks, opened files to end of run"
_BASELINE: Final = "nautilus_trader"
_SCRIPT: Final = ROOT / "benchmarks" / "nautilus_ticks.py"
_ROUNDS: Final = 7
_RUN_S: Final = 600
_REPORT: Final = TypeAdapter(dict[str, float])
_GOALS: Final = (
    Goal(quantity=Quantity.CPU_RATIO, least=2.0),
    Goal(quantity=Quantity.WALL_RATIO, least=2.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A program that measures itself and prints what it found, and what its runs printed.

    Attributes:
        command: Prints one line of JSON: ``count``, ``cpu_s``, ``wall_s`` and other numbers.
        reports: What each run said, the first one included.
    """

    command: Sequence[str]
    reports: list[dict[str, float]] = field(default_factory=list)

    def run(self) -> Cost:
        """Return the cost that the program says its run had."""
        done = subprocess.run(  # noqa: S603 - commands of this module
            self.command, check=True, stdout=subprocess.PIPE, cwd=ROOT, timeout=_RUN_S
        )
        report = _REPORT.validate_json(done.stdout)
        self.reports.append(report)
        return Cost(count=int(report["count"]), cpu_s=report["cpu_s"], wall_s=report["wall_s"])


def measure_whole_run(effort: Effort) -> Iterator[Result]:
    """Measure a run over all EURUSD and NZDUSD ticks, beside nautilus_trader doing nothing."""
    ticks = recordings(TICKS)
    if ticks is None:
        yield absent(_NAME, TICKS)
        return
    ours = Process(command=[sys.executable, "-m", "benchmarks.whole_run", str(ticks)])
    try:
        python = baseline_python()
        name = f"{_BASELINE} {installed_version(python, _BASELINE)}"
    except BaselineMissingError as error:
        yield Skipped(measurement=f"{_NAME}: {_BASELINE}", reason=str(error))
        return
    theirs = Process(command=[str(python), str(_SCRIPT), str(ticks)])
    rounds = min(effort.rounds, _ROUNDS)
    costs = interleave(rounds, {"ours": ours.run, "theirs": theirs.run})
    yield rate_line(
        _NAME,
        "ticks",
        Comparison(
            ours=costs["ours"],
            theirs=costs["theirs"],
            baseline=f"{name} loads and replays them to an empty strategy",
        ),
        goals=_GOALS,
        note=_note(ours.reports, theirs.reports),
    )


def _note(ours: Sequence[Mapping[str, float]], theirs: Sequence[Mapping[str, float]]) -> str:
    """Return what else the processes said.

    Raises:
        ValueError: They did not handle equally many ticks.
    """
    (count, *others) = {int(report["count"]) for report in (*ours, *theirs)}
    if others:
        message = f"expected the same ticks on both sides, found {count} and {others}"
        raise ValueError(message)
    loading, whole = (median(one[key] for one in theirs) for key in ("loading_cpu_s", "cpu_s"))
    return (
        f"{count:,} ticks, {ours[0]['decided']:,.0f} decided and the others refused, durable; "
        f"the baseline: {loading:.1f} s of CPU to load, {whole - loading:.1f} s to replay"
    )


async def run_whole(uri: str, folder: Path) -> tuple[Cost, int]:
    """Decide ``uri`` into a log in ``folder``; return the cost and how many were decided."""
    setup = installed_setup()
    contexts = decided = 0

    def count(committed: Committed) -> None:
        nonlocal contexts, decided
        contexts += len(committed.contexts)
        decided += committed.block.arms["serving"].count

    with timed() as watch:
        opened = source(uri, setup.declarations)
        log = writable_log(folder / "run.log")
        fold = (await open_fold(log, setup)).fold
        run = Run(source=opened, log=log, fold=fold, observer=count)
        await save_snapshot(run, await run_loop(run))
        await log.close()
    return watch.cost(contexts), decided


def _child(folder: str) -> dict[str, JsonValue]:
    """Run over a folder of tick zips and report."""
    with scratch_folder() as scratch:
        cost, decided = asyncio.run(run_whole(f"lean:{folder}?resolution=tick", scratch))
    return {"count": cost.count, "cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "decided": decided}


if __name__ == "__main__":
    print(json.dumps(_child(sys.argv[1])))
