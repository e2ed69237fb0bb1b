"""The dialect table: how each way of naming things becomes a call.

A dialect says how it is recognised and where each column of `calls` is found: the first source that
is there counts. A new dialect is an entry here and recorded payloads in the tests; the statements
are generated from this table (decode.py, normalise.py).

All of these dialects send inclusive totals: input contains what was read from or written to a cache
and audio and images, output contains reasoning and audio. `calls` holds exclusive buckets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Resource:
    """An attribute of the resource (the process that sends) instead of the span."""

    name: str


@dataclass(frozen=True, slots=True)
class Seconds:
    """An attribute in seconds; columns of durations are in milliseconds."""

    name: str


@dataclass(frozen=True, slots=True)
class Json:
    """A member of an attribute that holds a JSON object."""

    name: str
    member: str


Source = str | Resource | Seconds | Json
Sources = tuple[Source, ...]
Fields = Mapping[str, Sources]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of naming things.

    A span speaks it if its scope, one of its keys, or a prefix of one of its keys matches.
    `operations` translates the operation it names; others are taken as they are if
    `other_operations`, else they are no inference.
    """

    name: str
    fields: Fields
    scopes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    operations: Mapping[str, str] = field(default_factory=dict)
    other_operations: bool = True


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
    "user_id": ("user.id", "enduser.id"),
    "team": (Resource("team"), Resource("service.team")),
    "environment": (
        "deployment.environment.name",
        Resource("deployment.environment.name"),
        Resource("deployment.environment"),
    ),
    "service": (Resource("service.name"),),
    "session_id": ("session.id",),
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
    "finish_reason": ("gen_ai.response.finish_reasons", "gen_ai.response.finish_reason"),
    "service_tier": (
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
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
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
    ),
    "cache_write": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
    ),
    "reasoning": ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"),
    "audio_in": ("gen_ai.usage.audio.input_tokens",),
    "audio_cache_read": ("gen_ai.usage.audio.cache_read.input_tokens",),
    "audio_out": ("gen_ai.usage.audio.output_tokens",),
    "image_in": ("gen_ai.usage.image.input_tokens",),
    "image_cache_read": ("gen_ai.usage.image.cache_read.input_tokens",),
    "user_id": ("user.id", "enduser.id", "gen_ai.user.id", "gen_ai.user", "llm.user"),
    "session_id": ("gen_ai.conversation.id", "gen_ai.session.id"),
    "prompt_name": ("gen_ai.prompt.name",),
    "prompt_version": ("gen_ai.prompt.version",),
    "agent": ("gen_ai.agent.name",),
    "action_name": ("gen_ai.workflow.name",),
    "environment": ("gen_ai.environment",),
}

OPENINFERENCE: Fields = {
    "operation": ("openinference.span.kind",),
    "provider": ("llm.provider", "llm.system", "gen_ai.provider.name", "gen_ai.system"),
    "model_requested": (
        "llm.request.model_name",
        "llm.model_name",
        "embedding.model_name",
        "reranker.model_name",
        "gen_ai.request.model",
    ),
    "model_served": ("llm.response.model_name", "gen_ai.response.model"),
    "response_id": ("llm.response.id", "gen_ai.response.id"),
    "finish_reason": ("llm.finish_reason", "gen_ai.response.finish_reasons"),
    "service_tier": (Json("llm.invocation_parameters", "service_tier"),),
    "stream": (Json("llm.invocation_parameters", "stream"),),
    "max_output_tokens": (
        Json("llm.invocation_parameters", "max_tokens"),
        Json("llm.invocation_parameters", "max_completion_tokens"),
        Json("llm.invocation_parameters", "max_output_tokens"),
    ),
    "ttft_ms": (Seconds("gen_ai.response.time_to_first_chunk"),),
    "input_total": ("llm.token_count.prompt",),
    "output_total": ("llm.token_count.completion",),
    "cache_read": (
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
    ),
    "cache_write": ("llm.token_count.prompt_details.cache_write",),
    "reasoning": ("llm.token_count.completion_details.reasoning",),
    "audio_in": ("llm.token_count.prompt_details.audio",),
    "audio_out": ("llm.token_count.completion_details.audio",),
    "tenant": (Json("metadata", "tenant"), Json("metadata", "tenant_id")),
    "agent": ("agent.name",),
    "prompt_name": ("llm.prompt_template.name",),
    "prompt_version": ("llm.prompt_template.version",),
}


def merge(*tables: Fields) -> Fields:
    """Join tables column by column; the sources of an earlier table come first."""
    columns = {column for table in tables for column in table}
    return {
        column: tuple(source for table in tables for source in table.get(column, ()))
        for column in sorted(columns)
    }


GEN_AI_OPERATIONS = {
    "completion": "text_completion",
    "embedding": "embeddings",
    "reranker": "rerank",
}

# In the order in which they are tried: OpenInference spans may carry gen_ai.* and finops.* as well.
DIALECTS = (
    Dialect(
        name="openinference",
        keys=("openinference.span.kind",),
        prefixes=("llm.token_count.",),
        fields=merge(OURS, OPENINFERENCE, GENERAL),
        operations={
            "llm": "chat",
            "embedding": "embeddings",
            "reranker": "rerank",
            "retriever": "retrieval",
            "guardrail": "guardrail",
        },
        other_operations=False,
    ),
    Dialect(
        name="finops",
        scopes=("inferledger",),
        prefixes=("finops.",),
        fields=merge(OURS, GEN_AI, GENERAL),
        operations=GEN_AI_OPERATIONS,
    ),
    Dialect(
        name="gen_ai",
        prefixes=("gen_ai.",),
        fields=merge(OURS, GEN_AI, GENERAL),
        operations=GEN_AI_OPERATIONS,
    ),
)

# What an operation is called that is no inference in its dialect.
NO_OPERATION = "none"
# A call to a model, whether or not the answer came.
INFERENCE = ("chat", "text_completion", "generate_content", "embeddings")
# Steps around calls. Some emitters repeat on them the usage of the calls below, so that they never
# become calls; fetch_response reads an answer that was paid for before.
NOT_INFERENCE = (
    "execute_tool",
    "invoke_agent",
    "create_agent",
    "invoke_workflow",
    "plan",
    "fetch_response",
    "create_memory_store",
    "delete_memory_store",
    "create_memory",
    "update_memory",
    "upsert_memory",
    "delete_memory",
    "search_memory",
    "tool",
    "agent",
    "workflow",
    "task",
    "chain",
)
OUTCOMES = ("ok", "error", "timeout", "rate_limited", "oom", "cancelled")
CACHE_LAYERS = ("none", "exact", "semantic", "retrieval", "embedding")
USAGE_SOURCES = ("provider", "estimated", "missing")
