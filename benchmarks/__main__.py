"""``python -m benchmarks [NAME...] [--json] [--quick]``: measure, print, judge."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.blocks import measure_appends, measure_commits
from benchmarks.decoding import measure_decoding
from benchmarks.figures import (
    Line,
    Quantity,
    Result,
    Skipped,
    Verdict,
    exit_status,
)
from benchmarks.growth import measure_length, measure_width
from benchmarks.processes import measure_help, measure_memory
from benchmarks.readback import measure_readback
from benchmarks.rounds import Effort, machine
from benchmarks.steps import measure_latency, measure_regimes
from benchmarks.whole_run import measure_whole_run

MEASUREMENTS: Final[Mapping[str, Callable[[Effort], Iterator[Result]]]] = {
    "latency": measure_latency,
    "regimes": measure_regimes,
    "blocks": measure_commits,
    "append": measure_appends,
    "run": measure_whole_run,
    "decoding": measure_decoding,
    "width": measure_width,
    "help": measure_help,
    "memory": measure_memory,
    "readback": measure_readback,
    "length": measure_length,
}
"""By the name it is asked for, in the order measured: what fills the disk comes last."""

_ROUNDS: Final = 5
_QUICK_ROUNDS: Final = 3
_NOISY_RATIO: Final = 0.2
_MARKS: Final = {
    Verdict.MET: "✓",
    Verdict.AIM_MISSED: "✓ aim missed",
    Verdict.MISSED: "✗",
    Verdict.NO_GOAL: "",
}
_NAMES: Final = {
    Quantity.CPU: "CPU",
    Quantity.WALL: "wall",
    Quantity.CPU_RATIO: "CPU ratio",
    Quantity.WALL_RATIO: "wall ratio",
}


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; return 1 if a required goal is missed."""
    asked = _parse(arguments)
    rounds = _QUICK_ROUNDS if asked.quick else _ROUNDS
    effort = Effort(rounds=rounds, quick=asked.quick)
    named = machine()
    results: list[Result] = []
    for name in asked.names or MEASUREMENTS:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        results += MEASUREMENTS[name](effort)
    if asked.json:
        print(json.dumps({"machine": named, "results": [_as_json(r) for r in results]}, indent=2))
    else:
        _print(named, results)
    return exit_status(results)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter logs")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - MEASUREMENTS.keys()):
        parser.error(f"expected {', '.join(MEASUREMENTS)}; found {', '.join(unknown)}")
    return asked


def _print(named: Mapping[str, str], results: Sequence[Result]) -> None:
    """Print what was measured as a table for people."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    table = Table(*("measurement", "CPU", "wall", "baseline"), show_lines=False)
    for column in ("ratio CPU/wall", "goal", ""):
        table.add_column(column)
    for line in (result for result in results if isinstance(result, Line)):
        table.add_row(*_cells(line))
    console.print(table)
    for skipped in (result for result in results if isinstance(result, Skipped)):
        console.print(f"skipped: {skipped.measurement}: {skipped.reason}")
    noisy = [r for r in results if isinstance(r, Line) and (r.spread_ratio or 0.0) > _NOISY_RATIO]
    if noisy:
        console.print(
            f"~ marks {len(noisy)} figures whose rounds lie over {_NOISY_RATIO:.0%} apart"
        )
    console.print(", ".join(f"{key} {value}" for key, value in named.items()), soft_wrap=True)


def _cells(line: Line) -> tuple[str, ...]:
    """Return a line as the cells of the table."""
    mark = "~" if (line.spread_ratio or 0.0) > _NOISY_RATIO else ""
    ratios = [shown(ratio) for ratio in (line.cpu_ratio, line.wall_ratio) if ratio is not None]
    goals = [
        f"{_NAMES[goal.quantity]} {'≥' if goal.least is not None else '≤'} "
        f"{shown(goal.least if goal.least is not None else goal.most)}"
        f"{'' if goal.required else ' (aim)'}"
        for goal in line.goals
    ]
    return (
        line.measurement + (f" ({line.note})" if line.note else ""),
        f"{mark}{_with_unit(line.cpu, line.unit)}",
        _with_unit(line.wall, line.unit),
        line.baseline,
        " / ".join(ratios),
        ", ".join(goals),
        _MARKS[line.verdict],
    )


def _with_unit(figure: float | None, unit: str) -> str:
    """Return a figure as people read it, nothing where there is none."""
    if figure is None:
        return ""
    return f"{shown(figure)} {unit}"


def shown(figure: float | None) -> str:
    """Return a number with three digits that matter, thousands set apart."""
    if figure is None:
        return ""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"  # noqa: PLR2004 - digits


def _as_json(result: Result) -> Mapping[str, object]:
    """Return a result for machines."""
    if isinstance(result, Skipped):
        return {"skipped": result.measurement, "reason": result.reason}
    return asdict(result) | {"verdict": result.verdict}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
