"""Building OTLP requests by hand."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

SECOND_NS = 1_000_000_000
# A minute ago, on the second: tables forget what is old.
START_NS = (int(time.time()) - 60) * SECOND_NS

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Span:
    """A span as a test thinks of it."""

    attributes: Values = field(default_factory=dict)
    trace_id: bytes = b"t" * 16
    span_id: bytes = b"s" * 8
    parent_span_id: bytes = b""
    name: str = "chat"
    kind: int = 3
    start_ns: int = START_NS
    end_ns: int = START_NS + SECOND_NS
    status: int = 0
    status_message: str = ""
    events: Sequence[tuple[str, Values]] = ()


def value_of(value: Any) -> AnyValue:
    """Encode a Python value the way OpenTelemetry's SDKs do."""
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    if isinstance(value, list | tuple):
        return AnyValue(array_value=ArrayValue(values=[value_of(item) for item in value]))
    return AnyValue(string_value=value)


def pairs(values: Values) -> list[KeyValue]:
    return [KeyValue(key=key, value=value_of(value)) for key, value in values.items()]


def encode_span(span: Span) -> ProtoSpan:
    out = ProtoSpan(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        name=span.name,
        kind=span.kind,  # type: ignore[arg-type]
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=pairs(span.attributes),
    )
    out.status.code = span.status  # type: ignore[assignment]
    out.status.message = span.status_message
    for name, values in span.events:
        out.events.add(name=name, time_unix_nano=span.start_ns, attributes=pairs(values))
    return out


def request(
    *spans: Span, scope: str = "test", version: str = "1.0", resource: Values | None = None
) -> bytes:
    """Return an ExportTraceServiceRequest with one resource and one scope."""
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    resource_spans.resource.attributes.extend(pairs(resource or {"service.name": "shop"}))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name, scope_spans.scope.version = scope, version
    scope_spans.spans.extend(encode_span(span) for span in spans)
    return message.SerializeToString()


def decoded(body: bytes) -> list[ProtoSpan]:
    """Return all spans of a request as the full OpenTelemetry classes see them."""
    message = ExportTraceServiceRequest.FromString(body)
    return [
        span
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def keys(span: ProtoSpan) -> set[str]:
    return {pair.key for pair in span.attributes}
