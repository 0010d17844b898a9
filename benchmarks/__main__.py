"""Measure, each figure beside a named baseline of the same run; print, and judge by the goals."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from benchmarks.advising import measure_advising
from benchmarks.blocks import measure_appends, measure_commits
from benchmarks.carrying import measure_carrying
from benchmarks.database import measure_database
from benchmarks.decoding import measure_decoding
from benchmarks.figures import Result, exit_status
from benchmarks.growth import measure_length, measure_width
from benchmarks.lane import measure_lane
from benchmarks.live import measure_live
from benchmarks.looking import measure_looks
from benchmarks.machines import commit, machine, versions
from benchmarks.processes import measure_help, measure_memory
from benchmarks.progress import counting
from benchmarks.readback import measure_readback
from benchmarks.records import RECORDED, Group, Record, record_json
from benchmarks.recovery import measure_recovery
from benchmarks.rounds import Effort
from benchmarks.scheduling import measure_scheduling
from benchmarks.steps import measure_latency, measure_regimes
from benchmarks.subscribers import measure_subscribers
from benchmarks.summary import summary
from benchmarks.whole_run import measure_whole_run

MEASUREMENTS: Final[Mapping[str, Callable[[Effort], Iterator[Result]]]] = {
    "latency": measure_latency,
    "regimes": measure_regimes,
    "blocks": measure_commits,
    "append": measure_appends,
    "live": measure_live,
    "advising": measure_advising,
    "lane": measure_lane,
    "scheduling": measure_scheduling,
    "looks": measure_looks,
    "run": measure_whole_run,
    "decoding": measure_decoding,
    "width": measure_width,
    "help": measure_help,
    "memory": measure_memory,
    "readback": measure_readback,
    "subscribers": measure_subscribers,
    "database": measure_database,
    "recovery": measure_recovery,
    "carrying": measure_carrying,
    "length": measure_length,
}
"""By the name it is asked for, in the order measured: what fills the disk comes last."""

_ROUNDS: Final = 11
_QUICK_ROUNDS: Final = 3
_NOTES: Final = """\
Everything takes about an hour and, for a while, 8 GB of disk below var/; --quick takes a
fraction of both. `run`, `decoding` and parts of `memory` read recorded markets from
TORGHUT_TEST_DATA, by default ../shared/data; without them they say so and are skipped. The first
`run` installs nautilus_trader, as requirements/bench.txt pins it, into .venv-bench.

A ratio compares what was measured in the same round. Figures are medians over the rounds; those of
single steps are the quietest round's. Leave the machine alone meanwhile, and compare ratios before
figures. Ends with 1 if a required goal is missed, else with 0; an aim is not required.
"""


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; return 1 if a required goal is missed."""
    asked = _parse(arguments)
    record = _measure(asked.names or tuple(MEASUREMENTS), quick=asked.quick)
    if asked.record:
        RECORDED.write_text(record_json(record), encoding="utf-8")
    if asked.json:
        print(record_json(record), end="")
    else:
        print("\n".join(summary(record)))
    return exit_status(record.results)


def _measure(names: Sequence[str], *, quick: bool) -> Record:
    """Return what the measurements called ``names`` find."""
    effort = Effort(rounds=_QUICK_ROUNDS if quick else _ROUNDS, quick=quick)
    measured_on = datetime.now(tz=UTC).date().isoformat()
    named = machine()
    groups = []
    for place, name in enumerate(names, start=1):
        with counting(f"{name} ({place} of {len(names)})"):
            results = tuple(MEASUREMENTS[name](effort))
        groups.append(Group(name=name, about=_about(name), results=results))
    return Record(
        measured_on=measured_on,
        commit=commit(),
        rounds=effort.rounds,
        quick=quick,
        machine=dict(named),
        versions=dict(versions()),
        groups=tuple(groups),
    )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what is asked for."""
    width = max(map(len, MEASUREMENTS))
    names = "".join(f"  {name:{width}}  {_about(name)}\n" for name in MEASUREMENTS)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"{__doc__}\n\nmeasurements, all of them where none is named:\n{names}",
        epilog=_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a measurement from the list")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter logs")
    parser.add_argument("--json", action="store_true", help="print JSON in place of text")
    parser.add_argument(
        "--record",
        action="store_true",
        help=f"keep the figures in {RECORDED.name}, from which `make docs` writes the page",
    )
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - MEASUREMENTS.keys()):
        parser.error(f"expected {', '.join(MEASUREMENTS)}; found {', '.join(unknown)}")
    if asked.record and (asked.names or asked.quick):
        parser.error("expected everything to be measured for a record, found a part of it")
    return asked


def _about(name: str) -> str:
    """Return what a measurement measures: the first sentence of its docstring."""
    sentence = " ".join((MEASUREMENTS[name].__doc__ or "").partition("\n\n")[0].split())
    return sentence.removeprefix("Measure ").rstrip(".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
