"""The latency readings: what the processes of workers had counted, each time they were looked at.

A reading that says nothing new is no event. What was counted never gets less while a process lives,
so a page that counts less than it did is refused, and what it says from then on stays unseen. The
fold keeps what the longest window can still need: of each process one reading that is older, and of
each worker its newest process, however long that has been silent.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from torghut.eventlog.decider import Decider
from torghut.governance.slo.errors import LatencyRefusedError
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.staging.slo import WINDOW_MS
from torghut.schemas.staging.latency import BOUNDS_S, LatencyRead

_COUNT_END: Final = 2**53
_SLACK_MS: Final = 3_600_000
"""How much older than a cycle the end of a window that it judges may be."""

KEPT_NS: Final = (max(WINDOW_MS.values()) + _SLACK_MS) * NS_PER_MS
"""How long a reading may still be where a window begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One life of a worker.

    Attributes:
        worker: Its name.
        pid: Of the process.
        started_ns: Wall time.
    """

    worker: str
    pid: int
    started_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLatency:
    """Say what a process has counted since it started.

    Attributes:
        process: That counted.
        counts: Outcomes within each of ``BOUNDS_S``, as they stand on a page that anybody may have
            written.
        at_ns: When the page was read.
    """

    process: Process
    counts: Sequence[int]
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyReading:
    """What a process had counted at a time."""

    at_ns: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRead:
    """A process, and what it had counted: one reading at least, the oldest first."""

    process: Process
    readings: tuple[LatencyReading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyState:
    """What the latency readings come to.

    Attributes:
        processes: Those that a window may need, in the order in which they were first read.
        time_ns: Of the newest reading.
    """

    processes: tuple[ProcessRead, ...] = ()
    time_ns: int = 0


def counted_between(before: Sequence[int], after: Sequence[int]) -> tuple[int, ...]:
    """Return what was counted from one reading to another, of the same length."""
    return tuple(b - a for a, b in zip(before, after, strict=True))


def _decide(command: ReadLatency, state: LatencyState) -> Sequence[LatencyRead]:
    process, counts = command.process, tuple(command.counts)
    _check(process, counts, "counts since it started, one for each bound, that never fall")
    known = next((one for one in state.processes if one.process == process), None)
    if known is None and command.at_ns < state.time_ns - KEPT_NS:
        return []  # no window needs it, and it may be of a process that was forgotten
    if known is not None:
        before = known.readings[-1].counts
        if before == counts:
            return []
        if len(before) == len(counts):
            _check(process, counted_between(before, counts), "no count to be less than it was")
    return [
        LatencyRead(
            worker=process.worker,
            pid=process.pid,
            started_ns=process.started_ns,
            counts=counts,
            at_ns=max(command.at_ns, state.time_ns),
        )
    ]


def _check(process: Process, counts: Sequence[int], expected: str) -> None:
    """Check that ``counts`` are those of a histogram, in each bucket and all below it.

    Raises:
        LatencyRefusedError: They are not.
    """
    whole = all(type(one) is int and 0 <= one < _COUNT_END for one in counts)
    if (
        whole
        and len(counts) == len(BOUNDS_S)
        and all(low <= high for low, high in pairwise(counts))
    ):
        return
    found = " ".join(map(str, counts)) if whole else f"{len(counts)}, not all of them counts"
    raise LatencyRefusedError(worker=process.worker, expected=expected, found=found)


def _evolve(state: LatencyState, event: LatencyRead) -> LatencyState:
    process = Process(worker=event.worker, pid=event.pid, started_ns=event.started_ns)
    reading = LatencyReading(at_ns=event.at_ns, counts=event.counts)
    known = [one.process for one in state.processes]
    if process in known:
        processes = tuple(
            replace(one, readings=(*one.readings, reading)) if one.process == process else one
            for one in state.processes
        )
    else:
        processes = (*state.processes, ProcessRead(process=process, readings=(reading,)))
    time_ns = max(state.time_ns, event.at_ns)
    return LatencyState(processes=tuple(_needed(processes, time_ns - KEPT_NS)), time_ns=time_ns)


def _needed(processes: Sequence[ProcessRead], oldest_ns: int) -> Iterator[ProcessRead]:
    """Yield the processes and readings that a window may need which begins at ``oldest_ns``."""
    newest = {one.process.worker: one.process for one in processes}
    for one in processes:
        if one.readings[-1].at_ns < oldest_ns and newest[one.process.worker] != one.process:
            continue
        behind = bisect_right(one.readings, oldest_ns, key=lambda reading: reading.at_ns)
        yield replace(one, readings=one.readings[behind - 1 :]) if behind > 1 else one


LATENCY: Final[Decider[ReadLatency, LatencyRead, LatencyState]] = Decider(
    initial=LatencyState(), decide=_decide, evolve=_evolve
)
