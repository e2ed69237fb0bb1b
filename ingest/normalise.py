"""Step two of loading: one statement per dialect turns its spans into `calls`.

The inner query finds the fields where the dialect table says they are, as texts and numbers; the
outer one, the same for all dialects, works out what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingest.decode import one_of, quote, texts
from ingest.dialects import DIALECTS
from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.table import (
    Const,
    Dialect,
    Digits,
    Fields,
    Json,
    Resource,
    Seconds,
    Since,
    Source,
    SpanName,
    Sum,
    When,
)
from ingest.meaning import CALLS, LONGEST_MS, MEANINGS

TEXTS = (
    "tenant",
    "user_id",
    "team",
    "feature",
    "environment",
    "service",
    "session_id",
    "prompt_name",
    "prompt_version",
    "agent",
    "action_id",
    "action_name",
    "request_id",
    "response_id",
    "operation",
    "provider",
    "model_requested",
    "model_served",
    "region",
    "service_tier",
    "finish_reason",
    "error_type",
    "http_status",
    "outcome",
    "usage_source",
    "cache_layer",
    "prompt_hash",
    "answer_hash",
)
COUNTS = (
    "input_total",
    "output_total",
    "total_tokens",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_in",
    "audio_cache_read",
    "audio_out",
    "image_in",
    "image_cache_read",
    "max_output_tokens",
)
DURATIONS = ("ttft_ms", "queue_ms", "timeout_ms")
FLAGS = ("stream", "success", "cache_hit")


def text_of(source: Source) -> str:
    """Return the expression that reads a source as text; '' where it isn't there."""
    match source:
        case Resource(name):
            return f"resource[{quote(name)}]"
        case Json(name, path):
            return text_in_json(name, path)
        case Digits(name, member):
            pattern = f"""["']{member}["']\\s*:\\s*["']?(\\d+)"""
            return f"extract(attributes[{quote(name)}], {quote(pattern)})"
        case SpanName():
            return "name"
        case Const(text):
            return quote(text)
        case Seconds(name) | Since(name):
            return f"attributes[{quote(name)}]"
        case Sum():
            return f"toString({count_of(source)})"
        case _:
            return f"attributes[{quote(source)}]"


def text_in_json(name: str, path: tuple[str | int, ...]) -> str:
    steps = (quote(step) if isinstance(step, str) else str(step) for step in path)
    at = ", ".join((f"attributes[{quote(name)}]", *steps))
    raw = f"JSONExtractRaw({at})"
    return f"multiIf(startsWith({raw}, '\"'), JSONExtractString({at}), {raw} = 'null', '', {raw})"


def count_of(source: Source) -> str:
    """Return the expression that reads a whole number from 0 up, sent in whatever type, or NULL."""
    if isinstance(source, Sum):
        parts = ", ".join(count_of(part) for part in source.sources)
        return f"accurateCastOrNull(arrayReduce('sumOrNull', [{parts}]), 'UInt32')"
    return f"accurateCastOrNull(toFloat64OrNull({text_of(source)}), 'UInt32')"


def duration_of(source: Source) -> str:
    """Return the expression that reads a number from 0 up, in milliseconds, or NULL.

    What is no number, or longer than any call can take, is as good as not sent.
    """
    if isinstance(source, Since):
        number = since_start(text_of(source))
    else:
        scale = " * 1000" if isinstance(source, Seconds) else ""
        number = f"toFloat64OrNull({text_of(source)}){scale}"
    return f"if({number} BETWEEN 0 AND {LONGEST_MS}, {number}, NULL)"


def since_start(text: str) -> str:
    """Return the expression for the milliseconds from the span's start to a time; NULL if none."""
    bare = f"trim(BOTH '\"' FROM {text})"
    number = f"toFloat64OrNull({bare})"
    micros = f"""multiIf(
        {number} >= 1e17, {number} / 1e3, {number} >= 1e14, {number},
        {number} >= 1e11, {number} * 1e3, {number} IS NOT NULL, {number} * 1e6,
        match({bare}, '^\\\\d{{4}}-\\\\d\\\\d-\\\\d\\\\d[T ]\\\\d\\\\d:\\\\d\\\\d:\\\\d\\\\d'),
        toFloat64(toUnixTimestamp64Micro(parseDateTime64BestEffortOrNull({bare}, 6, 'UTC'))),
        NULL)"""
    return f"({micros} - toUnixTimestamp64Micro(started_at)) / 1000"


def read_text(fields: Fields, column: str) -> str:
    """Return the first source that is not empty."""
    found = [text_of(source) for source in fields.get(column, ())]
    if len(found) < 2:
        return found[0] if found else "''"
    choices = ", ".join(f"{text} != '', {text}" for text in found[:-1])
    return f"multiIf({choices}, {found[-1]})"


