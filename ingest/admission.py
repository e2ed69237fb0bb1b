"""The door: what of a request's spans is let in, without their texts.

A body is parsed once, piece by piece when it is large, which also proves it well formed down to the
UTF-8 of every string; spans with impossible ids are taken out and counted; content, and attributes
of absurd size or number, are dropped and counted; the rest is written out again canonically. Almost
every span has only keys that were seen before, so the common case is one comparison of sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError, EncodeError

from ingest.content import INVOCATION_PARAMETERS, is_content, keep_parameters
from ingest.errors import BadRequest, TooLarge
from ingest.otlp import Outline, Traces
from ingest.pieces import PIECE_BYTES, Pieces

MAX_ATTRIBUTES = 256
MAX_KEY_BYTES = 256
MAX_VALUE_BYTES = 8 * 1024
# A span that is smaller can't hold a value above the limit, so only larger ones are looked into.
LARGE_BYTES = MAX_VALUE_BYTES
MAX_TEXT = 1024
MAX_KNOWN_KEYS = 10_000
# Spans, what holds them, and what of them is only thrown away, all together in one request.
MAX_PARTS = 100_000

USEFUL = ("finops.", "gen_ai.", "llm.", "openinference.", "error.", "user.", "session.")
EXCEPTION_TYPE = "exception.type"
NO_TRACE = bytes(16)
NO_SPAN = bytes(8)


@dataclass(slots=True)
class Admission:
    """What became of a request: `body` is stored, the rest is told and counted."""

    body: bytes = b""
    spans: int = 0
    rejected: int = 0
    reason: str = ""
    content_dropped: int = 0
    attributes_dropped: int = 0
    parts: int = 0

    def count(self, parts: int) -> None:
        """Count parts of the request in; raises TooLarge when it has too many."""
        self.parts += parts
        if self.parts > MAX_PARTS:
            raise TooLarge(
                f"The request has more than {MAX_PARTS} spans, events and surplus attributes; "
                "send smaller batches."
            )

    def reject(self, reason: str) -> None:
        self.rejected += 1
        self.reason = self.reason or reason


# Keys that passed: all others are looked at. Bounded, since clients choose them.
_known_keys: set[str] = set()


def admit(body: bytes) -> Admission:
    """Check and clean an ExportTraceServiceRequest; raises BadRequest when it isn't one.

    Raises TooLarge when it has more spans, or more of anything in them, than any sender gathers.
    """
    admission = Admission()
    try:
        if len(body) <= PIECE_BYTES:
            admission.body = admit_piece(body, admission)
        else:
            pieces = Pieces(body)
            admission.body = b"".join([admit_piece(piece, admission) for piece in pieces])
            admission.attributes_dropped += pieces.dropped
    except (DecodeError, EncodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            "The body is not an ExportTraceServiceRequest in protobuf; check the exporter's "
            "protocol (http/protobuf) and Content-Encoding."
        ) from error
    return admission


def admit_piece(body: bytes, admission: Admission) -> bytes:
    """Return what is kept of a request that is small enough to be parsed at once."""
    traces = Traces.FromString(body)
    if body and not traces.resource_spans:
        raise DecodeError("only unknown fields")
    admission.count(len(traces.resource_spans))
    large = has_large_part(body)
    for resource_spans in traces.resource_spans:
        admission.count(len(resource_spans.scope_spans))
        clean_attributes(resource_spans.resource.attributes, admission, large)
        for scope_spans in resource_spans.scope_spans:
            admission.count(len(scope_spans.spans))
            scope_spans.scope.ClearField("attributes")
            admit_spans(scope_spans.spans, admission, large)
    kept: bytes = traces.SerializeToString()
    return kept


def has_large_part(body: bytes) -> bool:
    """Say whether a span, or all that isn't a span, is so large that it needs a closer look."""
    if len(body) < LARGE_BYTES:
        return False
    rest, largest = len(body), 0
    for resource in Outline.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            sizes = list(map(len, scope.spans))
            largest = max(largest, max(sizes, default=0))
            rest -= sum(sizes) + 4 * len(sizes)
    return largest >= LARGE_BYTES or rest >= LARGE_BYTES


def admit_spans(spans: Any, admission: Admission, large: bool) -> None:
    """Clean the spans of one scope in place and take out those that can't be stored."""
    known = _known_keys
    bad: list[int] = []
    for index, span in enumerate(spans):
        trace_id, span_id = span.trace_id, span.span_id
        if len(trace_id) != 16 or len(span_id) != 8 or trace_id == NO_TRACE or span_id == NO_SPAN:
            bad.append(index)
            admission.reject(explain_ids(trace_id, span_id))
            continue
        attributes = span.attributes
        if large or len(attributes) > MAX_ATTRIBUTES or not known.issuperset(attributes):
            clean_attributes(attributes, admission, large)
        if large:
            span.name = span.name[:MAX_TEXT]
            span.status.message = span.status.message[:MAX_TEXT]
        if span.events:
            admission.count(len(span.events))
            keep_exception(span)
        if span.links:
            span.ClearField("links")
    for index in reversed(bad):
        del spans[index]
    admission.spans += len(spans)


def explain_ids(trace_id: bytes, span_id: bytes) -> str:
    if len(trace_id) != 16 or trace_id == NO_TRACE:
        return f"trace_id must be 16 bytes and not zero, got {len(trace_id)}"
    return f"span_id must be 8 bytes and not zero, got {len(span_id)}"


def clean_attributes(attributes: Any, admission: Admission, large: bool) -> None:
    """Drop content and what is too large or too many; learn the keys that passed."""
    admission.count(max(len(attributes) - MAX_ATTRIBUTES, 0))
    for key in list(attributes):
        if key in _known_keys and not large:
            continue
        if is_content(key):
            del attributes[key]
            admission.content_dropped += 1
        elif key == INVOCATION_PARAMETERS:
            attributes[key].string_value = keep_parameters(attributes[key].string_value)
        elif too_long(key, MAX_KEY_BYTES) or (
            large and attributes[key].ByteSize() > MAX_VALUE_BYTES
        ):
            del attributes[key]
            admission.attributes_dropped += 1
        else:
            learn(key)
    if len(attributes) > MAX_ATTRIBUTES:
        for key in sorted(attributes, key=usefulness)[MAX_ATTRIBUTES:]:
            del attributes[key]
            admission.attributes_dropped += 1


def too_long(key: str, limit: int) -> bool:
    return len(key) > limit or len(key.encode()) > limit


def usefulness(key: str) -> tuple[bool, str]:
    """Order keys so that those which any dialect reads come first."""
    return not key.startswith(USEFUL), key


def learn(key: str) -> None:
    if len(_known_keys) >= MAX_KNOWN_KEYS:
        _known_keys.clear()
    _known_keys.add(key)


def keep_exception(span: Any) -> None:
    """Keep the type of a recorded exception as an attribute; events themselves aren't stored."""
    for event in span.events:
        if event.name == "exception" and EXCEPTION_TYPE in event.attributes:
            name = event.attributes[EXCEPTION_TYPE].string_value[:MAX_TEXT]
            if EXCEPTION_TYPE not in span.attributes:
                span.attributes[EXCEPTION_TYPE].string_value = name
    span.ClearField("events")
