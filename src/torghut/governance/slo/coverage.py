"""A window's latency out of readings that seldom stand at its edges: never less than it was.

The readings around a window show more than was in it, and may show less: a process came and went
unseen, or was first read when it had long been at work. The log knows how many outcomes there were.
What the readings may hold beyond the window is taken from the quickest, and what they do not show
counts as slower than everything. So the 95th percentile of a window of which less than 95 % was
seen has no bound, and nobody need declare how much must be seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from torghut.governance.slo.latency import LatencyState, ProcessRead, counted_between
from torghut.schemas.staging.latency import BOUNDS_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """What the readings around a window count.

    Attributes:
        after_ns: Nothing in it became durable before then.
        to_ns: Nor after then.
        counts: Outcomes within each of ``BOUNDS_S``.
    """

    after_ns: int
    to_ns: int
    counts: tuple[int, ...]


def covering(state: LatencyState, after_ns: int) -> Covering:
    """Return what was counted from ``after_ns``, or somewhat before it, up to the newest reading.

    A process that started later counts from nothing; one that was not read before counts from its
    first reading, so that what it had done until then stays unseen.
    """
    sums, begins_ns = [0] * len(BOUNDS_S), after_ns
    for one in state.processes:
        if len(one.readings[-1].counts) != len(BOUNDS_S):
            continue  # by bounds of another version
        from_ns, counts = _of_process(one, after_ns)
        if counts[-1]:
            begins_ns = min(begins_ns, from_ns)
            sums = [a + b for a, b in zip(sums, counts, strict=True)]
    return Covering(after_ns=begins_ns, to_ns=max(after_ns, state.time_ns), counts=tuple(sums))


def within(found: Covering, *, accepted: int, covered: int) -> tuple[int, ...]:
    """Return how many outcomes of a window were durable within each time: no more than there were.

    Args:
        found: What the readings count.
        accepted: Outcomes that the log has of the window.
        covered: Outcomes that it has of all the time that the readings are about.
    """
    beyond = max(covered, found.counts[-1], accepted) - accepted
    quick = (max(0, min(one - beyond, accepted)) for one in found.counts[:-1])
    return (*quick, accepted)


def _of_process(one: ProcessRead, after_ns: int) -> tuple[int, Sequence[int]]:
    """Return since when a process is counted, and what it counted."""
    newest = one.readings[-1].counts
    place = bisect_right(one.readings, after_ns, key=lambda reading: reading.at_ns)
    if not place and one.process.started_ns > after_ns:
        return after_ns, newest
    since = one.readings[max(0, place - 1)]
    if len(since.counts) != len(newest):
        return after_ns, [0] * len(newest)
    return min(after_ns, since.at_ns), counted_between(since.counts, newest)
