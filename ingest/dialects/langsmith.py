"""LangSmith's SDKs where they export runs as OpenTelemetry spans.

Runs of chains repeat the usage of the model inside them. Details of usage are JSON (JavaScript), a
dict as Python prints it, or only inside the metadata or the answer. The session of a trace is the
project; what users call a session is among the metadata.
"""

from __future__ import annotations

from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.shared import GEN_AI, GENERAL, OURS
from ingest.dialects.table import Dialect, Digits, Fields, Json, Source, Sources, Sum, merge

INPUT = "gen_ai.usage.input_token_details"
OUTPUT = "gen_ai.usage.output_token_details"
USAGE = "langsmith.metadata.usage_metadata"
# Of a flex or priority call the details are named after its tier.
TIERS = ("", "flex_", "priority_")


def details(name: str, *members: str) -> Sources:
    """Members of the details, wherever they are."""
    inside = "input_token_details" if name == INPUT else "output_token_details"
    named = [tier + member for member in members for tier in TIERS]
    printed: list[Source] = [Digits(name, member) for member in named]
    return (*printed, *(Json(USAGE, inside, member) for member in named))


def metadata(*keys: str) -> Sources:
    return tuple(f"langsmith.metadata.{key}" for key in keys)


def written(*members: str) -> Sources:
    """Cache writes: those of a known length are named apart, and then not in the sum."""
    return (
        Sum(*(Digits(INPUT, member) for member in members)),
        Sum(*(Json(USAGE, "input_token_details", member) for member in members)),
    )


WRITE_1H = "ephemeral_1h_input_tokens"

LANGSMITH: Fields = {
    "operation": ("langsmith.span.kind", "gen_ai.operation.name"),
    "provider": metadata("ls_provider"),
    "model_requested": metadata("ls_model_name"),
    "model_served": ("gen_ai.response.model", "door:model_served"),
    "response_id": ("gen_ai.response.id", "door:response_id"),
    "service_tier": ("gen_ai.response.service_tier", "door:service_tier"),
    "stream": ("langsmith.request.streaming", "door:stream"),
    "max_output_tokens": metadata("ls_max_tokens"),
    "ttft_ms": (),
    "input_total": ("gen_ai.usage.input_tokens", Json(USAGE, "input_tokens"), "door:input_total"),
    "output_total": (
        "gen_ai.usage.output_tokens",
        Json(USAGE, "output_tokens"),
        "door:output_total",
    ),
    "cache_read": (*details(INPUT, "cache_read"), "door:cache_read"),
    "cache_write": (
        *written("cache_creation", "ephemeral_5m_input_tokens", WRITE_1H),
        "door:cache_write",
    ),
    "cache_write_1h": (*details(INPUT, WRITE_1H), "door:cache_write_1h"),
    "reasoning": (*details(OUTPUT, "reasoning"), "door:reasoning"),
    "audio_in": (*details(INPUT, "audio"), "door:audio_in"),
    "audio_out": (*details(OUTPUT, "audio"), "door:audio_out"),
    "tenant": metadata("tenant", "tenant_id"),
    "team": metadata("team"),
    "feature": metadata("feature"),
    "environment": metadata("environment"),
    "user_id": metadata("user_id"),
    "session_id": metadata("session_id", "thread_id", "conversation_id"),
    "prompt_name": metadata("lc_hub_repo"),
    "prompt_version": metadata("lc_hub_commit_hash"),
}

DIALECT = Dialect(
    name="langsmith",
    scopes=("langsmith",),
    prefixes=("langsmith.",),
    fields=merge(OURS, LANGSMITH, GEN_AI, GENERAL),
    operations={
        "llm": "chat",
        "embedding": "embeddings",
        "retriever": "retrieval",
        "chain": "chain",
        "tool": "tool",
        "prompt": NO_OPERATION,
        "parser": NO_OPERATION,
        # Spans of others that only name the operation.
        "chat": "chat",
        "embeddings": "embeddings",
        "text_completion": "text_completion",
    },
    other_operations=False,
)
