"""Names that more than one dialect uses."""

from __future__ import annotations

from finops.pricing.rate import USES
from ingest.dialects.table import Fields, Resource, Seconds

# What users of any instrumentation may add to say for whom and why; it comes before the rest.
OURS: Fields = {
    "tenant": ("finops.tenant.id", Resource("finops.tenant.id")),
    "team": ("finops.team", Resource("finops.team")),
    "feature": ("finops.feature", Resource("finops.feature")),
    "environment": ("finops.environment", Resource("finops.environment")),
    "action_id": ("finops.action.id",),
    "action_name": ("finops.action.name",),
    "request_id": ("finops.request.id",),
    "attempt": ("finops.request.attempt",),
    "region": ("finops.region",),
    "service_tier": ("finops.service_tier",),
    "queue_ms": ("finops.queue_ms",),
    "ttft_ms": ("finops.ttft_ms",),
    "timeout_ms": ("finops.timeout_ms",),
    "cache_write_1h": ("finops.usage.cache_write_1h.input_tokens",),
    "usage_source": ("finops.usage.source",),
    "outcome": ("finops.outcome",),
    "success": ("finops.success",),
    "score": ("finops.score",),
    "cache_layer": ("finops.cache.layer",),
    "cache_hit": ("finops.cache.hit",),
    "prompt_hash": ("finops.prompt.hash",),
    "answer_hash": ("finops.answer.hash",),
    **{f"used_{use}": (f"finops.use.{use}",) for use in USES},
}

# What every OpenTelemetry sender may say in the same words.
GENERAL: Fields = {
    "tenant": (
        "tenant.id",
        "tenant",
        Resource("tenant.id"),
        Resource("tenant"),
        Resource("service.tenant"),
    ),
    # The last names of each are what processors of Langfuse and PostHog add to the spans of others.
    "user_id": ("user.id", "enduser.id", "posthog.distinct_id"),
    "team": (Resource("team"), Resource("service.team")),
    "environment": (
        "deployment.environment.name",
        "langfuse.environment",
        Resource("deployment.environment.name"),
        Resource("deployment.environment"),
    ),
    "service": (Resource("service.name"),),
    "session_id": ("session.id", "$session_id"),
    "error_type": ("error.type", "exception.type"),
    "http_status": ("http.response.status_code", "http.status_code"),
    "attempt": ("http.request.resend_count",),
}

# OpenTelemetry's GenAI conventions: the newest name first, then those that are still in the wild.
GEN_AI: Fields = {
    "operation": ("gen_ai.operation.name", "llm.request.type"),
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "model_requested": ("gen_ai.request.model",),
    "model_served": ("gen_ai.response.model",),
    "response_id": ("gen_ai.response.id",),
    "finish_reason": (
        "gen_ai.response.finish_reasons",
        "gen_ai.response.finish_reason",
        "anthropic.message.stop_reason",
    ),
    "service_tier": (
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "anthropic.response.service_tier",
        "gen_ai.response.service_tier",
    ),
    "stream": ("gen_ai.request.stream", "gen_ai.is_streaming", "llm.is_streaming"),
    "max_output_tokens": ("gen_ai.request.max_tokens",),
    "ttft_ms": (
        Seconds("gen_ai.response.time_to_first_chunk"),
        Seconds("gen_ai.server.time_to_first_token"),
    ),
    "input_total": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_total": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "total_tokens": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens"),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    "cache_write_1h": ("anthropic.usage.cache_creation.ephemeral_1h_input_tokens",),
    "reasoning": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    "audio_in": ("gen_ai.usage.audio.input_tokens",),
    "audio_cache_read": ("gen_ai.usage.audio.cache_read.input_tokens",),
    "audio_out": ("gen_ai.usage.audio.output_tokens",),
    "image_in": ("gen_ai.usage.image.input_tokens",),
    "image_cache_read": ("gen_ai.usage.image.cache_read.input_tokens",),
    "image_out": ("gen_ai.usage.image.output_tokens",),
    "user_id": ("user.id", "enduser.id", "gen_ai.user.id", "gen_ai.user", "llm.user"),
    "session_id": ("gen_ai.conversation.id", "gen_ai.session.id"),
    "prompt_name": ("gen_ai.prompt.name",),
    "prompt_version": ("gen_ai.prompt.version",),
    "agent": ("gen_ai.agent.name",),
    "action_name": ("gen_ai.workflow.name",),
    "environment": ("gen_ai.environment",),
}

GEN_AI_OPERATIONS = {
    "completion": "text_completion",
    "embedding": "embeddings",
    "reranker": "rerank",
}
