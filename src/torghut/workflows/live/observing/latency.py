"""How long outcomes took to become durable, counted for the worker's page."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from torghut.schemas.observing.catalogue import INGRESS_TO_DURABLE


@dataclass(slots=True, kw_only=True)
class LatencyTally:
    """Counts as the metric does, whether or not anybody collects metrics."""

    _buckets: list[int] = field(default_factory=lambda: [0] * (len(INGRESS_TO_DURABLE.buckets) + 1))

    def observe(self, seconds: Iterable[float]) -> None:
        """Count durations, in seconds."""
        bounds, buckets = INGRESS_TO_DURABLE.buckets, self._buckets
        for one in seconds:
            buckets[bisect_left(bounds, one)] += 1

    def within(self) -> tuple[int, ...]:
        """Return how many there were in each bucket and all below it."""
        return tuple(accumulate(self._buckets))
