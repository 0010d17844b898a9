"""Figures, log lines and traces as they were given, for tests to look at."""

from __future__ import annotations

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from typing_extensions import override

from torghut.schemas.observing.log_event import LogEvent
from torghut.schemas.observing.metric import (
    Counter,
    Gauge,
    Histogram,
    LabelUnknownError,
    Ls,
    Metric,
    label_text,
)
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import Telemetry
from torghut.workflows.live.observing.tracing import BlockTrace, RequestTrace, Tracer


@dataclass(slots=True)
class RecordedTelemetry(Telemetry):
    """Keeps figures by the metric's name and its labels as exported, joined by commas."""

    counted: Tally[str] = field(default_factory=Tally)
    observed: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    shown: dict[str, float] = field(default_factory=dict)

    @override
    def count(self, metric: Counter[*Ls], amount: float, *labels: *Ls) -> None:
        self.counted[_name(metric, labels)] += int(amount)

    @override
    def observe(self, metric: Histogram[*Ls], values: Iterable[float], *labels: *Ls) -> None:
        self.observed[_name(metric, labels)].extend(values)

    @override
    def put(self, metric: Gauge[*Ls], value: float, *labels: *Ls) -> None:
        self.shown[_name(metric, labels)] = value


@dataclass(slots=True)
class KeptJournal(Journal):
    """Keeps log events with what they belong to."""

    said: list[tuple[LogEvent, str]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)

    @override
    def say(self, event: LogEvent, *, correlation_id: str = "") -> None:
        self.said.append((event, correlation_id))

    @override
    def hide(self, secret: str) -> None:
        self.hidden.add(secret)


@dataclass(slots=True)
class KeptTracer(Tracer):
    """Keeps traces."""

    blocks: list[BlockTrace] = field(default_factory=list)
    requests: list[RequestTrace] = field(default_factory=list)

    @override
    def block(self, trace: BlockTrace) -> None:
        self.blocks.append(trace)

    @override
    def request(self, trace: RequestTrace) -> None:
        self.requests.append(trace)

    @override
    async def close(self, budget_ms: int) -> None:
        return


def _name(metric: Metric, labels: tuple[object, ...]) -> str:
    """Return what a series is kept under."""
    for known in metric.series():
        if known == labels:
            return ",".join((metric.name, *map(label_text, known)))
    raise LabelUnknownError(metric=metric.name, labels=labels)