def coalesce(found: list[str], absent: str) -> str:
    if not found:
        return absent
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def read_count(fields: Fields, column: str) -> str:
    """Return the first source that is a count."""
    found = [count_of(source) for source in fields.get(column, ())]
    return coalesce(found, "CAST(NULL, 'Nullable(UInt32)')")


def read_duration(fields: Fields, column: str) -> str:
    """Return the first source that is a duration."""
    found = [duration_of(source) for source in fields.get(column, ())]
    return coalesce(found, "CAST(NULL, 'Nullable(Float64)')")


def read_flag(fields: Fields, column: str) -> str:
    """Return 1 or 0, or NULL when it was not sent or is neither."""
    text = f"lower({read_text(fields, column)})"
    return f"transform({text}, ['true', '1', 'false', '0'], [1, 1, 0, 0], NULL)"


def read_operation(dialect: Dialect) -> str:
    """Return the operation in our words; '' when there is none or it is no inference."""
    named = f"lower({read_text(dialect.fields, 'operation')})"
    theirs = ", ".join(quote(name) for name in dialect.operations)
    ours = ", ".join(quote(name) for name in dialect.operations.values())
    other = named if dialect.other_operations else f"if({named} = '', '', {quote(NO_OPERATION)})"
    return f"transform({named}, [{theirs}], [{ours}], {other})"


def holds(when: When) -> str:
    """Return the condition that a span is one of those that a rule is about."""
    conditions = ["1"]
    if when.scopes:
        conditions.append(one_of("scope_name", when.scopes))
    if when.names:
        conditions.append(one_of("name", when.names))
    if when.providers:
        conditions.append(f"lower(provider_text) IN ({texts(when.providers)})")
    if when.keys:
        conditions.append(
            " OR ".join(f"mapContains(attributes, {quote(key)})" for key in when.keys)
        )
    conditions.extend(
        f"attributes[{quote(key)}] IN ({texts(values)})" for key, values in when.values.items()
    )
    return " AND ".join(f"({condition})" for condition in conditions)


def any_holds(rules: tuple[When, ...]) -> str:
    return " OR ".join(f"({holds(when)})" for when in rules) or "0"


def read_fields(dialect: Dialect) -> dict[str, str]:
    """Return, by name, the expressions of everything that the dialect table places."""
    fields = dialect.fields
    found = {f"{name}_text": read_text(fields, name) for name in TEXTS}
    found["operation_text"] = read_operation(dialect)
    found |= {f"{name}_count": read_count(fields, name) for name in COUNTS}
    found |= {f"{name}_number": read_duration(fields, name) for name in DURATIONS}
    found |= {f"{name}_flag": read_flag(fields, name) for name in FLAGS}
    found["score_number"] = f"toFloat64OrNull({read_text(fields, 'score')})"
    found["attempt_number"] = (
        f"accurateCastOrNull(toFloat64OrNull({read_text(fields, 'attempt')}), 'UInt16')"
    )
    found["never_call"] = any_holds(dialect.never)
    found["input_said"] = any_holds(dialect.exclusive_input)
    found["output_said"] = any_holds(dialect.exclusive_output)
    return found


SPAN_COLUMNS = (
    "workspace_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "name",
    "started_at",
    "ended_at",
    "status_code",
    "status_message",
    "scope_name",
    "scope_version",
    "attributes",
    "dialect",
    "segment",
    "received_at",
)


def select(expressions: Mapping[str, str]) -> str:
    return ",\n    ".join(f"{expression} AS {name}" for name, expression in expressions.items())


def normalise(dialect: Dialect) -> str:
    """Return the statement that turns a dialect's spans of some segments into calls.

    Its parameters: `segments`, their names, and `since`, a time before the first of their records.
    """
    return f"""
INSERT INTO calls ({", ".join(CALLS)})
SELECT
    {", ".join(CALLS.values())}
FROM
(
    SELECT
    *,
    {select(MEANINGS)}
    FROM
    (
        SELECT
    {", ".join(SPAN_COLUMNS)},
    {select(read_fields(dialect))}
        FROM spans
        WHERE segment IN {{segments:Array(String)}}
            AND received_at >= {{since:DateTime64(3, 'UTC')}}
            AND dialect = {quote(dialect.name)}
    )
)
WHERE is_call
"""  # noqa: S608 (names and expressions are our own)


NORMALISE: Mapping[str, str] = {dialect.name: normalise(dialect) for dialect in DIALECTS}
