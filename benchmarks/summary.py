"""The summary of a run for people: every figure with its baseline and goal, the misses last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.figures import NOISY_RATIO, Verdict, is_noisy
from benchmarks.records import Group, Record
from benchmarks.words import figures, goals, misses, ratios

_MARKS: Final = {
    Verdict.MET: "✓",
    Verdict.AIM_MISSED: "✓ (aim missed)",
    Verdict.MISSED: "✗",
    Verdict.NO_GOAL: " ",
}


def summary(record: Record) -> Iterator[str]:
    """Yield the lines of the summary."""
    for group in record.groups:
        yield from _group(group)
    yield from _facts(record)
    yield from _ending(record)


def _group(group: Group) -> Iterator[str]:
    """Yield what one measurement found."""
    yield f"{group.name}: {group.about}"
    for line in group.lines:
        cpu, wall = figures(line)
        yield f"  {_MARKS[line.verdict]} {line.measurement}"
        yield "      " + ", ".join(filter(None, (cpu and f"CPU {cpu}", wall and _wall(cpu, wall))))
        if line.baseline:
            yield f"      ratio CPU / wall: {ratios(line)}, to {line.baseline}"
        if line.goals:
            yield f"      goal: {goals(line)}"
        if line.note:
            yield f"      {line.note}"
    yield ""


def _wall(cpu: str, wall: str) -> str:
    """Return the figure by wall time; a line's only figure needs no name."""
    return f"wall {wall}" if cpu else wall


def _facts(record: Record) -> Iterator[str]:
    """Yield where it was measured and with what."""
    for facts in (record.machine, record.versions):
        yield ", ".join(f"{key} {value}" for key, value in facts.items())


def _ending(record: Record) -> Iterator[str]:
    """Yield what was noisy, skipped and missed, and how many of each."""
    if noisy := sum(map(is_noisy, record.lines)):
        yield f"~ marks {noisy} figures whose middle rounds lie over {NOISY_RATIO:.0%} apart"
    for one in record.skipped:
        yield f"skipped: {one.measurement}: {one.reason}"
    for line in record.missed:
        yield f"{_MARKS[line.verdict]} {line.measurement}: {misses(line)}"
    judged = sum(1 for line in record.lines if line.goals)
    missed = sum(1 for line in record.missed if line.verdict is Verdict.MISSED)
    yield (
        f"{len(record.lines)} figures, {judged} of them with goals: {missed} missed, "
        f"{len(record.missed) - missed} short of an aim; {len(record.skipped)} skipped"
    )
