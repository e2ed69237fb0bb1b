"""What the columns of a call mean, whoever sent it.

`NAME_text`, `NAME_count` and `NAME_number` are what the dialect table found; the rest are columns
of `spans`. `input_said` and `output_said` are what the table says of the sender's totals,
`never_call` that it makes no calls.
"""

from __future__ import annotations

from collections.abc import Mapping

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

# No call takes a month; what seems longer comes from a clock, or a start, that was never set.
LONGEST_MS = 30 * 24 * 3600 * 1000

FIRST: Mapping[str, str] = {
    "known_model_or_usage": """model_requested_text != '' OR model_served_text != ''
        OR input_total_count IS NOT NULL OR output_total_count IS NOT NULL""",
    "any_usage": """ifNull(input_total_count, 0) + ifNull(output_total_count, 0)
        + ifNull(cache_read_count, 0) + ifNull(cache_write_count, 0) > 0""",
    # Audio and images that were read from the cache are counted as cache reads, not twice.
    "audio_in_new": """if(audio_cache_read_count <= audio_in_count,
        audio_in_count - audio_cache_read_count, audio_in_count)""",
    "image_in_new": """if(image_cache_read_count <= image_in_count,
        image_in_count - image_cache_read_count, image_in_count)""",
    "cache_write_total": "coalesce(cache_write_count, cache_write_1h_count)",
    "output_parts": "ifNull(reasoning_count, 0) + ifNull(audio_out_count, 0)",
    "time_in_range": """started_at >= toDateTime64('2020-01-01 00:00:00', 6, 'UTC')
        AND started_at <= received_at + INTERVAL 1 DAY""",
    "elapsed_ms": "(toUnixTimestamp64Micro(ended_at) - toUnixTimestamp64Micro(started_at)) / 1000",
    "finish": "if(startsWith(finish_reason_text, '['), JSONExtractString(finish_reason_text, 1), "
    "finish_reason_text)",
    "failure": "lower(concat(error_type_text, ' ', http_status_text, ' ', status_message))",
}

OPERATION: Mapping[str, str] = {
    "call_operation": """multiIf(
        operation_text != '', operation_text, known_model_or_usage, 'chat', '')""",
    "input_parts": """ifNull(cache_read_count, 0) + ifNull(cache_write_total, 0)
        + ifNull(audio_in_new, 0) + ifNull(image_in_new, 0)""",
    "write_exclusive": "ifNull(cache_write_1h_count > cache_write_total, 0)",
    "no_usage": """input_total_count IS NULL AND output_total_count IS NULL
        AND cache_read_count IS NULL AND cache_write_total IS NULL""",
    "failed": """error_type_text != '' OR status_code = 2 OR finish = 'error'
        OR toUInt16OrZero(http_status_text) >= 400""",
}

# What the sender's own sum of both leaves over is what it holds outside of its totals. Parts of
# which the table already says so are taken off first; two equal parts can't be told apart.
LEFT_OVER: Mapping[str, str] = {
    "is_call": f"""NOT never_call AND multiIf(
        call_operation IN ('', {quote(NO_OPERATION)}, {texts(NOT_INFERENCE)}), 0,
        call_operation IN ({texts(AGGREGATES)}), any_usage,
        call_operation IN ({texts(INFERENCE)}) OR known_model_or_usage
            OR scope_name = 'inferledger')""",
    "input_unsaid": "if(input_said, 0, input_parts)",
    "output_unsaid": "if(output_said, 0, output_parts)",
    "left_over": """toInt64(total_tokens_count) - input_total_count - output_total_count
        - if(input_said, input_parts, 0) - if(output_said, output_parts, 0)""",
}
SUMMED: Mapping[str, str] = {
    "input_summed": """ifNull(input_unsaid > 0 AND (left_over = input_unsaid + output_unsaid
        OR left_over = input_unsaid AND input_unsaid != output_unsaid), 0)""",
    "output_summed": """ifNull(output_unsaid > 0 AND (left_over = input_unsaid + output_unsaid
        OR left_over = output_unsaid AND input_unsaid != output_unsaid), 0)""",
}
# Parts can't be more than what contains them: then the sender's totals are exclusive already.
INFERRED: Mapping[str, str] = {
    "input_inferred": """NOT (input_said OR input_summed)
        AND ifNull(input_parts > input_total_count, 0)""",
    "output_inferred": """NOT (output_said OR output_summed)
        AND ifNull(output_parts > output_total_count, 0)""",
}
EXCLUSIVE: Mapping[str, str] = {
    "input_exclusive": "input_said OR input_summed OR input_inferred",
    "output_exclusive": "output_said OR output_summed OR output_inferred",
}

