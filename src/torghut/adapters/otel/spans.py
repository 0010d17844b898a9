"""Traces as spans of OpenTelemetry, by its names, within the W3C trace context that came along."""

from __future__ import annotations

from typing import Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from torghut.workflows.live.observing.tracing import BlockTrace, RequestTrace

_CONTEXT: Final = TraceContextTextMapPropagator()
_FAILED: Final = 500


def block_spans(tracer: Tracer, trace: BlockTrace) -> None:
    """Make the span of a block, and one of each of its steps below it."""
    steps = (
        ("decide", trace.decide_ns),
        ("commit", trace.commit_ns),
        ("hand over", trace.hand_over_ns),
    )
    at_ns = trace.begun_wall_ns
    block = tracer.start_span(
        "block",
        context=Context(),
        kind=SpanKind.CONSUMER,
        start_time=at_ns,
        attributes={
            "messaging.batch.message_count": trace.contexts,
            "torghut.block.partition": trace.partition,
            "torghut.block.number": trace.number,
            "torghut.block.decisions": trace.decisions,
            "torghut.block.control_records": trace.control_records,
        },
    )
    below = set_span_in_context(block, Context())
    for name, took_ns in steps:
        step = tracer.start_span(name, context=below, start_time=at_ns)
        at_ns += took_ns
        step.end(end_time=at_ns)
    block.end(end_time=at_ns)


def request_span(tracer: Tracer, trace: RequestTrace) -> None:
    """Make the span of a request, below the caller's where the caller named one."""
    method = "_OTHER" if trace.method == "other" else trace.method
    span = tracer.start_span(
        f"{method} {trace.route}",
        context=_CONTEXT.extract({"traceparent": trace.traceparent}, Context()),
        kind=SpanKind.SERVER,
        start_time=trace.begun_wall_ns,
        attributes={
            "http.request.method": method,
            "http.route": trace.route,
            "http.response.status_code": trace.status,
        },
    )
    if trace.status >= _FAILED:
        span.set_attribute("error.type", str(trace.status))
        span.set_status(Status(StatusCode.ERROR))
    span.end(end_time=trace.begun_wall_ns + trace.took_ns)
