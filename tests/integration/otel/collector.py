"""A collector of traces in this process: takes what is exported over HTTP, or does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from typing_extensions import override


@dataclass(slots=True)
class Collector:
    """What came in.

    Attributes:
        endpoint: Where it takes traces.
        status: What it answers.
        hold: Cleared, it answers nobody until it is set.
    """

    endpoint: str = ""
    status: int = 200
    hold: threading.Event = field(default_factory=threading.Event)
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def spans(self) -> dict[str, Span]:
        """The spans that came in, by name."""
        return {
            span.name: span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def resource(self) -> dict[str, str]:
        """What the spans say they come from."""
        attributes = self.requests[0].resource_spans[0].resource.attributes
        return {one.key: one.value.string_value for one in attributes}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Yield a collector that takes everything, on a port of this machine."""
    collector = Collector()
    collector.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.hold.wait()
            if collector.status < 300:
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
                collector.paths.append(self.path)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.endpoint = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield collector
    finally:
        collector.hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


def attributes_of(span: Span) -> dict[str, object]:
    """Return a span's attributes as plain values."""
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes
    }
