"""Every metric of the catalogue, counted in memory and rendered when somebody asks.

The figures are kept here and not in the library's own objects: those keep a second series of birth
times for each counter, take one value at a time, and put themselves into a registry that the whole
process shares.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import override

from torghut.schemas.observing.catalogue import BUILD, BUILD_HELP, BUILD_LABELS, METRICS
from torghut.schemas.observing.metric import (
    Counter,
    Gauge,
    Histogram,
    LabelUnknownError,
    Ls,
    Metric,
    label_text,
)
from torghut.workflows.live.observing.telemetry import MetricsPage

_Labels = tuple[object, ...]

_END: Final = "+Inf"


@dataclass(slots=True)
class _Filled:
    """A histogram's series: how many values each bucket holds, the last without end."""

    counts: list[int]
    total: float = 0.0


class PrometheusPage(MetricsPage, Collector):
    """Counts by the catalogue; every series is there from the start.

    Args:
        build: What runs, by the labels of the build's metric.
    """

    def __init__(self, build: Mapping[str, str]) -> None:
        self._build = [build[label] for label in BUILD_LABELS]
        self._lock = threading.Lock()
        self._refreshes: list[Callable[[], None]] = []
        self._figures: dict[Metric, dict[_Labels, float]] = {}
        self._filled: dict[Metric, dict[_Labels, _Filled]] = {}
        for metric in METRICS:
            if isinstance(metric, Histogram):
                buckets = len(metric.buckets) + 1
                self._filled[metric] = {one: _Filled([0] * buckets) for one in metric.series()}
            else:
                self._figures[metric] = dict.fromkeys(metric.series(), 0.0)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    @override
    def count(self, metric: Counter[*Ls], amount: float, *labels: *Ls) -> None:
        try:
            with self._lock:
                self._figures[metric][labels] += amount
        except KeyError as error:
            raise LabelUnknownError(metric=metric.name, labels=labels) from error

    @override
    def observe(self, metric: Histogram[*Ls], values: Iterable[float], *labels: *Ls) -> None:
        try:
            filled = self._filled[metric][labels]
        except KeyError as error:
            raise LabelUnknownError(metric=metric.name, labels=labels) from error
        counts, bounds = filled.counts, metric.buckets
        with self._lock:
            for value in values:
                counts[bisect_left(bounds, value)] += 1
                filled.total += value

    @override
    def put(self, metric: Gauge[*Ls], value: float, *labels: *Ls) -> None:
        if labels not in self._figures.get(metric, ()):
            raise LabelUnknownError(metric=metric.name, labels=labels)
        self._figures[metric][labels] = float(value)

    @override
    def before_reading(self, refresh: Callable[[], None]) -> None:
        self._refreshes.append(refresh)

    @override
    def text(self) -> bytes:
        for refresh in self._refreshes:
            refresh()
        return generate_latest(self._registry)

    @override
    def collect(self) -> Iterator[Family]:
        """Yield every metric as of now, for the library's renderer."""
        built = GaugeMetricFamily(BUILD, BUILD_HELP, labels=BUILD_LABELS)
        built.add_metric(self._build, 1.0)
        yield built
        for metric in METRICS:
            with self._lock:
                family = self._family(metric)
            yield family

    def _family(self, metric: Metric) -> Family:
        """Return one metric with all its series."""
        names = [label.name for label in metric.labels]
        if isinstance(metric, Histogram):
            family = HistogramMetricFamily(metric.name, metric.help, labels=names)
            self._add_buckets(family, metric, metric.buckets)
            return family
        kind = CounterMetricFamily if isinstance(metric, Counter) else GaugeMetricFamily
        figures = kind(metric.name, metric.help, labels=names)
        for labels, figure in self._figures[metric].items():
            figures.add_metric(_texts(labels), figure)
        return figures

    def _add_buckets(
        self, family: HistogramMetricFamily, metric: Metric, buckets: Sequence[float]
    ) -> None:
        """Add a histogram's series; each bucket holds all that is below it."""
        bounds = [*map(str, buckets), _END]
        for labels, filled in self._filled[metric].items():
            held = list(zip(bounds, accumulate(filled.counts), strict=True))
            family.add_metric(_texts(labels), buckets=held, sum_value=filled.total)


def _texts(labels: _Labels) -> Sequence[str]:
    """Return the labels of a series as they are exported."""
    return [label_text(value) for value in labels if isinstance(value, str | IntEnum)]
