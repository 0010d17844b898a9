"""Traces reach a collector as spans by OpenTelemetry's names; one that is away costs nothing."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from typing_extensions import override

from tests.fakes.observing import KeptJournal, RecordedTelemetry
from tests.integration.otel.collector import Collector, attributes_of, collecting
from torghut.adapters.otel.exporting import WAITING_MAX, ExportingTracer
from torghut.adapters.otel.opening import Tracing, TracingExtraMissingError, open_tracer
from torghut.schemas.observing.log_events import TracingFailed
from torghut.workflows.live.observing.tracing import BlockTrace, RequestTrace

pytestmark = pytest.mark.usefixtures("socket_enabled")

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BEGUN = 1_700_000_000_000_000_000
BLOCK = BlockTrace(
    partition=0,
    number=7,
    contexts=3,
    decisions=2,
    control_records=1,
    begun_wall_ns=BEGUN,
    decide_ns=1000,
    commit_ns=2000,
    hand_over_ns=300,
)
REQUEST = RequestTrace(
    route="/v1/contexts",
    method="POST",
    status=200,
    begun_wall_ns=BEGUN,
    took_ns=5000,
    traceparent=CALLER,
)


@dataclass(slots=True)
class Observed:
    """Who is told of traces that are lost."""

    telemetry: RecordedTelemetry = field(default_factory=RecordedTelemetry)
    journal: KeptJournal = field(default_factory=KeptJournal)

    def tracing(self, endpoint: str) -> Tracing:
        """Return a tracing to ``endpoint`` that tells them."""
        return Tracing(
            endpoint=endpoint,
            worker="w-1",
            version="0.1.0",
            telemetry=self.telemetry,
            journal=self.journal,
        )

    @property
    def lost(self) -> int:
        """Traces that were counted as lost."""
        return self.telemetry.counted["torghut_observing_traces_dropped_total"]

    @property
    def said(self) -> str:
        """Everything that the log of the service says of it."""
        return "\n".join(
            event.detail for event, _ in self.journal.said if isinstance(event, TracingFailed)
        )


class StuckExporter(SpanExporter):
    """Does not come back before it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    @override
    def export(self, spans: object) -> SpanExportResult:
        self.let_go.wait()
        return SpanExportResult.SUCCESS


class BrokenExporter(SpanExporter):
    """Fails in a way that no exporter should."""

    @override
    def export(self, spans: object) -> SpanExportResult:
        message = "broken"
        raise RuntimeError(message)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


def exported(
    collector: Collector, *traces: BlockTrace | RequestTrace, seen: Observed | None = None
) -> None:
    """Export traces and end."""
    tracer = open_tracer((seen or Observed()).tracing(collector.endpoint), variable="OTEL_X")
    for trace in traces:
        tracer.block(trace) if isinstance(trace, BlockTrace) else tracer.request(trace)
    asyncio.run(tracer.close(5000))


def test_a_block_is_a_span_with_its_steps_below_it(collector: Collector) -> None:
    exported(collector, BLOCK)

    spans = collector.spans
    assert collector.paths == ["/v1/traces"]
    assert set(spans) == {"block", "decide", "commit", "hand over"}
    assert attributes_of(spans["block"]) == {
        "messaging.batch.message_count": 3,
        "torghut.block.partition": 0,
        "torghut.block.number": 7,
        "torghut.block.decisions": 2,
        "torghut.block.control_records": 1,
    }
    assert spans["block"].start_time_unix_nano == BEGUN
    assert spans["block"].end_time_unix_nano == BEGUN + 3300
    times = [
        (spans[name].start_time_unix_nano - BEGUN, spans[name].end_time_unix_nano - BEGUN)
        for name in ("decide", "commit", "hand over")
    ]
    assert times == [(0, 1000), (1000, 3000), (3000, 3300)]
    for name in ("decide", "commit", "hand over"):
        assert spans[name].parent_span_id == spans["block"].span_id
        assert spans[name].trace_id == spans["block"].trace_id


def test_a_request_is_a_span_below_its_callers(collector: Collector) -> None:
    exported(collector, REQUEST)

    span = collector.spans["POST /v1/contexts"]
    assert span.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert span.parent_span_id.hex() == "00f067aa0ba902b7"
    assert attributes_of(span) == {
        "http.request.method": "POST",
        "http.route": "/v1/contexts",
        "http.response.status_code": 200,
    }
    assert span.end_time_unix_nano - span.start_time_unix_nano == 5000


def test_spans_say_what_they_come_from(collector: Collector) -> None:
    exported(collector, BLOCK)

    assert collector.resource["service.name"] == "torghut"
    assert collector.resource["service.version"] == "0.1.0"
    assert collector.resource["service.instance.id"] == "w-1"


def test_the_standard_name_of_the_service_goes_first(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "desk")

    exported(collector, BLOCK)

    assert collector.resource["service.name"] == "desk"


def test_a_collector_that_refuses_costs_the_traces_and_says_so(
    collector: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = Observed()
    collector.status = 400

    exported(collector, BLOCK, REQUEST, seen=seen)

    assert seen.lost == 2
    assert "400" in seen.said
    assert "2 traces lost" in seen.said
    assert capfd.readouterr() == ("", "")


def test_an_exporter_that_breaks_ends_no_thread() -> None:
    seen = Observed()
    tracer = ExportingTracer(seen.tracing(""), BrokenExporter())

    tracer.block(BLOCK)
    asyncio.run(tracer.close(5000))

    assert seen.lost == 1
    assert "broken" in seen.said


def test_a_collector_that_hangs_holds_up_neither_the_loop_nor_the_end() -> None:
    seen, exporter = Observed(), StuckExporter()
    tracer = ExportingTracer(seen.tracing(""), exporter)

    for _ in range(WAITING_MAX + 500):
        tracer.block(BLOCK)
    asyncio.run(tracer.close(50))

    assert not exporter.let_go.is_set()
    assert seen.lost >= 500
    assert "the budget for ending was over" in seen.said
    exporter.let_go.set()


def test_what_comes_after_the_end_is_lost() -> None:
    seen = Observed()
    tracer = ExportingTracer(seen.tracing(""), BrokenExporter())
    asyncio.run(tracer.close(5000))

    tracer.request(REQUEST)

    assert seen.lost == 1


def test_an_end_leaves_nothing_behind_in_the_library() -> None:
    library = logging.getLogger("opentelemetry")
    before = list(library.handlers)

    tracer = ExportingTracer(Observed().tracing(""), BrokenExporter())
    asyncio.run(tracer.close(5000))

    assert library.handlers == before


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("opentelemetry.sdk.trace", "opentelemetry-sdk"),
        (
            "opentelemetry.exporter.otlp.proto.http.trace_exporter",
            "opentelemetry-exporter-otlp-proto-http",
        ),
    ],
)
def test_a_missing_extra_is_named_with_what_asked_for_it(
    module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torghut.adapters.otel.exporting", raising=False)
    monkeypatch.delitem(sys.modules, "torghut.adapters.otel.spans", raising=False)
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(TracingExtraMissingError) as refusal:
        open_tracer(Observed().tracing("http://x"), variable="OTEL_EXPORTER_OTLP_ENDPOINT")

    assert refusal.value.package.startswith(package)
    assert "pip install 'torghut[otel]'" in str(refusal.value)
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in str(refusal.value)
