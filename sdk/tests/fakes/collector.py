"""An OTLP/HTTP collector on loopback that keeps what it takes and answers as it is told."""

from __future__ import annotations

import gzip
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    message: Any

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [
            {
                "name": span.name,
                "trace_id": span.trace_id.hex(),
                "span_id": span.span_id.hex(),
                "parent_span_id": span.parent_span_id.hex(),
                "kind": span.kind,
                "start_ns": span.start_time_unix_nano,
                "end_ns": span.end_time_unix_nano,
                "status": span.status.code,
                "scope": (scope.scope.name, scope.scope.version),
                "resource": _plain(resource.resource.attributes),
                "attributes": _plain(span.attributes),
            }
            for resource in self.message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class Collector:
    """Answers 200 unless `answers` holds others; while `held` is set, it does not answer at all."""

    def __init__(self, port: int = 0) -> None:
        self.answers: deque[Answer] = deque()
        self.requests: list[Received] = []
        self.taken: list[Received] = []
        self.arrived = threading.Event()
        self.release = threading.Event()
        self.release.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The spans of the requests that were taken."""
        return [
            span
            for received in self.taken
            if received.path != "/v1/metrics"
            for span in received.spans
        ]

    def hold(self) -> None:
        """Accept connections, but answer nothing until `release` is set."""
        self.release.clear()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        kind = (
            ExportMetricsServiceRequest
            if handler.path == "/v1/metrics"
            else ExportTraceServiceRequest
        )
        message = kind.FromString(gzip.decompress(body))
        received = Received(handler.path, dict(handler.headers), message)
        self.requests.append(received)
        self.arrived.set()
        self.release.wait(30)
        answer = self.answers.popleft() if self.answers else Answer()
        if answer.status == 200:
            self.taken.append(received)
        try:
            handler.send_response(answer.status)
            for name, value in answer.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(answer.body)))
            handler.end_headers()
            handler.wfile.write(answer.body)
        except OSError:
            return  # The SDK gave up waiting.


def _plain(attributes: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)
