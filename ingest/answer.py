"""What the collector sends back: OTLP's answers, in protobuf."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from ingest.errors import Busy, Refused

PROTOBUF = b"application/x-protobuf"


def make_status_class() -> Any:
    """Make google.rpc.Status, whose details OTLP leaves empty."""
    file = FileDescriptorProto(name="inferledger/status.proto", package="inferledger.rpc")
    file.syntax = "proto3"
    message = file.message_type.add(name="Status")
    fields = (
        (1, "code", FieldDescriptorProto.TYPE_INT32),
        (2, "message", FieldDescriptorProto.TYPE_STRING),
    )
    for number, name, kind in fields:
        message.field.add(
            name=name, number=number, type=kind, label=FieldDescriptorProto.LABEL_OPTIONAL
        )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("inferledger.rpc.Status"))


Status = make_status_class()

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


def accepted(rejected: int, reason: str) -> Answer:
    """Acknowledge a request; spans that were left out are told as partial success."""
    body = b""
    if rejected:
        body = ExportTraceServiceResponse(
            partial_success=ExportTracePartialSuccess(rejected_spans=rejected, error_message=reason)
        ).SerializeToString()
    return 200, [(b"content-type", PROTOBUF)], body


def refused(error: Refused) -> Answer:
    """Say why nothing was stored, as google.rpc.Status."""
    headers = [(b"content-type", PROTOBUF)]
    if isinstance(error, Busy):
        headers.append((b"retry-after", str(error.retry_after_s).encode()))
    body: bytes = Status(code=error.code, message=str(error)).SerializeToString()
    return error.status, headers, body