# Each may use the fields and the layers before its own. Within one layer none may use another: the
# server would write it out at every place, again and again.
MEANINGS = (FIRST, OPERATION, LEFT_OVER, SUMMED, INFERRED, EXCLUSIVE)

OUTCOME = f"""multiIf(
        lower(outcome_text) IN ({texts(OUTCOMES)}), lower(outcome_text),
        NOT failed, 'ok',
        match(failure, 'rate.?limit|too.?many.?requests|resource.?exhausted|throttl|\\\\b429\\\\b'),
        'rate_limited',
        match(failure, 'time.?out|timed out|deadline|\\\\b(408|504)\\\\b'), 'timeout',
        match(failure, 'cancel|abort|generatorexit|disconnect|\\\\b499\\\\b'), 'cancelled',
        match(failure, 'out.?of.?memory|\\\\boom\\\\b'), 'oom',
        'error')"""


def hash_of(text: str) -> str:
    """Return the expression that reads 16 hexadecimal digits; 0 for anything else."""
    digits = f"match({text}, '^[0-9a-fA-F]{{16}}$')"
    return f"if({digits}, reinterpretAsUInt64(reverse(unhex({text}))), 0)"


def flag_of(name: str) -> str:
    """Return the expression for 1 or 0, or NULL when it was not sent or is neither."""
    return f"transform(lower({name}_text), ['true', '1', 'false', '0'], [1, 1, 0, 0], NULL)"


CALLS: Mapping[str, str] = {
    "workspace_id": "workspace_id",
    "tenant": "tenant_text",
    "user_id": "user_id_text",
    "team": "team_text",
    "feature": "feature_text",
    "environment": "environment_text",
    "service": "service_text",
    "session_id": "session_id_text",
    "prompt_name": "prompt_name_text",
    "prompt_version": "prompt_version_text",
    "agent": "agent_text",
    "tags": "tags",
    "trace_id": "trace_id",
    "span_id": "span_id",
    "parent_span_id": "parent_span_id",
    "action_id": "action_id_text",
    "action_name": "action_name_text",
    "request_id": "request_id_text",
    "attempt": "ifNull(attempt_number, 0)",
    "response_id": "response_id_text",
    "operation": "call_operation",
    "provider": "lower(provider_text)",
    "model_requested": "model_requested_text",
    "model_served": "model_served_text",
    "region": "region_text",
    "service_tier": "lower(service_tier_text)",
    "stream": flag_of("stream"),
    "max_output_tokens": "max_output_tokens_count",
    "started_at": "if(time_in_range, started_at, toDateTime64(received_at, 6, 'UTC'))",
    "duration_ms": f"if(elapsed_ms BETWEEN 0 AND {LONGEST_MS}, elapsed_ms, 0)",
    "queue_ms": "queue_ms_number",
    "ttft_ms": "ttft_ms_number",
    "input_tokens": """if(input_exclusive, input_total_count,
        toUInt32(input_total_count - input_parts))""",
    "cache_read_tokens": "cache_read_count",
    "cache_write_5m_tokens": """if(write_exclusive, cache_write_total,
        toUInt32(cache_write_total - ifNull(cache_write_1h_count, 0)))""",
    "cache_write_1h_tokens": "cache_write_1h_count",
    "output_tokens": """if(output_exclusive, output_total_count,
        toUInt32(output_total_count - output_parts))""",
    "reasoning_tokens": "reasoning_count",
    "audio_in_tokens": "audio_in_new",
    "audio_out_tokens": "audio_out_count",
    "image_in_tokens": "image_in_new",
    "usage_source": f"""multiIf(
        usage_source_text IN ({texts(USAGE_SOURCES)}), usage_source_text,
        no_usage, 'missing', 'provider')""",
    "usage_flag": """arrayStringConcat(arrayFilter(flag -> flag != '', [
        if(input_inferred OR output_inferred OR write_exclusive, 'exclusive_inferred', ''),
        if(time_in_range, '', 'time_out_of_range')]), ',')""",
    "outcome": OUTCOME,
    "error_type": "error_type_text",
    "finish_reason": "finish",
    "success": flag_of("success"),
    "score": "if(isFinite(score_number), score_number, NULL)",
    "cache_layer": f"if(cache_layer_text IN ({texts(CACHE_LAYERS)}), cache_layer_text, 'none')",
    "cache_hit": f"ifNull({flag_of('cache_hit')}, 0)",
    "prompt_hash": hash_of("prompt_hash_text"),
    "answer_hash": hash_of("answer_hash_text"),
    "timeout_ms": "accurateCastOrNull(round(timeout_ms_number), 'UInt32')",
    "dialect": "dialect",
    "emitter": "if(scope_version = '', scope_name, concat(scope_name, '@', scope_version))",
    "segment": "segment",
    "received_at": "received_at",
}
