"""Langfuse's SDKs, Python and JavaScript, and what their users write by hand.

`usage_details` is a JSON object in words of whoever filled it. OpenAI's own words, which its
wrappers pass on, are totals with nested details; all others are buckets beside each other, so that
a total is their sum. Metadata are JSON since version 5, bare texts before.
"""

from __future__ import annotations

from ingest.dialects.shared import GEN_AI, GEN_AI_OPERATIONS, GENERAL, OURS
from ingest.dialects.table import (
    Const,
    Dialect,
    Fields,
    Json,
    Only,
    Since,
    Source,
    Sum,
    When,
    merge,
)

USAGE = "langfuse.observation.usage_details"
PARAMETERS = "langfuse.observation.model.parameters"
TRACE = "langfuse.trace.metadata"
OBSERVATION = "langfuse.observation.metadata"
FAILED = When(values={"langfuse.observation.level": ("ERROR",)})


def counts(*members: str) -> tuple[Source, ...]:
    """Members of the usage."""
    return tuple(Json(USAGE, member) for member in members)


def metadata(*keys: str) -> tuple[Source, ...]:
    """Metadata of the observation or its trace, as JSON or bare."""
    names = [f"{of}.{key}" for key in keys for of in (OBSERVATION, TRACE)]
    return tuple(source for name in names for source in (Json(name), name))


# LangChain names the parts of a flex or priority call after its tier. Langfuse takes those of flex
# off the totals, and those of priority it doesn't.
CACHE_READ = (
    "input_cached_tokens",
    "cache_read_input_tokens",
    "input_cache_read",
    "input_flex_cache_read",
)
WRITE_1H = ("input_cache_creation_1h", "input_ephemeral_1h_input_tokens")
CACHE_WRITE = (
    "input_cache_creation",
    "input_cache_creation_5m",
    "input_ephemeral_5m_input_tokens",
    "input_cache_write_tokens",
    "input_flex_cache_creation",
    *WRITE_1H,
)
AUDIO_IN = ("input_audio_tokens", "input_audio", "input_modality_AUDIO", "input_modality_audio")
IMAGE_IN = ("input_image_tokens", "input_image", "input_modality_IMAGE", "input_modality_image")
TEXT_IN = ("input_text_tokens", "input_modality_TEXT", "input_modality_text", "input_flex")
REASONING = ("output_reasoning_tokens", "output_reasoning", "output_flex_reasoning")
THOUGHTS = ("thoughts_token_count", "thoughtsTokenCount")
AUDIO_OUT = (
    "output_audio_tokens",
    "output_audio",
    "output_modality_AUDIO",
    "output_modality_audio",
)
TEXT_OUT = (
    "output_flex",
    "output_text_tokens",
    "output_modality_TEXT",
    "output_modality_text",
    "output_accepted_prediction_tokens",
    "output_rejected_prediction_tokens",
)

LANGFUSE: Fields = {
    # The JavaScript wrapper of OpenAI takes embeddings for generations too.
    "operation": (
        Only(When(names=("OpenAI.embeddings",)), Const("embedding")),
        "langfuse.observation.type",
    ),
    "provider": metadata("ls_provider"),
    "model_requested": (*metadata("ls_model_name"), "langfuse.observation.model.name"),
    "model_served": ("langfuse.observation.model.name",),
    # The wrapper of OpenAI puts what a streamed response says into the metadata.
    "response_id": metadata("id"),
    "finish_reason": metadata("finish_reason"),
    "service_tier": (Json(PARAMETERS, "service_tier"), *metadata("service_tier")),
    "stream": (Json(PARAMETERS, "stream"),),
    "max_output_tokens": (
        Json(PARAMETERS, "max_tokens"),
        Json(PARAMETERS, "max_completion_tokens"),
        Json(PARAMETERS, "max_output_tokens"),
    ),
    "ttft_ms": (Since("langfuse.observation.completion_start_time"),),
    "input_total": (
        *counts("prompt_tokens"),
        Sum(
            *counts("input", "input_tokens", "prompt_token_count", "promptTokenCount"),
            *counts("inputTokens", "promptTokens", "prompt", "cache_creation_input_tokens"),
            *counts(*TEXT_IN, *AUDIO_IN, *IMAGE_IN, *CACHE_READ, *CACHE_WRITE),
        ),
    ),
    "output_total": (
        *counts("completion_tokens"),
        Sum(
            *counts("output", "output_tokens", "candidates_token_count", "candidatesTokenCount"),
            *counts("outputTokens", "completionTokens", "completion"),
            *counts(*TEXT_OUT, *AUDIO_OUT, *REASONING, *THOUGHTS),
        ),
    ),
    "cache_read": (
        Json(USAGE, "prompt_tokens_details", "cached_tokens"),
        Json(USAGE, "input_tokens_details", "cached_tokens"),
        *counts(*CACHE_READ, "cached_content_token_count", "cachedContentTokenCount"),
        *counts("cachedInputTokens", "input_priority_cache_read"),
    ),
    "cache_write": (
        Json(USAGE, "prompt_tokens_details", "cache_write_tokens"),
        Json(USAGE, "input_tokens_details", "cache_write_tokens"),
        *counts("cache_creation_input_tokens"),
        Sum(*counts(*CACHE_WRITE)),
    ),
    "cache_write_1h": (
        *counts(*WRITE_1H, "cache_creation_ephemeral_1h_input_tokens"),
        Json(USAGE, "cache_creation", "ephemeral_1h_input_tokens"),
    ),
    "reasoning": (
        Json(USAGE, "completion_tokens_details", "reasoning_tokens"),
        Json(USAGE, "output_tokens_details", "reasoning_tokens"),
        *counts(*REASONING, *THOUGHTS, "reasoningTokens", "output_priority_reasoning"),
    ),
    "audio_in": (
        Json(USAGE, "prompt_tokens_details", "audio_tokens"),
        Json(USAGE, "input_tokens_details", "audio_tokens"),
        *counts(*AUDIO_IN),
    ),
    "audio_out": (
        Json(USAGE, "completion_tokens_details", "audio_tokens"),
        Json(USAGE, "output_tokens_details", "audio_tokens"),
        *counts(*AUDIO_OUT),
    ),
    "image_in": (
        Json(USAGE, "prompt_tokens_details", "image_tokens"),
        Json(USAGE, "input_tokens_details", "image_tokens"),
        *counts(*IMAGE_IN),
    ),
    # The JavaScript SDK says so nowhere else.
    "error_type": (
        "error.type",
        Only(FAILED, "langfuse.observation.status_message"),
        Only(FAILED, Const("error")),
    ),
    "tenant": metadata("tenant", "tenant_id"),
    "team": metadata("team"),
    "feature": metadata("feature"),
    "user_id": ("langfuse.user.id",),
    "session_id": ("langfuse.session.id",),
    "action_name": ("langfuse.trace.name",),
    "environment": ("langfuse.environment",),
    "prompt_name": ("langfuse.observation.prompt.name",),
    "prompt_version": ("langfuse.observation.prompt.version",),
}

# Its processor adds langfuse.* to what other instrumentations send too, so that only the words of
# an observation tell.
DIALECT = Dialect(
    name="langfuse",
    scopes=("langfuse-sdk*",),
    keys=("langfuse.observation.type", USAGE, "langfuse.observation.model.name"),
    fields=merge(OURS, LANGFUSE, GEN_AI, GENERAL),
    operations={
        **GEN_AI_OPERATIONS,
        "generation": "chat",
        "span": "chain",
        "evaluator": "chain",
        "event": "none",
        "retriever": "retrieval",
    },
)
