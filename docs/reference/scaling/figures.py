"""What the benchmarks' record says that machines are ordered by; what it lacks stays lacking."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from benchmarks.figures import Line, Quantity
from benchmarks.records import Record

_WORKER: Final = "Kafka in, durable decision, Kafka out"
_HELD: Final = re.compile(r"decisions with workers held to (\d+)% of a core: (\d+)")
_APPEND: Final = re.compile(r"append to PostgreSQL, blocks of ([\d,]+) decisions")
_REPLAY: Final = re.compile(r"replay of a log, every byte compared.*")
_MEMORY: Final = re.compile(r"peak memory of torghut run: .*")
_MILLISECONDS: Final = re.compile(r"(\d+(?:\.\d+)?) ms")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        value: Above 0.
        source: Which line of the record says so: its group, its name, and of what it is.
    """

    value: float
    source: str

    def __post_init__(self) -> None:
        """Refuse what nothing can be divided by; no NaN is above 0."""
        if not 0.0 < self.value < float("inf"):
            message = f"expected a figure above 0 and finite, found {self.value}: {self.source}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Figures of one record; None, or empty, where it has none.

    Attributes:
        worker_cpu: Decisions of a worker for each second of its CPU time.
        worker_wall: Decisions/s of one worker that has all it can take.
        efficiency: What is left of a worker where there are several, by how many: 1 is all of it.
        quota: Of a core, by which those were held back.
        held: Decisions/s of one worker held so.
        appends: Decisions/s of one writer to one database, by decisions of a block.
        sync_s: Of the benchmarks' disk for one write to be safe, in s.
        replay: Decisions/s that are decided again from a log.
        memory_mb: Peak of one process that decides, in MB; not of one that carries.
    """

    worker_cpu: Figure | None = None
    worker_wall: Figure | None = None
    efficiency: Mapping[int, Figure] = field(default_factory=dict)
    quota: float | None = None
    held: Figure | None = None
    appends: Mapping[int, Figure] = field(default_factory=dict)
    sync_s: Figure | None = None
    replay: Figure | None = None
    memory_mb: Figure | None = None


def measured(record: Record) -> Measured:
    """Return what ``record`` says."""
    lines = {
        line.measurement: (group.name, line) for group in record.groups for line in group.lines
    }
    scaled = list(_scaled(lines))
    held = [one for _, _, one in scaled if one is not None]
    return Measured(
        worker_cpu=_figure(lines.get(_WORKER), Quantity.CPU),
        worker_wall=_figure(lines.get(_WORKER), Quantity.WALL),
        efficiency={count: kept for count, kept, _ in scaled},
        quota=_quota(lines),
        held=held[0] if held else None,
        appends=_appends(lines),
        sync_s=_sync(record),
        replay=_figure(_first(lines, _REPLAY), Quantity.WALL),
        memory_mb=_figure(_first(lines, _MEMORY), Quantity.WALL),
    )


_Lines = Mapping[str, tuple[str, Line]]
"""Lines and the groups they are of, by what was measured."""


def _figure(found: tuple[str, Line] | None, quantity: Quantity) -> Figure | None:
    """Return one figure of a line; None where there is no line or it has none."""
    if found is None:
        return None
    group, line = found
    value = line.figure(quantity)
    return None if value is None else Figure(value, _source(group, line, quantity))


def _source(group: str, line: Line, quantity: Quantity) -> str:
    """Return where a figure stands in the record."""
    return f"{group}: {line.measurement}: {quantity.value.replace('_', ' ')}"


def _first(lines: _Lines, named: re.Pattern[str]) -> tuple[str, Line] | None:
    """Return the first line whose name is like that."""
    return next((found for name, found in lines.items() if named.fullmatch(name)), None)


def _scaled(lines: _Lines) -> Iterator[tuple[int, Figure, Figure | None]]:
    """Yield a count of workers, what is left of each, and what one does alone."""
    for name, (group, line) in lines.items():
        match = _HELD.fullmatch(name)
        ratio = line.wall_ratio
        if match is None or ratio is None:
            continue
        count, source = int(match[2]), _source(group, line, Quantity.WALL_RATIO)
        whole = f"{_source(group, line, Quantity.WALL)} over {Quantity.WALL_RATIO}"
        alone = None if line.wall is None else Figure(line.wall / ratio, whole)
        yield count, Figure(ratio / count, f"{source}, over {count}"), alone


def _quota(lines: _Lines) -> float | None:
    """Return the share of a core that workers were held to while they were counted."""
    return next((int(m[1]) / 100 for name in lines if (m := _HELD.fullmatch(name))), None)


def _appends(lines: _Lines) -> Mapping[int, Figure]:
    """Return how fast blocks are appended, by their size."""
    found: dict[int, Figure] = {}
    for name, line in lines.items():
        match = _APPEND.fullmatch(name)
        figure = _figure(line, Quantity.WALL)
        if match is not None and figure is not None:
            found[int(match[1].replace(",", ""))] = figure
    return dict(sorted(found.items()))


def _sync(record: Record) -> Figure | None:
    """Return how long the disk of the benchmarks takes to keep a write."""
    match = _MILLISECONDS.fullmatch(record.machine.get("fdatasync", ""))
    return None if match is None else Figure(float(match[1]) / 1e3, "machine: fdatasync")
