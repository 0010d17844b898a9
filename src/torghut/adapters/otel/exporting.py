"""Exports traces in a thread of its own: the loop only puts them into a bounded queue."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from typing_extensions import override

from torghut.adapters.otel.opening import Tracing
from torghut.adapters.otel.spans import block_spans, request_span
from torghut.kernel.units import MS_PER_S
from torghut.schemas.observing.catalogue import TRACES_DROPPED
from torghut.schemas.observing.log_events import TracingFailed
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.tracing import BlockTrace, RequestTrace, Tracer

WAITING_MAX: Final = 4096
"""Traces that may wait; what comes then is lost."""

BATCH_MAX: Final = 256
"""Traces in one export."""

_GATHER_S: Final = 1.0
_LIBRARY: Final = logging.getLogger("opentelemetry")
_DETAIL_MAX: Final = 300

Trace = BlockTrace | RequestTrace


class _Gathered(SpanProcessor):
    """Keeps the spans that were made, until they are taken out."""

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    @override
    def on_end(self, span: ReadableSpan) -> None:
        self._spans.append(span)

    def take(self) -> list[ReadableSpan]:
        """Take all spans out."""
        taken, self._spans = self._spans, []
        return taken


class _Complaints(logging.Handler):
    """Says in the service's own log what the library complains of."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._journal.say(TracingFailed(detail=record.getMessage()[:_DETAIL_MAX]))


class ExportingTracer(Tracer):
    """Makes spans of traces and exports them.

    Args:
        tracing: Whom they come from, and who is told of those that are lost.
        exporter: Brings them to the collector; may take its time.
    """

    def __init__(self, tracing: Tracing, exporter: SpanExporter) -> None:
        self._tracing = tracing
        self._exporter = exporter
        self._waiting: queue.Queue[Trace | None] = queue.Queue(WAITING_MAX)
        self._closing = threading.Event()
        self._gathered = _Gathered()
        provider = TracerProvider(resource=_resource(tracing), shutdown_on_exit=False)
        provider.add_span_processor(self._gathered)
        self._tracer = provider.get_tracer("torghut", tracing.version)
        self._complaints = _Complaints(tracing.journal)
        _LIBRARY.addHandler(self._complaints)
        self._thread = threading.Thread(target=self._work, name="tracing", daemon=True)
        self._thread.start()

    @override
    def block(self, trace: BlockTrace) -> None:
        self._put(trace)

    @override
    def request(self, trace: RequestTrace) -> None:
        self._put(trace)

    @override
    async def close(self, budget_ms: int) -> None:
        self._closing.set()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)  # wakes the thread where it waits for a first one
        await asyncio.to_thread(self._thread.join, budget_ms / MS_PER_S)
        if self._thread.is_alive():
            self._lose(self._waiting.qsize(), "the budget for ending was over")
            return
        self._exporter.shutdown()
        _LIBRARY.removeHandler(self._complaints)

    def _put(self, trace: Trace) -> None:
        """Let a trace wait, unless too many do."""
        if self._closing.is_set():
            self._tracing.telemetry.count(TRACES_DROPPED, 1)
            return
        try:
            self._waiting.put_nowait(trace)
        except queue.Full:
            self._tracing.telemetry.count(TRACES_DROPPED, 1)

    def _work(self) -> None:
        """Export what comes, until nothing more will."""
        while not self._closing.is_set() or not self._waiting.empty():
            batch = self._batch()
            if batch:
                self._export(batch)

    def _batch(self) -> list[Trace]:
        """Wait for a trace; return it with those that came within a moment."""
        first = self._waiting.get()
        if first is None:
            return []
        self._closing.wait(_GATHER_S)
        batch = [first]
        while len(batch) < BATCH_MAX:
            try:
                more = self._waiting.get_nowait()
            except queue.Empty:
                break
            if more is not None:
                batch.append(more)
        return batch

    def _export(self, batch: list[Trace]) -> None:
        """Export a batch; whatever goes wrong costs these traces and nothing else."""
        try:
            for trace in batch:
                if isinstance(trace, BlockTrace):
                    block_spans(self._tracer, trace)
                else:
                    request_span(self._tracer, trace)
            spans = self._gathered.take()
            taken = not spans or self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception as error:  # noqa: BLE001 - the outermost loop of this thread
            self._gathered.take()
            self._lose(len(batch), repr(error)[:_DETAIL_MAX])
        else:
            if not taken:
                self._lose(len(batch), "the collector did not take them")

    def _lose(self, count: int, why: str) -> None:
        """Say that traces are lost."""
        self._tracing.telemetry.count(TRACES_DROPPED, count)
        self._tracing.journal.say(TracingFailed(detail=f"{count} traces lost: {why}"))


def _resource(tracing: Tracing) -> Resource:
    """Return what spans come from; a name that the environment gives goes first."""
    stated = OTELResourceDetector().detect().attributes
    return Resource.create(
        {
            SERVICE_NAME: stated.get(SERVICE_NAME, "torghut"),
            SERVICE_VERSION: tracing.version,
            SERVICE_INSTANCE_ID: tracing.worker,
        }
    )


def open_exporting(tracing: Tracing) -> Tracer:
    """Return a tracer that exports to the endpoint of ``tracing``."""
    return ExportingTracer(tracing, OTLPSpanExporter(endpoint=tracing.endpoint))
