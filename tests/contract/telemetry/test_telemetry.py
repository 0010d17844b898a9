"""What every telemetry does: take every series of the catalogue, and refuse labels of none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.fakes.observing import RecordedTelemetry
from torghut.adapters.prometheus.page import PrometheusPage
from torghut.schemas.codes import RefusalCode
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.observing.metric import (
    Counter,
    Gauge,
    Histogram,
    LabelUnknownError,
    LabelValue,
    Metric,
)
from torghut.workflows.live.observing.telemetry import SilentTelemetry, Telemetry


def page() -> PrometheusPage:
    return PrometheusPage({"version": "1", "kernel_version": "2"})


def give(telemetry: Telemetry, metric: Metric, labels: Sequence[LabelValue]) -> None:
    """Give ``telemetry`` a figure of ``metric``, whatever labels it has."""
    if isinstance(metric, Counter):
        telemetry.count(metric, 1, *labels)
    elif isinstance(metric, Gauge):
        telemetry.put(metric, 1.5, *labels)
    elif isinstance(metric, Histogram):
        telemetry.observe(metric, [0.1, 99], *labels)


@pytest.mark.parametrize("make", [page, RecordedTelemetry, SilentTelemetry])
def test_every_series_is_taken(make: Callable[[], Telemetry]) -> None:
    telemetry = make()

    for metric in metrics.METRICS:
        for labels in metric.series():
            give(telemetry, metric, labels)


@pytest.mark.parametrize("make", [page, RecordedTelemetry])
@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        (metrics.REFUSED, [RefusalCode.NONE]),
        (metrics.CONTEXTS, ["invented"]),
        (metrics.CONTEXTS, []),
        (metrics.BLOCKS, ["decided"]),
        (metrics.STATE, ["asleep"]),
        (metrics.HTTP_DURATION, ["/metrics", "POST"]),
    ],
    ids=str,
)
def test_labels_of_no_series_are_refused(
    make: Callable[[], Telemetry], metric: Metric, labels: list[LabelValue]
) -> None:
    with pytest.raises(LabelUnknownError):
        give(make(), metric, labels)
