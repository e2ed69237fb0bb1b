"""What the columns of a call mean, whoever sent it.

`columns` and `texts` hold the first texts that the dialect table found, by the numbers of their
columns; `NAME_text` and `NAME_count` are some of them, `span` is the span's own columns.
`input_said` and `output_said` are what the table says of the sender's totals, `never_call` that it
makes no calls.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from finops.pricing.rate import USES
from ingest.decode import quote, texts
from ingest.dialects.operations import (
    AGGREGATES,
    CACHE_LAYERS,
    INFERENCE,
    NO_OPERATION,
    NOT_INFERENCE,
    OUTCOMES,
    USAGE_SOURCES,
)
from ingest.slots import COLUMNS

# No call takes a month; what seems longer comes from a clock, or a start, that was never set.
LONGEST_MS = 30 * 24 * 3600 * 1000

# What several columns need, in layers: each may use the fields and the layers before its own. None
# may use another of its layer: the server would write that out at every place, again and again.
FIRST: Mapping[str, str] = {
    "known_model_or_usage": """model_requested_text != '' OR model_served_text != ''
        OR input_total_count IS NOT NULL OR output_total_count IS NOT NULL""",
    # Audio and images that were read from the cache are counted as cache reads, not twice.
    "audio_in_new": """if(audio_cache_read_count <= audio_in_count,
        audio_in_count - audio_cache_read_count, audio_in_count)""",
    "image_in_new": """if(image_cache_read_count <= image_in_count,
        image_in_count - image_cache_read_count, image_in_count)""",
    "cache_write_total": "coalesce(cache_write_count, cache_write_1h_count)",
    "output_parts": """ifNull(reasoning_count, 0) + ifNull(audio_out_count, 0)
        + ifNull(image_out_count, 0)""",
    "time_in_range": """span.started_at >= toDateTime64('2020-01-01 00:00:00', 6, 'UTC')
        AND span.started_at <= span.received_at + INTERVAL 1 DAY""",
    "elapsed_ms": """(toUnixTimestamp64Micro(span.ended_at)
        - toUnixTimestamp64Micro(span.started_at)) / 1000""",
    "finish": """if(startsWith(finish_reason_text, '['),
        JSONExtractString(finish_reason_text, 1), finish_reason_text)""",
}
SECOND: Mapping[str, str] = {
    "call_operation": """multiIf(
        operation_text != '', operation_text, known_model_or_usage, 'chat', '')""",
    "input_parts": """ifNull(cache_read_count, 0) + ifNull(cache_write_total, 0)
        + ifNull(audio_in_new, 0) + ifNull(image_in_new, 0)""",
    "failure": "lower(concat(error_type_text, ' ', http_status_text, ' ', span.status_message))",
}
# What the sender's own sum of both leaves over is what it holds outside of its totals. Parts of
# which the table already says so are taken off first.
THIRD: Mapping[str, str] = {
    "is_call": f"""NOT never_call AND multiIf(
        call_operation IN ('', {quote(NO_OPERATION)}, {texts(NOT_INFERENCE)}), 0,
        call_operation IN ({texts(AGGREGATES)}),
        ifNull(input_total_count, 0) + ifNull(output_total_count, 0)
            + ifNull(cache_read_count, 0) + ifNull(cache_write_count, 0) > 0,
        call_operation IN ({texts(INFERENCE)}) OR known_model_or_usage
            OR span.scope_name = 'inferledger')""",
    "input_unsaid": "if(input_said, 0, input_parts)",
    "output_unsaid": "if(output_said, 0, output_parts)",
    "left_over": """toInt64(total_tokens_count) - input_total_count - output_total_count
        - if(input_said, input_parts, 0) - if(output_said, output_parts, 0)""",
}


def holding(side: str) -> str:
    """Return the expression that says whether a total holds its parts, and how that is known.

    Two equal parts can't be told apart by a sum. Parts can't be more than what contains them: then
    the sender's total is exclusive already.
    """
    return f"""multiIf(
        {side}_said, 'said',
        {side}_unsaid > 0 AND (left_over = input_unsaid + output_unsaid
            OR left_over = {side}_unsaid AND input_unsaid != output_unsaid), 'summed',
        {side}_parts > {side}_total_count, 'inferred',
        '')"""


FOURTH: Mapping[str, str] = {
    "input_exclusive": holding("input"),
    "output_exclusive": holding("output"),
    "write_exclusive": "ifNull(cache_write_1h_count > cache_write_total, 0)",
}
MEANINGS = (FIRST, SECOND, THIRD, FOURTH)

FAILED = """error_type_text != '' OR span.status_code = 2 OR finish = 'error'
        OR toUInt16OrZero(http_status_text) >= 400"""
FAILURES = {
    "rate_limited": "rate.?limit|too.?many.?requests|resource.?exhausted|throttl|\\b429\\b",
    "timeout": "time.?out|timed out|deadline|\\b(408|504)\\b",
    "cancelled": "cancel|abort|generatorexit|disconnect|\\b499\\b",
    "oom": "out.?of.?memory|\\boom\\b",
}


def field(column: str) -> str:
    """Return the expression that picks a column's first text, or ''."""
    return text_of(COLUMNS[column])


def text_of(number: int) -> str:
    """As `field`, of a column by its number."""
    return f"texts[indexOf(columns, {number})]"


def number_of(column: str) -> str:
    return f"toFloat64OrNull({field(column)})"


