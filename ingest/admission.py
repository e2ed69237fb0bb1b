"""The door: what of a request's spans is let in, without their texts.

A body is parsed once, piece by piece when it is large, which also proves it well formed down to the
UTF-8 of every string; spans with impossible ids are taken out and counted; content, and attributes
of absurd size or number, are dropped and counted. Almost every request has only keys that were seen
before and is stored as it came: then one comparison of sets answers for all of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from google.protobuf.message import DecodeError, EncodeError

from ingest.answers import Facts, read_answer, read_hidden
from ingest.content import (
    ANSWERS,
    DOOR,
    FACT_TEXTS,
    FAILURE_TEXTS,
    FIRST_TOKEN_EVENTS,
    HIDDEN_PARAMETERS,
    INVOCATION_PARAMETERS,
    KIND,
    KINDS_OF_CALLS,
    NAMED_BY_CONTENT,
    is_content,
    is_raw,
    keep_facts,
    keep_failure,
    keep_parameters,
)
from ingest.errors import BadRequest, TooLarge
from ingest.glance import LARGE_BYTES, spans_if_clean
from ingest.otlp import Outline, Traces
from ingest.pieces import PIECE_BYTES, Pieces
from ingest.raw_answers import read_raw

MAX_ATTRIBUTES = 256
MAX_KEY_BYTES = 256
MAX_VALUE_BYTES = 8 * 1024
MAX_TEXT = 1024
MAX_KNOWN_KEYS = 10_000
# Spans, what holds them, and what of them is only thrown away, all together in one request.
MAX_PARTS = 100_000

USEFUL = (DOOR, "finops.", "gen_ai.", "llm.", "openinference.", "error.", "user.", "session.")
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
FIRST_TOKEN = f"{DOOR}first_token"
NO_TRACE = bytes(16)
NO_SPAN = bytes(8)


@dataclass(slots=True)
class Admission:
    """What became of a request: `body` is stored, the rest is told and counted.

    `spans` are those stored, or data points, and `ignored` those that nobody wants, by why.
    """

    body: bytes = b""
    spans: int = 0
    rejected: int = 0
    reason: str = ""
    content_dropped: int = 0
    attributes_dropped: int = 0
    parts: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

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

    def add(self, part: Admission) -> None:
        """Add the numbers of a part of the same request; raises TooLarge when they are too many."""
        self.spans += part.spans
        self.rejected += part.rejected
        self.reason = self.reason or part.reason
        self.content_dropped += part.content_dropped
        self.attributes_dropped += part.attributes_dropped
        self.ignored.update(part.ignored)
        self.count(part.parts)


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
            kept = BytesIO()  # its value comes without a copy
            for piece in pieces:
                kept.write(admit_piece(piece, admission))
            admission.body = kept.getvalue()
            admission.attributes_dropped += pieces.dropped
    except (DecodeError, EncodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            "The body is not an ExportTraceServiceRequest in protobuf; check the exporter's "
            "protocol (http/protobuf) and Content-Encoding."
        ) from error
    return admission


def admit_piece(body: bytes, admission: Admission) -> bytes:
    """Return what is kept of a request that is small enough to be parsed at once."""
    spans = spans_if_clean(body, _known_keys, MAX_ATTRIBUTES)
    if spans:
        admission.count(spans)
        admission.spans += spans
        return body
    traces = Traces.FromString(body)
    if body and not traces.resource_spans:
        raise DecodeError("only unknown fields")
    # Among them are known numbers of a wrong wire type, which ClickHouse refuses to read.
    traces.DiscardUnknownFields()
    admission.count(len(traces.resource_spans))
    large = has_large_part(body)
    for resource_spans in traces.resource_spans:
        admission.count(len(resource_spans.scope_spans))
        clean_attributes(resource_spans.resource.attributes, admission, large)
        for scope_spans in resource_spans.scope_spans:
            admission.count(len(scope_spans.spans))
            scope_spans.scope.ClearField("attributes")
            if scope_spans.scope.name in NAMED_BY_CONTENT:
                for span in scope_spans.spans:
                    span.name = span.name.rpartition(".")[2]
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
        if span.status.message or span.events or span.links:
            admission.count(len(span.events))
            keep_of_rest(span)
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
    keys = [key for key in attributes if large or key not in _known_keys]
    facts = read_facts(attributes, keys)
    for key in keys:
        clean_attribute(attributes, key, admission, large)
    for name, fact in facts.items():
        set_value(attributes[DOOR + name], fact)
    if len(attributes) > MAX_ATTRIBUTES:
        for key in sorted(attributes, key=usefulness)[MAX_ATTRIBUTES:]:
            del attributes[key]
            admission.attributes_dropped += 1


def read_facts(attributes: Any, keys: list[str]) -> Facts:
    """Return what texts under these keys, which won't be kept, say in ids, names and counts."""
    facts: Facts = {}
    for key in keys:
        if key in ANSWERS and is_call(attributes):
            facts = read_answer(attributes[key].string_value) | facts
        elif key == HIDDEN_PARAMETERS:
            facts |= read_hidden(attributes[key].string_value)
    return read_raw(attributes) | facts if any(map(is_raw, keys)) else facts


