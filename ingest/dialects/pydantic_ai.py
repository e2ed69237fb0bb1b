"""Pydantic AI, versions 0.2 to 2, and what Logfire records of clients it instruments.

An agent's span repeats the usage of its calls, in older versions under the same names. Logfire ends
the span of a streamed call when the stream opens; the usage comes with a second one, of no length,
and in a trace of its own where the first had no parent.
"""

from __future__ import annotations

from ingest.dialects.shared import GEN_AI, GEN_AI_OPERATIONS, GENERAL, OURS
from ingest.dialects.table import (
    Const,
    Dialect,
    Fields,
    Json,
    Only,
    Seconds,
    When,
    merge,
)

DETAILS = "gen_ai.usage.details"
RAW = "gen_ai.usage.raw"
FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
CLIENTS = ("logfire.openai", "logfire.anthropic")
# A stream that broke off ends its span as if all were well, without a reason.
CUT = When(
    scopes=("pydantic-ai",),
    keys=(FIRST_CHUNK,),
    lacks=("gen_ai.response.finish_reasons", "gen_ai.usage.output_tokens"),
    failed=False,
)
STREAMED = When(scopes=CLIENTS, names=("streaming response from *",))

PYDANTIC_AI: Fields = {
    # Older versions don't say what an agent's span is.
    "operation": (
        Only(
            When(scopes=("pydantic-ai",), keys=("agent_name",), lacks=("gen_ai.operation.name",)),
            Const("invoke_agent"),
        ),
        Only(
            When(scopes=CLIENTS, names=("Embedding Creation with *",)),
            Const("embeddings"),
        ),
    ),
    "provider": (
        "gen_ai.provider.name",
        "gen_ai.system",
        Only(When(scopes=("logfire.openai",)), Const("openai")),
        Only(When(scopes=("logfire.anthropic",)), Const("anthropic")),
    ),
    "model_requested": ("gen_ai.request.model", Json("request_data", "model")),
    # Logfire names the model that was asked for also where nothing was served.
    "model_served": (
        Only(When(scopes=("pydantic-ai",)), "gen_ai.response.model"),
        Only(When(failed=False), "gen_ai.response.model"),
        "door:model_served",
    ),
    "outcome": (Only(CUT, Const("error")),),
    "response_id": ("gen_ai.response.id", "door:response_id"),
    "max_output_tokens": (
        "gen_ai.request.max_tokens",
        Json("request_data", "max_tokens"),
        Json("request_data", "max_completion_tokens"),
    ),
    "input_total": ("gen_ai.usage.input_tokens", "door:input_total"),
    "output_total": ("gen_ai.usage.output_tokens", "door:output_total"),
    "stream": (
        Only(STREAMED, Const("true")),
        Only(When(keys=(FIRST_CHUNK,)), Const("true")),
    ),
    "ttft_ms": (Seconds(FIRST_CHUNK),),
    "service_tier": (Json(RAW, "service_tier"), "door:service_tier"),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        f"{DETAILS}.cache_read_tokens",
        f"{DETAILS}.cached_tokens",
        f"{DETAILS}.cache_read_input_tokens",
        f"{DETAILS}.cached_content_tokens",
        f"{DETAILS}.cached_content_token_count",
        Json(RAW, "prompt_tokens_details", "cached_tokens"),
        Json(RAW, "input_tokens_details", "cached_tokens"),
        Json(RAW, "cache_read_input_tokens"),
        "door:cache_read",
    ),
    "cache_write": (
        "gen_ai.usage.cache_creation.input_tokens",
        f"{DETAILS}.cache_write_tokens",
        f"{DETAILS}.cache_creation_input_tokens",
        Json(RAW, "cache_creation_input_tokens"),
        Json(RAW, "input_tokens_details", "cache_write_tokens"),
        "door:cache_write",
    ),
    "cache_write_1h": (
        Json(RAW, "cache_creation", "ephemeral_1h_input_tokens"),
        "door:cache_write_1h",
    ),
    "reasoning": (
        f"{DETAILS}.reasoning_tokens",
        f"{DETAILS}.thoughts_tokens",
        f"{DETAILS}.thoughts_token_count",
        Json(RAW, "completion_tokens_details", "reasoning_tokens"),
        Json(RAW, "output_tokens_details", "reasoning_tokens"),
        "door:reasoning",
    ),
    "audio_in": (
        f"{DETAILS}.input_audio_tokens",
        Json(RAW, "prompt_tokens_details", "audio_tokens"),
        "door:audio_in",
    ),
    "audio_out": (
        f"{DETAILS}.output_audio_tokens",
        Json(RAW, "completion_tokens_details", "audio_tokens"),
        "door:audio_out",
    ),
    "agent": ("gen_ai.agent.name", "agent_name"),
    "attempt": ("pydantic_ai.model_request.attempt",),
}

OTHERS = {name: sources for name, sources in GEN_AI.items() if name != "model_served"}

DIALECT = Dialect(
    name="pydantic_ai",
    scopes=("pydantic-ai", "logfire.*"),
    fields=merge(OURS, PYDANTIC_AI, OTHERS, GENERAL),
    operations=GEN_AI_OPERATIONS,
    # The opening of a stream: what it cost comes with the end. Logfire 4 tells no end of a stream
    # of the responses API.
    never=(
        When(
            scopes=CLIENTS,
            names=("Chat Completion with *", "Completion with *", "Message with *"),
            lacks=("gen_ai.response.id", "gen_ai.usage.input_tokens", "door:output_total"),
            failed=False,
        ),
        When(
            scopes=CLIENTS,
            names=("Responses API with *",),
            keys=("gen_ai.operation.name",),
            lacks=("gen_ai.response.id", "gen_ai.usage.input_tokens"),
            failed=False,
        ),
    ),
)
