"""What the collector sends back: OTLP's answers, in protobuf or JSON as the request was."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.duration_pb2 import Duration

from ingest.entrances import Entrance
from ingest.errors import Later, Refused, WrongMethod

PROTOBUF = b"application/x-protobuf"
JSON = b"application/json"
RETRY_INFO = "google.rpc.RetryInfo"

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


@lru_cache(maxsize=1)
def rpc_classes() -> dict[str, Any]:
    """Make google.rpc's Status and RetryInfo, which no package that we need brings."""
    file = FileDescriptorProto(name="inferledger/rpc.proto", package="inferledger.rpc")
    file.syntax = "proto3"
    file.dependency.extend((AnyMessage.DESCRIPTOR.file.name, Duration.DESCRIPTOR.file.name))
    status = file.message_type.add(name="Status")
    optional, repeated = FieldDescriptorProto.LABEL_OPTIONAL, FieldDescriptorProto.LABEL_REPEATED
    of_type = FieldDescriptorProto.TYPE_MESSAGE
    status.field.add(name="code", number=1, type=FieldDescriptorProto.TYPE_INT32, label=optional)
    status.field.add(
        name="message", number=2, type=FieldDescriptorProto.TYPE_STRING, label=optional
    )
    status.field.add(
        name="details", number=3, type=of_type, type_name=".google.protobuf.Any", label=repeated
    )
    retry = file.message_type.add(name="RetryInfo")
    retry.field.add(
        name="retry_delay",
        number=1,
        type=of_type,
        type_name=".google.protobuf.Duration",
        label=optional,
    )
    pool = descriptor_pool.DescriptorPool()
    for needed in (AnyMessage, Duration):
        pool.AddSerializedFile(needed.DESCRIPTOR.file.serialized_pb)
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"inferledger.rpc.{name}"))
        for name in ("Status", "RetryInfo")
    }


Status = rpc_classes()["Status"]


def status_of(error: Refused) -> bytes:
    """Return google.rpc.Status in protobuf, with the time to wait where there is one."""
    status = Status(code=error.code, message=str(error))
    if isinstance(error, Later):
        retry = rpc_classes()["RetryInfo"]()
        retry.retry_delay.seconds = error.retry_after_s
        status.details.add(
            type_url=f"type.googleapis.com/{RETRY_INFO}", value=retry.SerializeToString()
        )
    encoded: bytes = status.SerializeToString()
    return encoded


def accepted(entrance: Entrance, rejected: int, reason: str) -> bytes:
    """Return the protobuf answer to a request that was taken; what was left out is told in it."""
    if not rejected:
        return b""
    response = entrance.response()
    setattr(response.partial_success, entrance.rejected, rejected)
    response.partial_success.error_message = reason
    encoded: bytes = response.SerializeToString()
    return encoded


def accepted_json(entrance: Entrance, rejected: int, reason: str) -> bytes:
    if not rejected:
        return b"{}"
    name = entrance.response.DESCRIPTOR.fields_by_name["partial_success"].message_type
    told = {name.fields_by_name[entrance.rejected].json_name: str(rejected), "errorMessage": reason}
    return json.dumps({"partialSuccess": told}).encode()


def refused(error: Refused, in_json: bool = False) -> Answer:
    """Say why nothing was stored, as google.rpc.Status."""
    headers = [(b"content-type", JSON if in_json else PROTOBUF)]
    if isinstance(error, Later):
        headers.append((b"retry-after", str(error.retry_after_s).encode()))
    if isinstance(error, WrongMethod):
        headers.append((b"allow", error.allowed.encode()))
    body = status_in_json(error) if in_json else status_of(error)
    return error.status, headers, body


def status_in_json(error: Refused) -> bytes:
    status: dict[str, Any] = {"code": error.code, "message": str(error)}
    if isinstance(error, Later):
        delay = f"{error.retry_after_s}s"
        status["details"] = [{"@type": f"type.googleapis.com/{RETRY_INFO}", "retryDelay": delay}]
    return json.dumps(status).encode()
