"""OpenInference, the names of Phoenix and Arize."""

from __future__ import annotations

from ingest.dialects.shared import GENERAL, OURS
from ingest.dialects.table import Const, Dialect, Fields, Json, Only, Seconds, Since, When, merge

# Their model name is only set from the answer.
ANSWERED = When(scopes=("openinference.instrumentation.openai",))
EMBEDDING_ANSWERED = When(
    scopes=("openinference.instrumentation.openai", "openinference.instrumentation.litellm")
)
# google-genai says it in no other way.
STREAMED = When(names=("GenerateContentStream", "AsyncGenerateContentStream"))

PARAMETERS = "llm.invocation_parameters"
EMBEDDING_PARAMETERS = "embedding.invocation_parameters"

# What `door:` names was read at the door from output.value, the answer as its provider sent it: so
# it comes first, and the attributes, which not every instrumentation sets, after it.
OPENINFERENCE: Fields = {
    "operation": ("openinference.span.kind",),
    "provider": ("llm.provider", "llm.system", "gen_ai.provider.name", "gen_ai.system"),
    # llm.model_name is the model asked for until the answer names another.
    "model_requested": (
        "llm.request.model_name",
        Json(PARAMETERS, "model"),
        Json(PARAMETERS, "model_name"),
        Json(PARAMETERS, "model_id"),
        Json(EMBEDDING_PARAMETERS, "model"),
        Json("metadata", "ls_model_name"),
        "llm.model_name",
        "embedding.model_name",
        "reranker.model_name",
        "gen_ai.request.model",
    ),
    "model_served": (
        "llm.response.model_name",
        "door:model_served",
        Only(ANSWERED, "llm.model_name"),
        Only(EMBEDDING_ANSWERED, "embedding.model_name"),
        "gen_ai.response.model",
    ),
    "response_id": ("llm.response.id", "door:response_id", "gen_ai.response.id"),
    "finish_reason": ("llm.finish_reason", "gen_ai.response.finish_reasons"),
    "service_tier": ("door:service_tier", Json(PARAMETERS, "service_tier")),
    "stream": (
        "door:stream",
        Json(PARAMETERS, "stream"),
        Json(PARAMETERS, "streaming"),
        Only(STREAMED, Const("true")),
    ),
    "max_output_tokens": (
        Json(PARAMETERS, "max_tokens"),
        Json(PARAMETERS, "max_completion_tokens"),
        Json(PARAMETERS, "max_output_tokens"),
    ),
    "ttft_ms": (Seconds("gen_ai.response.time_to_first_chunk"), Since("door:first_token")),
    "input_total": ("door:input_total", "llm.token_count.prompt"),
    "output_total": ("door:output_total", "llm.token_count.completion"),
    "total_tokens": ("llm.token_count.total",),
    "cache_read": (
        "door:cache_read",
        "llm.token_count.prompt_details.cache_read",
        "llm.token_count.prompt_details.cache_input",
    ),
    "cache_write": ("door:cache_write", "llm.token_count.prompt_details.cache_write"),
    "cache_write_1h": ("door:cache_write_1h",),
    "reasoning": ("door:reasoning", "llm.token_count.completion_details.reasoning"),
    "audio_in": ("door:audio_in", "llm.token_count.prompt_details.audio"),
    "audio_out": ("door:audio_out", "llm.token_count.completion_details.audio"),
    "image_in": ("door:image_in",),
    "image_out": ("door:image_out",),
    "used_web_search": ("door:used_web_search",),
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
