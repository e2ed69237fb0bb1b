"""Clients that send without a pause and remember what was acknowledged to them."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.ingest.payloads import Span, request

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
LLM = {"openinference.span.kind": "LLM", "llm.model_name": "claude-sonnet-4-5"}
SPANS = 20
PAUSE_S = 0.02
TIMEOUT_S = 30

# Send a body in protobuf; True when it was acknowledged.
Transport = Callable[[bytes], bool]


def over_http(port: int, key: str, as_json: bool = False) -> Transport:
    """POST each request on a connection of its own, in protobuf or JSON."""
    kind = "application/json" if as_json else "application/x-protobuf"
    headers = {"Content-Type": kind, "Authorization": f"Bearer {key}"}

    def post(body: bytes) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        try:
            sent = in_json(body) if as_json else body
            connection.request("POST", "/v1/traces", sent, headers)
            response = connection.getresponse()
            response.read()
            return response.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return post


def over_grpc(port: int, key: str) -> Transport:
    """Call Export on one channel, which connects again by itself."""
    channel = grpc.insecure_channel(
        f"127.0.0.1:{port}",
        options=[
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 500),
        ],
    )
    call: Callable[..., object] = channel.unary_unary(EXPORT)

    def export(body: bytes) -> bool:
        try:
            call(body, timeout=TIMEOUT_S, metadata=(("authorization", f"Bearer {key}"),))
        except grpc.RpcError:
            return False
        return True

    return export


def in_json(body: bytes) -> bytes:
    """Write a request as OTLP/JSON, where ids are hexadecimal."""
    message = MessageToDict(ExportTraceServiceRequest.FromString(body))
    for resource in message["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                to_hex(span)
    return json.dumps(message).encode()


def to_hex(span: dict[str, Any]) -> None:
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in span:
            span[name] = base64.b64decode(span[name]).hex()


class Sender(threading.Thread):
    """Sends traces of SPANS new spans each until told to stop; `again` repeats what failed.

    One that doesn't repeat sends nothing twice, so a row that is there twice was doubled by us.
    """

    def __init__(self, transport: Transport, number: int, again: bool = False) -> None:
        super().__init__(daemon=True)
        self.transport = transport
        self.number = number
        self.again = again
        self.over = threading.Event()
        self.sent: set[str] = set()
        self.acknowledged: set[str] = set()

    def run(self) -> None:
        while not self.over.is_set():
            trace_id = self.number.to_bytes(8, "big") + (len(self.sent) + 1).to_bytes(8, "big")
            body = make_trace(trace_id)
            name = trace_id.hex().upper()
            self.sent.add(name)
            if self.deliver(body):
                self.acknowledged.add(name)
            time.sleep(PAUSE_S)

    def deliver(self, body: bytes) -> bool:
        while not self.transport(body):
            if not self.again or self.over.is_set():
                return False
            time.sleep(PAUSE_S)
        return True

    def stop(self) -> None:
        self.over.set()
        self.join()


def make_trace(trace_id: bytes) -> bytes:
    """Return a request of SPANS spans in two dialects, a few seconds old."""
    start_ns = time.time_ns() - 5 * 10**9
    return request(
        *(
            Span(
                CHAT if number % 2 else LLM,
                trace_id=trace_id,
                span_id=number.to_bytes(8, "big"),
                start_ns=start_ns,
                end_ns=start_ns + 10**9,
            )
            for number in range(1, SPANS + 1)
        )
    )
