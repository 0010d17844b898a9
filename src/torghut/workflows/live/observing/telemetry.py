"""Figures about the service, by the metrics of the catalogue, for whoever collects them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from typing_extensions import override

from torghut.schemas.observing.metric import Counter, Gauge, Histogram, Ls


class Telemetry(Protocol):
    """Takes figures in; may be called from any thread, and costs next to nothing.

    The labels follow the figure, in the metric's order.

    Raises:
        LabelUnknownError: Labels that the metric does not have, from any of these.
    """

    def count(self, metric: Counter[*Ls], amount: float, *labels: *Ls) -> None:
        """Add ``amount``, 0 or more, to a counter."""
        ...

    def observe(self, metric: Histogram[*Ls], values: Iterable[float], *labels: *Ls) -> None:
        """Take durations into a histogram, in its unit."""
        ...

    def put(self, metric: Gauge[*Ls], value: float, *labels: *Ls) -> None:
        """Let a gauge say ``value`` from here on."""
        ...


class MetricsPage(Telemetry, Protocol):
    """Figures that can be read as a page, such as ``/metrics``."""

    def before_reading(self, refresh: Callable[[], None]) -> None:
        """Call ``refresh`` before each reading, so that gauges say what is so then."""
        ...

    def text(self) -> bytes:
        """Return the page as of now."""
        ...


class SilentTelemetry(Telemetry):
    """Takes figures and keeps none."""

    @override
    def count(self, metric: Counter[*Ls], amount: float, *labels: *Ls) -> None:
        return

    @override
    def observe(self, metric: Histogram[*Ls], values: Iterable[float], *labels: *Ls) -> None:
        return

    @override
    def put(self, metric: Gauge[*Ls], value: float, *labels: *Ls) -> None:
        return


SILENT_TELEMETRY: Final = SilentTelemetry()
