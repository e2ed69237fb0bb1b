"""A glance at a request that tells whether anything of it has to be looked at span by span.

Most senders send the same keys in every span, nothing of which is content. To see that, a request
is parsed with classes in which what OTLP repeats is said to be single: protobuf then merges all
spans into one, whose map of attributes holds every key of the request once. One comparison of sets
answers for hundreds of spans, where a walk over them would cost more than all the rest. The classes
know every field of OTLP by its type, so this one parse also proves the body well formed, down to
the UTF-8 of every string.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from ingest.content import NAMED_BY_CONTENT
from ingest.otlp import MESSAGES as FULL
from ingest.otlp import ONE_OF, Fields, Outline, make_classes

# A span of that size, or anything beside the spans, may hold a value that is too large.
LARGE_BYTES = 8 * 1024
# How nearly every sender begins a span: with both of its ids, neither of them zero.
IDS = re.compile(rb"\n\x10(?!\x00{16}).{16}\x12\x08(?!\x00{8}).{8}", re.DOTALL)

MESSAGES: dict[str, Fields] = {
    **{name: FULL[name] for name in ("AnyValue", "ArrayValue", "KeyValueList", "KeyValue")},
    "Resource": ((1, "map AnyValue", "attributes"), (2, "uint32", "dropped")),
    "Scope": (
        (1, "repeated string", "names"),
        (2, "string", "version"),
        (3, "repeated bytes", "attributes"),
    ),
    "Status": ((2, "repeated string", "messages"), (3, "int32", "code")),
    "Span": (
        (1, "repeated bytes", "trace_ids"),
        (2, "repeated bytes", "span_ids"),
        (3, "string", "trace_state"),
        (4, "bytes", "parent_span_id"),
        (5, "string", "name"),
        (6, "int32", "kind"),
        (7, "fixed64", "start_time_unix_nano"),
        (8, "fixed64", "end_time_unix_nano"),
        (9, "map AnyValue", "attributes"),
        (10, "uint32", "dropped_attributes"),
        (11, "repeated bytes", "events"),
        (12, "uint32", "dropped_events"),
        (13, "repeated bytes", "links"),
        (14, "uint32", "dropped_links"),
        (15, "Status", "status"),
        (16, "fixed32", "flags"),
    ),
    "ScopeSpans": ((1, "Scope", "scope"), (2, "Span", "spans"), (3, "string", "schema_url")),
    "ResourceSpans": (
        (1, "Resource", "resource"),
        (2, "ScopeSpans", "scope_spans"),
        (3, "string", "schema_url"),
    ),
    "Merged": ((1, "ResourceSpans", "resource_spans"),),
}
Merged: Any = make_classes(MESSAGES, "inferledger.glance", ONE_OF)["Merged"]


def spans_if_clean(body: bytes, known: set[str], most: int) -> int:
    """Count the spans of a request that can be stored as it is; 0 where that isn't certain.

    All its keys must be `known` and at most `most`; there is nothing in it that is cut or dropped.
    To a map an attribute with more than key and value is an unknown field: its key is not seen.
    """
    try:
        spans = count_small(body)
        merged = Merged.FromString(body).resource_spans
    except DecodeError:
        return 0
    scopes, resource = merged.scope_spans, merged.resource.attributes
    span = scopes.spans
    attributes = span.attributes
    clean = (
        len(span.trace_ids) == len(span.span_ids) == spans
        and not (span.events or span.links or span.status.messages or scopes.scope.attributes)
        and len(attributes) <= most
        and len(resource) <= most
        and known.issuperset(attributes)
        and known.issuperset(resource)
        and not len(UnknownFieldSet(span))
        and not len(UnknownFieldSet(merged.resource))
        and NAMED_BY_CONTENT.isdisjoint(scopes.scope.names)
    )
    return spans if clean else 0


def count_small(body: bytes) -> int:
    """Count spans; 0 when one doesn't begin with its ids, or anything is large."""
    count, rest, match = 0, len(body), IDS.match
    for resource in Outline.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            spans = scope.spans
            sizes = list(map(len, spans))
            if not sizes or max(sizes) >= LARGE_BYTES or not all(map(match, spans)):
                return 0
            count += len(sizes)
            rest -= sum(sizes) + 4 * len(sizes)
    return count if rest < LARGE_BYTES else 0