def uses_of(columns: Collection[int]) -> str:
    """Return the expression for what is billed by use, of what these columns can tell."""
    counts = ", ".join(
        f"{quote(use)}, ifNull(accurateCastOrNull({number_of(f'used_{use}')}, 'UInt32'), 0)"
        for use in USES
        if COLUMNS[f"used_{use}"] in columns
    )
    counted = f"mapFilter((use, times) -> times > 0, map({counts}))" if counts else "map()"
    return f"CAST({counted}, 'Map(LowCardinality(String), UInt64)')"


def outcome() -> str:
    """Return the expression for what became of the call: said, or told by what failed."""
    kinds = ", ".join(
        f"match(failure, {quote(pattern)}), {quote(kind)}" for kind, pattern in FAILURES.items()
    )
    said = f"lower({field('outcome')})"
    return f"multiIf({said} IN ({texts(OUTCOMES)}), {said}, NOT ({FAILED}), 'ok', {kinds}, 'error')"


def one_of(column: str, words: tuple[str, ...], other: str) -> str:
    """Return the expression for a column that may hold certain words only."""
    return f"if({field(column)} IN ({texts(words)}), {field(column)}, {other})"


def hash_of(text: str) -> str:
    """Return the expression that reads 16 hexadecimal digits; 0 for anything else."""
    digits = f"match({text}, '^[0-9a-fA-F]{{16}}$')"
    return f"if({digits}, reinterpretAsUInt64(reverse(unhex({text}))), 0)"


def flag_of(name: str) -> str:
    """Return the expression for 1 or 0, or NULL when it was not sent or is neither."""
    return f"transform(lower({field(name)}), ['true', '1', 'false', '0'], [1, 1, 0, 0], NULL)"


def of_span(*columns: str) -> dict[str, str]:
    return {column: f"span.{column}" for column in columns}


def as_sent(*columns: str) -> dict[str, str]:
    return {column: field(column) for column in columns}


CALLS: Mapping[str, str] = {
    "workspace_id": "span.workspace_id",
    **as_sent("tenant", "user_id", "team", "feature", "environment", "service", "session_id"),
    **as_sent("prompt_name", "prompt_version", "agent"),
    **of_span("tags", "trace_id", "span_id", "parent_span_id"),
    **as_sent("action_id", "action_name", "request_id"),
    "attempt": f"ifNull(accurateCastOrNull({number_of('attempt')}, 'UInt16'), 0)",
    **as_sent("response_id"),
    "operation": "call_operation",
    "provider": f"lower({field('provider')})",
    "model_requested": "model_requested_text",
    "model_served": "model_served_text",
    **as_sent("region"),
    "service_tier": f"lower({field('service_tier')})",
    "stream": flag_of("stream"),
    "max_output_tokens": f"accurateCastOrNull({number_of('max_output_tokens')}, 'UInt32')",
    "started_at": "if(time_in_range, span.started_at, toDateTime64(span.received_at, 6, 'UTC'))",
    "duration_ms": f"if(elapsed_ms BETWEEN 0 AND {LONGEST_MS}, elapsed_ms, 0)",
    "queue_ms": number_of("queue_ms"),
    "ttft_ms": number_of("ttft_ms"),
    "input_tokens": """if(input_exclusive != '', input_total_count,
        toUInt32(input_total_count - input_parts))""",
    "cache_read_tokens": "cache_read_count",
    "cache_write_5m_tokens": """if(write_exclusive, cache_write_total,
        toUInt32(cache_write_total - ifNull(cache_write_1h_count, 0)))""",
    "cache_write_1h_tokens": "cache_write_1h_count",
    "output_tokens": """if(output_exclusive != '', output_total_count,
        toUInt32(output_total_count - output_parts))""",
    "reasoning_tokens": "reasoning_count",
    "audio_in_tokens": "audio_in_new",
    "audio_out_tokens": "audio_out_count",
    "image_in_tokens": "image_in_new",
    "image_out_tokens": "image_out_count",
    "uses": uses_of(COLUMNS.values()),
    "usage_source": one_of(
        "usage_source",
        USAGE_SOURCES,
        """if(input_total_count IS NULL AND output_total_count IS NULL
        AND cache_read_count IS NULL AND cache_write_total IS NULL, 'missing', 'provider')""",
    ),
    "usage_flag": """arrayStringConcat(arrayFilter(flag -> flag != '', [
        if(input_exclusive = 'inferred' OR output_exclusive = 'inferred' OR write_exclusive,
            'exclusive_inferred', ''),
        if(time_in_range, '', 'time_out_of_range')]), ',')""",
    "outcome": outcome(),
    "error_type": "error_type_text",
    "finish_reason": "finish",
    "success": flag_of("success"),
    "score": f"if(isFinite({number_of('score')}), {number_of('score')}, NULL)",
    "cache_layer": one_of("cache_layer", CACHE_LAYERS, "'none'"),
    "cache_hit": f"ifNull({flag_of('cache_hit')}, 0)",
    "prompt_hash": hash_of(field("prompt_hash")),
    "answer_hash": hash_of(field("answer_hash")),
    "timeout_ms": f"accurateCastOrNull(round({number_of('timeout_ms')}), 'UInt32')",
    "dialect": "span.dialect",
    "emitter": """if(span.scope_version = '', span.scope_name,
        concat(span.scope_name, '@', span.scope_version))""",
    **of_span("segment", "received_at"),
}
