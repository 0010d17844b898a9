"""What the status of a worker comes to in gauges, so that the two never disagree."""

from __future__ import annotations

from typing import Final

from torghut.kernel.units import MS_PER_S, NS_PER_S
from torghut.schemas.live.worker import WorkerStatus
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.observing.metric import Gauge
from torghut.workflows.live.observing.telemetry import Telemetry

_NOT_KNOWN: Final = float("nan")


def show_status(telemetry: Telemetry, status: WorkerStatus, *, clock_apart_ns: int) -> None:
    """Let every gauge say what ``status`` says.

    Args:
        telemetry: Takes the figures.
        status: As of now.
        clock_apart_ns: How far the wall clock was set since the start.
    """
    telemetry.put(metrics.PENDING, status.pending)
    telemetry.put(metrics.SUBSCRIBERS, status.subscribers)
    telemetry.put(metrics.LATCH_CLOSED, status.latch)
    telemetry.put(metrics.LAG, _NOT_KNOWN if status.lag_ms is None else status.lag_ms / MS_PER_S)
    telemetry.put(metrics.LAST_DECISION_AGE, _age_s(status))
    telemetry.put(metrics.CLOCK_APART, clock_apart_ns / NS_PER_S)
    _show_one_of(telemetry, metrics.STATE, {status.state})
    _show_one_of(telemetry, metrics.DEGRADED, {mode.code for mode in status.degraded})
    _show_one_of(telemetry, metrics.SWITCH_THROWN, {switch.name for switch in status.switches})


def _age_s(status: WorkerStatus) -> float:
    """Return how long ago an outcome became durable; a wall clock set back makes none younger."""
    last_ns = status.last_decision_wall_ns
    return _NOT_KNOWN if last_ns is None else max(0, status.written_wall_ns - last_ns) / NS_PER_S


def _show_one_of(telemetry: Telemetry, metric: Gauge[str], on: set[str]) -> None:
    """Let a gauge say 1 for the labels that are on, and 0 for all others."""
    for (value,) in metric.series():
        telemetry.put(metric, value in on, str(value))
