"""What tests of latency share: what a worker counts, and commands that say that it was read."""

from __future__ import annotations

from typing import Final

from tests.support.governance.governing import SECOND_NS, START_NS, Memory
from torghut.governance.slo.latency import LATENCY, LatencyState, Process, ReadLatency
from torghut.schemas.staging.latency import LATENCY_EVENT, LatencyRead
from torghut.workflows.live.observing.latency import LatencyTally

Latencies = Memory[ReadLatency, LatencyRead, LatencyState]

WORKER: Final = "worker-0"


def latencies() -> Latencies:
    """Return readings of nobody yet."""
    return Memory(LATENCY, LATENCY_EVENT)


def counted(*seconds: float) -> tuple[int, ...]:
    """Return what a worker's page says after outcomes that took so long."""
    tally = LatencyTally()
    tally.observe(seconds)
    return tally.within()


def reading(
    counts: tuple[int, ...],
    *,
    after_s: float = 0,
    started_s: float = 0,
    worker: str = WORKER,
) -> ReadLatency:
    """Return the command that says what a process has counted, at times since the beginning."""
    started_ns = START_NS + round(started_s * SECOND_NS)
    process = Process(worker=worker, pid=1, started_ns=started_ns)
    return ReadLatency(process=process, counts=counts, at_ns=START_NS + round(after_s * SECOND_NS))
