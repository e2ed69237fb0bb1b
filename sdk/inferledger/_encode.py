"""Turn spans into an OTLP request, on the sender's thread.

OpenTelemetry's SDK and protobuf are imported by `encoder`, so that importing this package costs an
application almost nothing. `init` calls it: later, at the end of a short script, its imports would
find an interpreter that starts no more threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from inferledger import attributes as names
from inferledger._span import Span
from inferledger._version import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

Encode = Callable[[Sequence[Span]], bytes]


def encoder(resource: Mapping[str, str]) -> Encode:
    """A function that serialises spans of this service as an ExportTraceServiceRequest."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import (  # noqa: PLC0415
        encode_spans,
    )

    readable = _readable(resource)

    def encode(spans: Sequence[Span]) -> bytes:
        return encode_spans([readable(span) for span in spans]).SerializeToString()

    return encode


def rejected(answer: bytes) -> tuple[int, str]:
    """How many spans of an accepted request the collector turned down, and why."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
        ExportTraceServiceResponse,
    )

    try:
        partial = ExportTraceServiceResponse.FromString(answer).partial_success
    except DecodeError:
        return 0, ""  # Taken, by a collector that says so in words of its own.
    return partial.rejected_spans, partial.error_message


def _readable(resource: Mapping[str, str]) -> Callable[[Span], ReadableSpan]:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415
    from opentelemetry.trace import (  # noqa: PLC0415
        SpanContext,
        SpanKind,
        Status,
        StatusCode,
        TraceFlags,
    )

    emitter = Resource.create(dict(resource))
    scope = InstrumentationScope(names.SCOPE_NAME, __version__)
    sampled = TraceFlags(TraceFlags.SAMPLED)
    fine, failed = Status(StatusCode.UNSET), Status(StatusCode.ERROR)

    def context(trace_id: int, span_id: int) -> SpanContext:
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=sampled)

    def read(span: Span) -> ReadableSpan:
        parent = context(span.trace_id, span.parent_span_id) if span.parent_span_id else None
        return ReadableSpan(
            name=span.name,
            context=context(span.trace_id, span.span_id),
            parent=parent,
            resource=emitter,
            attributes=span.attributes,
            kind=SpanKind.CLIENT,
            status=failed if span.failed else fine,
            start_time=span.started_ns,
            end_time=span.ended_ns,
            instrumentation_scope=scope,
        )

    return read
