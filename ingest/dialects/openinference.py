"""OpenInference, the names of Phoenix and Arize."""

from __future__ import annotations

from ingest.dialects.shared import GENERAL, OURS
from ingest.dialects.table import Dialect, Fields, Json, Seconds, merge

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
    "total_tokens": ("llm.token_count.total",),
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

DIALECT = Dialect(
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
        "agent": "agent",
        "chain": "chain",
        "tool": "tool",
    },
    other_operations=False,
)