def clean_attribute(attributes: Any, key: str, admission: Admission, large: bool) -> None:
    """Drop one attribute, or reduce it, or learn its key."""
    if is_content(key):
        del attributes[key]
        admission.content_dropped += 1
    elif key in INVOCATION_PARAMETERS:
        attributes[key].string_value = keep_parameters(attributes[key].string_value)
    elif key in FAILURE_TEXTS:
        attributes[key].string_value = keep_failure(attributes[key].string_value)
    elif key in FACT_TEXTS:
        attributes[key].string_value = keep_facts(attributes[key].string_value)
    elif is_surplus(attributes, key, large):
        del attributes[key]
        admission.attributes_dropped += 1
    else:
        learn(key)


def is_surplus(attributes: Any, key: str, large: bool) -> bool:
    """Say whether a key is no client's to send, or it or its value is too large."""
    if key.startswith(DOOR) or too_long(key, MAX_KEY_BYTES):
        return True
    return large and attributes[key].ByteSize() > MAX_VALUE_BYTES


def is_call(attributes: Any) -> bool:
    """Say whether an answer in a span's attributes is its own, and not that of a call inside."""
    return KIND not in attributes or attributes[KIND].string_value.upper() in KINDS_OF_CALLS


def set_value(value: Any, fact: str | int) -> None:
    if isinstance(fact, int):
        value.int_value = fact
    else:
        value.string_value = fact


def too_long(key: str, limit: int) -> bool:
    return len(key) > limit or len(key.encode()) > limit


def usefulness(key: str) -> tuple[bool, str]:
    """Order keys so that those which any dialect reads come first."""
    return not key.startswith(USEFUL), key


def learn(key: str) -> None:
    if len(_known_keys) >= MAX_KNOWN_KEYS:
        _known_keys.clear()
    _known_keys.add(key)


def keep_of_rest(span: Any) -> None:
    """Keep of a status message, which may quote a prompt, what failed; of events some attributes.

    These are the type of an exception, what failed where the status doesn't say it, and the time of
    the first token; links go.
    """
    for event in span.events:
        if event.name == "exception" and EXCEPTION_TYPE in event.attributes:
            name = event.attributes[EXCEPTION_TYPE].string_value[:MAX_TEXT]
            if EXCEPTION_TYPE not in span.attributes:
                span.attributes[EXCEPTION_TYPE].string_value = name
            if not span.status.message:
                span.status.message = event.attributes[EXCEPTION_MESSAGE].string_value
        elif event.name in FIRST_TOKEN_EVENTS and FIRST_TOKEN not in span.attributes:
            span.attributes[FIRST_TOKEN].int_value = event.time_unix_nano // 1000
    if span.status.message:
        span.status.message = keep_failure(span.status.message)
    span.ClearField("events")
    span.ClearField("links")
