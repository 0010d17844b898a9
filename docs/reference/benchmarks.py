"""The reference page of the benchmarks: the record of one run, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from benchmarks.figures import NOISY_RATIO, Line, Verdict
from benchmarks.records import RECORDED, Group, Record, read_record
from benchmarks.words import figures, goals, misses, ratios

PAGE: Final = Path(__file__).resolve().parent / "benchmarks.md"

HEAD: Final = """\
# Benchmarks

Written by `make docs` from the record of one run, made on {measured_on}{commit}.
Nobody measures every commit, and another machine has other figures: the page shows what was found
once, not what holds now. Ratios, whose two sides were measured in the same round, travel better
than figures.

{summary}

## How to repeat

```console
$ make bench                              # everything, about ten minutes, 8 GB of disk for a while
$ make bench ARGS=--quick                 # fewer rounds, shorter logs
$ make bench ARGS="blocks append"         # some of it
$ make bench ARGS=--record && make docs   # everything; then this page anew
```

Recorded markets are looked for in `TORGHUT_TEST_DATA`, by default `../shared/data`; what needs them
is skipped without them. nautilus_trader is installed into an environment of its own, `.venv-bench`,
as `requirements/bench.txt` pins it. Leave the machine alone meanwhile.

## How to read

- Figures are medians over {rounds} short rounds, fewer for what starts processes; those of single
  steps are the quietest round's. CPU is user and system time of all threads of the process.
- A ratio is ours over the baseline's: the median of the ratios within each round.
- A goal is required; an aim is not. Both show as missed where they are.
- ~ marks a figure where the middle half of its rounds lies over {noisy} apart.
"""

MARKS: Final[Mapping[Verdict, str]] = {
    Verdict.MET: "met",
    Verdict.AIM_MISSED: "**aim missed**",
    Verdict.MISSED: "**missed**",
    Verdict.NO_GOAL: "",
}


def benchmarks_page() -> str:
    """Return the page of the record that is kept."""
    return record_page(read_record(RECORDED.read_text(encoding="utf-8")))


def record_page(record: Record) -> str:
    """Return the page that shows ``record``."""
    head = HEAD.format(
        measured_on=record.measured_on,
        commit=f" at `{record.commit}`" if record.commit else "",
        summary=_summary(record),
        rounds=record.rounds,
        noisy=f"{NOISY_RATIO:.0%}",
    )
    sections = [
        head,
        "## Where\n\n" + _facts(record.machine) + _facts(record.versions),
        *map(_section, record.groups),
    ]
    return "\n".join(sections)


def _summary(record: Record) -> str:
    """Return the misses, or that there are none, and what was not measured."""
    judged = sum(1 for line in record.lines if line.goals)
    if record.missed:
        counted = f"Of {judged} figures with a goal, {len(record.missed)} miss it or an aim:\n\n"
    else:
        counted = f"All {judged} figures with a goal meet it.\n"
    lines = (f"- {MARKS[one.verdict]}: {one.measurement}: {misses(one)}\n" for one in record.missed)
    skipped = (f"- not measured: {one.measurement}: {one.reason}\n" for one in record.skipped)
    quick = ["\nThis was a quick run.\n"] if record.quick else []
    return "".join((counted, *lines, *skipped, *quick)).strip()


def _facts(facts: Mapping[str, str]) -> str:
    """Return names and what they stand for as a list."""
    return "- " + ", ".join(f"{name} {fact}" for name, fact in facts.items()) + "\n"


def _section(group: Group) -> str:
    """Return one measurement as a section."""
    head = f"## {group.name}\n\n{group.about[:1].upper()}{group.about[1:]}.\n"
    table = (
        "\n| what | CPU | wall | ratio CPU / wall | goal | verdict |\n|---|---|---|---|---|---|\n"
        + "".join(map(_row, group.lines))
    )
    beside = "".join(_beside(group))
    skipped = "".join(
        f"\nNot measured: {one.measurement}: {one.reason}.\n" for one in group.skipped
    )
    return head + (table if group.lines else "") + (f"\n{beside}" if beside else "") + skipped


def _row(line: Line) -> str:
    """Return one figure as a row of a table."""
    cells = (
        line.measurement,
        *figures(line),
        ratios(line),
        goals(line),
        MARKS[line.verdict],
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _beside(group: Group) -> Iterator[str]:
    """Yield each baseline once, and what else is to be known of a figure."""
    for baseline in dict.fromkeys(line.baseline for line in group.lines if line.baseline):
        yield f"- Baseline: {baseline}.\n"
    for line in group.lines:
        if line.note:
            yield f"- {line.measurement}: {line.note}.\n"


if __name__ == "__main__":
    PAGE.write_text(benchmarks_page(), encoding="utf-8")
