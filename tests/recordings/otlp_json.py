"""Trace requests as OTLP/JSON, which people can read, and back."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Json = dict[str, Any]

IDS = ("traceId", "spanId", "parentSpanId")
MARKERS = ("SECRET-PROMPT", "SECRET-ANSWER")
LONGEST_TEXT = 300
# A text that is no JSON has to be really long before it is cut, since dialects read some of them.
LONGEST_OPAQUE = 3000
FOLDERS = re.compile(r"(/tmp|/work|/root|/home)/[\w./@+-]+")


def from_protobuf(body: bytes) -> Json:
    """Turn a protobuf body into OTLP/JSON, ids in hex."""
    found: Json = MessageToDict(ExportTraceServiceRequest.FromString(body))
    change_ids(found, lambda text: base64.b64decode(text).hex())
    return found


def to_protobuf(request: Json) -> bytes:
    """Turn OTLP/JSON, ids in hex, into a protobuf body."""
    copy = json.loads(json.dumps(request))
    change_ids(copy, lambda text: base64.b64encode(bytes.fromhex(text)).decode())
    return ParseDict(copy, ExportTraceServiceRequest()).SerializeToString()


def change_ids(value: Any, change: Callable[[str], str]) -> None:
    """Rewrite every trace and span id, in place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in IDS and isinstance(inner, str):
                value[key] = change(inner)
            else:
                change_ids(inner, change)
    elif isinstance(value, list):
        for inner in value:
            change_ids(inner, change)


def spans_of(request: Json) -> Iterator[Json]:
    """All spans of a request."""
    for resource in request.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            yield from scope.get("spans", ())


def shorten(value: Any) -> Any:
    """Cut long texts, inside JSON too; the markers of content stay, folders of ours go."""
    if isinstance(value, dict):
        if value.get("key") == "exception.stacktrace":
            return {"key": value["key"], "value": {"stringValue": "Traceback of SECRET-ANSWER"}}
        return {key: shorten(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shorten(inner) for inner in value]
    return shorten_text(value) if isinstance(value, str) else value


def shorten_text(text: str) -> str:
    text = FOLDERS.sub("/srv/app", text)
    if len(text) <= LONGEST_TEXT:
        return text
    try:
        inner = json.loads(text)
    except ValueError:
        limit = LONGEST_OPAQUE if text[:1] in "{[(" or "id=" in text else LONGEST_TEXT
        if len(text) <= limit:
            return text
        marks = [mark for mark in MARKERS if mark in text]
        return " ".join([text[: limit - 30], "(cut)", *marks])
    return json.dumps(shorten(inner)) if isinstance(inner, dict | list) else text
