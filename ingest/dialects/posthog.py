"""PostHog's names of LLM events, as attributes of spans.

No package of PostHog's writes them into spans: its OpenTelemetry processor passes on the spans of
others. Who sends them bridges PostHog's events, whose properties these are.
"""

from __future__ import annotations

from ingest.dialects.shared import GENERAL, OURS
from ingest.dialects.table import (
    Const,
    Dialect,
    Digits,
    Fields,
    Json,
    Only,
    Seconds,
    Sum,
    When,
    merge,
)

EXCLUSIVE = "$ai_cache_reporting_exclusive"
FAILED = When(values={"$ai_is_error": ("true", "1")})
PARAMETERS = "$ai_model_parameters"

POSTHOG: Fields = {
    "operation": (
        Only(When(names=("$ai_embedding*",)), Const("embeddings")),
        Only(When(names=("$ai_span*", "$ai_trace*")), Const("chain")),
        Only(When(keys=("$ai_model",)), Const("chat")),
    ),
    "provider": ("$ai_provider",),
    # The model asked for, where there is one.
    "model_requested": ("$ai_model",),
    "model_served": ("$ai_response_model",),
    "response_id": ("$ai_response_id",),
    "finish_reason": ("$ai_stop_reason",),
    "service_tier": ("$ai_service_tier", Json(PARAMETERS, "service_tier")),
    "stream": ("$ai_stream", Json(PARAMETERS, "stream")),
    "max_output_tokens": (
        Json(PARAMETERS, "max_tokens"),
        Json(PARAMETERS, "max_completion_tokens"),
        Json(PARAMETERS, "max_output_tokens"),
    ),
    "ttft_ms": (Seconds("$ai_time_to_first_token"),),
    "input_total": ("$ai_input_tokens",),
    "output_total": ("$ai_output_tokens",),
    "total_tokens": ("$ai_total_tokens",),
    "cache_read": ("$ai_cache_read_input_tokens",),
    "cache_write": (
        "$ai_cache_creation_input_tokens",
        Sum("$ai_cache_creation_5m_input_tokens", "$ai_cache_creation_1h_input_tokens"),
    ),
    # The provider's own usage, printed.
    "cache_write_1h": (
        "$ai_cache_creation_1h_input_tokens",
        Digits("$ai_usage", "ephemeral_1h_input_tokens"),
    ),
    "reasoning": ("$ai_reasoning_tokens",),
    "tenant": (Json("$groups", "tenant"), Json("$groups", "company")),
    # Without a person the id is made up.
    "user_id": (Only(When(lacks=("$process_person_profile",)), "distinct_id"),),
    "session_id": ("$ai_session_id",),
    "prompt_name": ("$ai_prompt_name",),
    "prompt_version": ("$ai_prompt_version",),
    "http_status": ("$ai_http_status",),
    "error_type": (Only(FAILED, "$ai_error"), Only(FAILED, Const("error"))),
}

DIALECT = Dialect(
    name="posthog",
    prefixes=("$ai_",),
    fields=merge(OURS, POSTHOG, GENERAL),
    # Where the event doesn't say, PostHog takes Anthropic's own counts for exclusive.
    exclusive_input=(
        When(values={EXCLUSIVE: ("true", "1")}),
        When(providers=("anthropic",), lacks=(EXCLUSIVE,)),
    ),
    # Gemini counts its thoughts beside its candidates.
    exclusive_output=(When(providers=("gemini", "google", "vertex_ai", "google-vertex")),),
)
