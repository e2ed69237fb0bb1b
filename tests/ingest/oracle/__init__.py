"""The oracle of decoding and normalising: a plain Python loop over the protobuf runtime's classes.

It reads the same dialect table as the statements of ingest/ and says what `calls` must hold. It is
also the peer of the benchmark, so it is written as one would write it to be fast: what a dialect
needs is worked out once, dialects are remembered by the names that spans carry, columns are lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from ingest.record import Stamp
from tests.ingest.oracle import meaning
from tests.ingest.oracle.sources import LONGEST_MS, Sent
from tests.ingest.oracle.speech import COUNTS, DURATIONS, SPEECHES, TEXTS, Speech, detect
from tests.ingest.oracle.values import count_of, lower, texts_of

TAG = "finops.tag."
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_US = 1_577_836_800 * 10**6
DAY_US = 86_400 * 10**6
LAST_US = 10_413_791_999_999_999
ATTEMPTS = 2**16
AS_SENT = (
    *("tenant", "user_id", "team", "feature", "environment", "service", "session_id"),
    *("prompt_name", "prompt_version", "agent", "action_id", "action_name", "request_id"),
    *("response_id", "model_requested", "model_served", "region", "error_type"),
)
NO_TEXTS = dict.fromkeys(TEXTS, "")
NO_COUNTS: dict[str, int | None] = dict.fromkeys(COUNTS)
NO_DURATIONS: dict[str, float | None] = dict.fromkeys(DURATIONS)


def rows_of(body: bytes, stamp: Stamp, segment: str = "") -> list[dict[str, Any]]:
    """Return the rows of `calls` that a request becomes, in the order of its spans.

    The request must be one that the receiver let in: ids have their lengths. Columns that only our
    SDK's own tables fill (prompt_chain, segments, sketch) aren't in the rows.
    """
    return list(read(body, stamp, segment))


def columns_of(body: bytes, stamp: Stamp, segment: str = "") -> dict[str, list[Any]]:
    """The same as columns, ready to be inserted with the driver's `strings_as_bytes`."""
    rows = rows_of(body, stamp, segment)
    if not rows:
        return {}
    values = zip(*(row.values() for row in rows), strict=True)
    return {name: as_bytes(column) for name, column in zip(rows[0], values, strict=True)}


def as_bytes(column: Sequence[Any]) -> list[Any]:
    if isinstance(column[0], str):
        return [text.encode() for text in column]
    if isinstance(column[0], dict):
        return [
            {key.encode(): v.encode() if isinstance(v, str) else v for key, v in pairs.items()}
            for pairs in column
        ]
    return list(column)


def read(body: bytes, stamp: Stamp, segment: str) -> Iterator[dict[str, Any]]:
    spoken: dict[tuple[str, tuple[str, ...]], str] = {}
    received = EPOCH + timedelta(milliseconds=stamp.received_at_ms)
    for process in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = texts_of(process.resource.attributes)
        for library in process.scope_spans:
            scope, version = library.scope.name, library.scope.version
            shared = {
                "workspace_id": stamp.workspace_id,
                "emitter": f"{scope}@{version}" if version else scope,
                "segment": segment,
                "received_at": received,
            }
            for span in library.spans:
                attributes = texts_of(span.attributes)
                named = (scope, tuple(attributes))
                dialect = spoken.get(named)
                if dialect is None:
                    dialect = spoken[named] = detect(*named)
                if dialect:
                    row = row_of(span, attributes, resource, scope, SPEECHES[dialect], received)
                    if row is not None:
                        yield shared | row


def row_of(
    span: Span,
    attributes: Mapping[str, str],
    resource: Mapping[str, str],
    scope: str,
    speech: Speech,
    received: datetime,
) -> dict[str, Any] | None:
    """Return what a span says of a call, or None if it is none."""
    started_us = min(span.start_time_unix_nano // 1000, LAST_US)
    status = span.status.code if 0 <= span.status.code <= 2 else 0
    sent = Sent(attributes, resource, span.name, scope, started_us, status == 2)
    sent.provider = speech.provider(sent)
    texts = NO_TEXTS | {name: find(sent) for name, find in speech.texts}
    counts = NO_COUNTS | {name: find(sent) for name, find in speech.counts}
    operation = meaning.operation_of(speech.operation(texts["operation"]), texts, counts)
    if not meaning.is_call(operation, texts, counts, scope):
        return None
    if any(rule(sent) for rule in speech.never):
        return None
    said = meaning.Said(
        any(rule(sent) for rule in speech.exclusive_input),
        any(rule(sent) for rule in speech.exclusive_output),
    )
    usage = meaning.buckets(counts, said)
    flags = ["exclusive_inferred"] if usage.pop("guessed") else []
    when, in_range = time_of(started_us, received)
    flags += [] if in_range else ["time_out_of_range"]
    elapsed_ms = (min(span.end_time_unix_nano // 1000, LAST_US) - started_us) / 1000
    durations = NO_DURATIONS | {name: find(sent) for name, find in speech.durations}
    finish = meaning.finish_of(texts["finish_reason"])
    attempt = count_of(texts["attempt"]) or 0
    return {
        **{name: texts[name] for name in AS_SENT},
        "tags": {name[11:]: text for name, text in attributes.items() if name.startswith(TAG)},
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id if len(span.parent_span_id) == 8 else bytes(8),
        "attempt": attempt if attempt < ATTEMPTS else 0,
        "operation": operation,
        "provider": lower(texts["provider"]),
        "service_tier": lower(texts["service_tier"]),
        "stream": meaning.flag_of(texts["stream"]),
        "max_output_tokens": counts["max_output_tokens"],
        "started_at": when,
        "duration_ms": elapsed_ms if 0 <= elapsed_ms <= LONGEST_MS else 0.0,
        "queue_ms": durations["queue_ms"],
        "ttft_ms": durations["ttft_ms"],
        "usage_source": meaning.source_of_usage(texts["usage_source"], usage.pop("none")),
        "usage_flag": ",".join(flags),
        **usage,
        "outcome": meaning.outcome_of(texts, finish, status, span.status.message),
        "finish_reason": finish,
        "success": meaning.flag_of(texts["success"]),
        "score": meaning.score_of(texts["score"]),
        "cache_layer": meaning.cache_layer_of(texts["cache_layer"]),
        "cache_hit": meaning.flag_of(texts["cache_hit"]) or 0,
        "prompt_hash": meaning.hash_of(texts["prompt_hash"]),
        "answer_hash": meaning.hash_of(texts["answer_hash"]),
        "timeout_ms": meaning.timeout_of(durations["timeout_ms"]),
        "dialect": speech.dialect.name,
    }


def time_of(started_us: int, received: datetime) -> tuple[datetime, bool]:
    """When a call started, and whether that can be; if not, it is when it was received."""
    received_us = (received - EPOCH) // timedelta(microseconds=1)
    if FIRST_US <= started_us <= received_us + DAY_US:
        return EPOCH + timedelta(microseconds=started_us), True
    return received, False
