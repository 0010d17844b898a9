"""A whole run over real ticks, from opening the files to the last commit, beside nautilus_trader.

Both run in a process of their own, over the same files, one after the other. What is measured
starts after the imports and, of Torghut, after the compiled kernel was loaded.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import JsonValue, TypeAdapter

from benchmarks.figures import Comparison, Cost, Goal, Quantity, Result, Skipped, rate_line
from benchmarks.market import installed_setup
from benchmarks.rounds import ROOT, Effort, interleave, scratch_folder, timed
from torghut.bootstrap import source, writable_log
from torghut.workflows.decision_loop import Committed, Run, run_loop, save_snapshot
from torghut.workflows.opening import open_fold

NAME: Final = "LEAN ticks, opened files to end of run"
ENVIRONMENT: Final = ROOT / ".venv-bench"
REQUIREMENTS: Final = ROOT / "requirements" / "bench.txt"

_SCRIPT: Final = ROOT / "benchmarks" / "nautilus_ticks.py"
_INSTALL_S: Final = 900
_RUN_S: Final = 600
_REPORT: Final = TypeAdapter(dict[str, float])
_GOALS: Final = (
    Goal(quantity=Quantity.CPU_RATIO, least=2.0),
    Goal(quantity=Quantity.WALL_RATIO, least=2.0),
)


class BaselineMissingError(Exception):
    """The baseline cannot be had here."""


def data_folder() -> Path:
    """Return where recorded market data is looked for."""
    return Path(os.environ.get("TORGHUT_TEST_DATA") or ROOT.parent / "shared" / "data")


def measure_whole_run(effort: Effort) -> Iterator[Result]:
    """Measure a run over all EURUSD and NZDUSD ticks."""
    ticks = data_folder() / "lean-forex" / "tick"
    if not ticks.is_dir():
        yield Skipped(measurement=NAME, reason=f"no folder lean-forex/tick in {ticks.parents[1]}")
        return
    try:
        python = baseline_python()
    except BaselineMissingError as error:
        yield Skipped(measurement=f"{NAME}: nautilus_trader", reason=str(error))
        python = None
    ours = partial(_report, [sys.executable, "-m", "benchmarks.whole_run", str(ticks)])
    works = {"torghut": ours}
    if python is not None:
        works["nautilus"] = partial(_report, [str(python), str(_SCRIPT), str(ticks)])
    costs = interleave(2 if effort.quick else 4, works)
    yield rate_line(
        NAME,
        "ticks",
        Comparison(
            ours=costs["torghut"],
            theirs=costs.get("nautilus", ()),
            baseline="nautilus_trader loads and replays them to an empty strategy",
        ),
        goals=_GOALS,
        note="every tick decided or refused, durable",
    )


def baseline_python() -> Path:
    """Return the Python that has nautilus_trader; its environment is made if need be.

    Raises:
        BaselineMissingError: It cannot be installed.
    """
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "bench.stamp"
    if stamp.exists() and stamp.stat().st_mtime >= REQUIREMENTS.stat().st_mtime:
        return python
    print("installing nautilus_trader into .venv-bench", file=sys.stderr, flush=True)
    _must_run([sys.executable, "-m", "venv", str(ENVIRONMENT)])
    _must_run(
        [
            *(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--only-binary", ":all:", "--require-hashes", "--requirement", str(REQUIREMENTS)),
        ]
    )
    stamp.touch()
    return python


def _must_run(command: Sequence[str]) -> None:
    """Run a step of the installation.

    Raises:
        BaselineMissingError: It failed; the last line it wrote is the reason.
    """
    try:
        done = subprocess.run(  # noqa: S603 - commands of this module
            command, check=False, capture_output=True, text=True, timeout=_INSTALL_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BaselineMissingError(str(error)) from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise BaselineMissingError(lines[-1] if lines else f"exit status {done.returncode}")


def _report(command: Sequence[str]) -> Cost:
    """Return the cost that a process says its run had."""
    done = subprocess.run(  # noqa: S603 - commands of this module
        command, check=True, stdout=subprocess.PIPE, cwd=ROOT, timeout=_RUN_S
    )
    report = _REPORT.validate_json(done.stdout)
    return Cost(count=int(report["count"]), cpu_s=report["cpu_s"], wall_s=report["wall_s"])


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
