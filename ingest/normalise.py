"""Step two of loading: one statement per dialect turns its spans into `calls`.

The inner query finds the fields where the dialect table says they are, as texts and numbers; the
outer one, the same for all dialects, works out what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingest.decode import quote
from ingest.dialects import DIALECTS
from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.table import Dialect, Fields
from ingest.meaning import CALLS, MEANINGS
from ingest.sources import any_holds, count_of, duration_of, text_of

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
