"""Latency out of the service's own metrics, as ``/metrics`` prints them: one reading, or two."""

from __future__ import annotations

import math
import re
from typing import ClassVar, Final

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.observing.catalogue import INGRESS_TO_DURABLE
from torghut.workflows.slo.measuring import LatencyCounts

_BUCKET: Final = re.compile(
    rf'^{INGRESS_TO_DURABLE.name}_bucket\{{le="(?P<le>[0-9.e+-]+|\+Inf)"\}} (?P<count>[0-9.e+]+)$',
    re.MULTILINE | re.ASCII,
)


class MetricsUnreadableError(TorghutError):
    """A file does not hold the service's metrics, or two files are not of one process."""

    code: ClassVar[str] = "slo.metrics-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, expected: str, found: str) -> None:
        super().__init__(
            f"expected {expected}, found {found}; keep what GET /metrics of the service prints, "
            "once when the window begins and once when it ends"
        )
        self.expected = expected
        self.found = found


def latency_of(text: str) -> LatencyCounts:
    """Return the latency of every outcome since the service started.

    Raises:
        MetricsUnreadableError: The text holds no such histogram.
    """
    buckets: dict[float, int] = {}
    for match in _BUCKET.finditer(text):
        bound = math.inf if match["le"] == "+Inf" else float(match["le"])
        buckets[bound] = int(float(match["count"]))
    bounds = tuple(sorted(buckets))
    if bounds != (*INGRESS_TO_DURABLE.buckets, math.inf):
        raise MetricsUnreadableError(
            expected=f"every bucket of {INGRESS_TO_DURABLE.name}", found=f"{len(bounds)} of them"
        )
    return LatencyCounts(bounds_s=bounds, counts=tuple(buckets[one] for one in bounds))


def latency_between(before: LatencyCounts, after: LatencyCounts) -> LatencyCounts:
    """Return the latency of the outcomes between two readings of one process.

    Raises:
        MetricsUnreadableError: The later one counts less: the service was started anew.
    """
    counts = tuple(b - a for a, b in zip(before.counts, after.counts, strict=True))
    if min(counts, default=0) < 0:
        raise MetricsUnreadableError(
            expected="two readings of one process", found="a later one that counts less"
        )
    return LatencyCounts(bounds_s=after.bounds_s, counts=counts)
