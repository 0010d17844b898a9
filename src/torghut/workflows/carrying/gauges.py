"""How a worker stands as gauges: what its partitions say is said for all of them."""

from __future__ import annotations

from typing import Final

from torghut.kernel.units import MS_PER_S
from torghut.schemas.observing import catalogue as metrics
from torghut.workflows.carrying.member import CarryingWorker
from torghut.workflows.live.observing.telemetry import Telemetry

_NOT_KNOWN: Final = float("nan")


def show_member(telemetry: Telemetry, member: CarryingWorker) -> None:
    """Let every gauge of a worker say what holds now."""
    loops = [one.worker for one in member.owned.values() if one.worker is not None]
    lags = [one.loop.lag_ms for one in loops if one.loop.lag_ms is not None]
    telemetry.put(metrics.CARRIED_PARTITIONS, sum(one.serving for one in member.owned.values()))
    troubled = [one for one in member.owned.values() if one.trouble is not None]
    telemetry.put(metrics.CARRIED_TROUBLES, len(troubled))
    telemetry.put(metrics.CARRIED_BEHIND, member.behind)
    telemetry.put(metrics.PENDING, sum(len(one.loop.line) for one in loops))
    telemetry.put(metrics.LATCH_CLOSED, any(one.standing.status().latch for one in loops))
    telemetry.put(metrics.LAG, max(lags) / MS_PER_S if lags else _NOT_KNOWN)
