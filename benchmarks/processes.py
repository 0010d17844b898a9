"""Processes: how soon the command line answers, and what a run takes as people start it.

Memory is the kernel's own peak of resident pages (``VmHWM``), read by each process at its end.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from pydantic import TypeAdapter

from benchmarks.figures import Cost, Goal, Line, Quantity, Result, cpu_rate, spread, wall_rate
from benchmarks.market import MODEL, quotes
from benchmarks.recordings import TICKS, recordings
from benchmarks.rounds import ROOT, Effort, scratch_folder

_HELP_RUNS: Final = 4
"""How often each is started in a round."""

_ROWS: Final = 400_000
_RUN_S: Final = 600
_REPORT: Final = TypeAdapter(dict[str, float])

# Each tells its own peak, because what a parent is told of a child includes the parent's own
# pages of the moment when the child was made.
_TELL: Final = """
import json, re, resource
from pathlib import Path
usage = resource.getrusage(resource.RUSAGE_SELF)
peak = re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1]
print(json.dumps({"peak_kb": int(peak), "cpu_s": usage.ru_utime + usage.ru_stime} | counts))
"""
_RUN: Final = """
import contextlib, io, json, sys
from torghut.entrypoints.cli import main
with contextlib.redirect_stdout(io.StringIO()) as said:
    try:
        main(sys.argv[1:])
    except SystemExit as ending:
        if ending.code:
            raise
counts = {"count": json.loads(said.getvalue())["contexts"]}
"""
_FLOOR: Final = """
import numba, numpy
@numba.njit
def total(values):
    result = 0.0
    for value in values:
        result += value
    return result
total(numpy.zeros(3))
counts = {}
"""


def measure_help(effort: Effort) -> Iterator[Result]:
    """Measure how long `torghut --help` takes, beside a Python that imports click alone."""
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(_HELP_RUNS * effort.rounds):
        ours.append(_seconds([*_program(), "--help"]))
        theirs.append(_seconds([sys.executable, "-c", "import click"]))
    yield Line(
        measurement="torghut --help",
        unit="s",
        wall=median(ours),
        baseline="python -c 'import click'",
        wall_ratio=median(a / b for a, b in zip(ours, theirs, strict=True)),
        goals=(Goal(quantity=Quantity.WALL, most=0.3),),
        spread_ratio=spread(ours),
    )


def measure_memory(effort: Effort) -> Iterator[Result]:
    """Measure the peak memory and the whole cost of `torghut run`, beside a process with numba.

    That is what a compiled function usually costs; the command links its machine code instead.
    """
    ticks = recordings(TICKS)
    floor = [_report(_FLOOR + _TELL)["peak_kb"] / 1024 for _ in range(effort.rounds)]
    with scratch_folder() as folder:
        if ticks is not None:
            uri, what = f"lean:{ticks}?resolution=tick", "all LEAN ticks"
        else:
            uri, what = f"csv:{_table(folder / 'walk.csv')}", f"{_ROWS:,} made-up quotes"
        for page in (False, True):
            runs = [_run(uri, folder, turn, page=page) for turn in range(min(effort.rounds, 3))]
            peaks = [run["peak_kb"] / 1024 for run in runs]
            yield Line(
                measurement=f"peak memory of torghut run{'' if page else ' --no-report'}: {what}",
                unit="MB",
                wall=median(peaks),
                baseline="numpy, numba and one small compiled function",
                wall_ratio=median(peaks) / median(floor),
                goals=(Goal(quantity=Quantity.WALL, most=220.0),),
                spread_ratio=spread(peaks),
                note=f"a process with numba has {median(floor):.0f} MB before it does anything",
            )
            costs = [
                Cost(count=int(run["count"]), cpu_s=run["cpu_s"], wall_s=run["wall_s"])
                for run in runs
            ]
            yield Line(
                measurement=f"torghut run{'' if page else ' --no-report'}, start to exit: {what}",
                unit="contexts/s",
                cpu=median(map(cpu_rate, costs)),
                wall=median(map(wall_rate, costs)),
                spread_ratio=spread(list(map(cpu_rate, costs))),
            )


def _program() -> Sequence[str]:
    """Return what starts the command line, installed or not."""
    program = Path(sys.executable).with_name("torghut")
    if program.exists():
        return [str(program)]
    return [sys.executable, "-c", "from torghut.entrypoints.cli import main; main()"]


def _seconds(command: Sequence[str]) -> float:
    """Return how long a process takes, on the wall."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)  # noqa: S603
    return time.perf_counter() - begin


def _report(script: str, *arguments: str) -> dict[str, float]:
    """Return what a Python script says of itself, and how long it took on the wall."""
    begin = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - scripts of this module
        [sys.executable, "-c", script, *arguments],
        check=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=_RUN_S,
    )
    wall_s = time.perf_counter() - begin
    return _REPORT.validate_json(done.stdout.splitlines()[-1]) | {"wall_s": wall_s}


def _run(uri: str, folder: Path, turn: int, *, page: bool) -> dict[str, float]:
    """Run the real command over ``uri`` into a new log."""
    log = folder / f"run-{turn}-{page}.log"
    options = [] if page else ["--no-report"]
    arguments = ["run", "--source", uri, "--log", str(log), "--json", *options]
    report = _report(_RUN + _TELL, *arguments)
    log.unlink()
    return report


def _table(path: Path) -> Path:
    """Write made-up quotes of one declared instrument as a CSV table."""
    rows = quotes(_ROWS, symbols=1)
    columns = [rows[name].tolist() for name in ("event_ns", "receive_ns", "bid", "ask")]
    with path.open("w", encoding="ascii") as file:
        file.write("symbol,event_time,receive_time,bid,ask\n")
        for event, receive, bid, ask in zip(*columns, strict=True):
            file.write(f"{MODEL},{event},{receive},{bid:.5f},{ask:.5f}\n")
    return path
