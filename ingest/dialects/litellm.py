"""LiteLLM, library and proxy: its own attributes of both generations, and its OpenInference ones.

The usage of a call is told twice: as counts, without details in the older generation, and as a
dict that Python printed. `raw_gen_ai_request` repeats its parent, if that is LiteLLM's: below a
span of FastAPI it is all that tells of a call. A hit in LiteLLM's own cache repeats the id, the
usage and the cost of the first call.
"""

from __future__ import annotations

from ingest.dialects.openinference import OPENINFERENCE
from ingest.dialects.shared import GEN_AI, GENERAL, OURS
from ingest.dialects.table import Const, Dialect, Digits, Fields, Json, Only, Sources, When, merge

USAGE = "metadata.usage_object"
# Where the metadata are one JSON text.
METADATA = "metadata"
NOTHING = When(values={"gen_ai.usage.total_tokens": ("0",)})
NOTHING_SPENT = When(values={"llm.token_count.total": ("0",)})
THROUGH_PROXY = When(keys=("http.route", "litellm.request.route"), failed=False)
HIT = When(keys=("door:cache_hit",))
# A raw span whose usage was read at the door; its name may be one that the client chose.
RAW = When(keys=("door:raw",))


def inside(details: str, member: str) -> Sources:
    """A member of the details, in a dict that Python printed or in JSON."""
    return (
        Digits(USAGE, details, member),
        Json(METADATA, "usage_object", details, member),
    )


def whole(member: str) -> Sources:
    return (Digits(USAGE, member), Json(METADATA, "usage_object", member))


def identity(*keys: str) -> Sources:
    """What the proxy knows of the key that was used."""
    names = [f"user_api_key_{key}" for key in keys]
    return (*(f"metadata.{name}" for name in names), *(Json(METADATA, name) for name in names))


def requester(*keys: str) -> Sources:
    """Metadata that the client sent with the request."""
    return (
        *(f"litellm.metadata.{key}" for key in keys),
        *(Json(METADATA, "requester_metadata", key) for key in keys),
    )


TEAM: Sources = ("litellm.team.alias", "litellm.team.id", *identity("team_alias", "team_id"))

LITELLM: Fields = {
    "operation": (
        "gen_ai.operation.name",
        "litellm.call_type",
        "llm.request.type",
        "openinference.span.kind",
    ),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider"),
    "model_requested": (
        "litellm.model_group",
        Json(METADATA, "model_group"),
        "gen_ai.request.model",
        "llm.model_name",
    ),
    # The proxy puts the group's name in place of the model that answered.
    "model_served": (
        Only(THROUGH_PROXY, "litellm.provider.model"),
        "gen_ai.response.model",
        "llm.response.model",
        Only(When(failed=False), "litellm.provider.model"),
    ),
    "stream": ("litellm.request.streaming",),
    "request_id": ("litellm.call_id",),
    "cache_read": (
        "gen_ai.usage.cache_read.input_tokens",
        *inside("prompt_tokens_details", "cached_tokens"),
        *whole("cache_read_input_tokens"),
    ),
    "cache_write": (
        "gen_ai.usage.cache_creation.input_tokens",
        *whole("cache_creation_input_tokens"),
        *inside("prompt_tokens_details", "cache_creation_tokens"),
        *inside("prompt_tokens_details", "cache_write_tokens"),
    ),
    "cache_write_1h": (
        Digits(USAGE, "ephemeral_1h_input_tokens"),
        Json(
            METADATA,
            "usage_object",
            "prompt_tokens_details",
            "cache_creation_token_details",
            "ephemeral_1h_input_tokens",
        ),
    ),
    "reasoning": inside("completion_tokens_details", "reasoning_tokens"),
    "audio_in": inside("prompt_tokens_details", "audio_tokens"),
    "audio_out": inside("completion_tokens_details", "audio_tokens"),
    "image_in": inside("prompt_tokens_details", "image_tokens"),
    "image_out": inside("completion_tokens_details", "image_tokens"),
    "cache_hit": (Only(HIT, Const("true")),),
    "cache_layer": (Only(HIT, Const("exact")),),
    "tenant": (
        *requester("tenant", "tenant_id"),
        *TEAM,
        *identity("alias", "hash"),
        "litellm.metadata.user_api_key_alias",
        "litellm.api_key.hash",
    ),
    "team": TEAM,
    "user_id": (
        "litellm.end_user.id",
        *identity("end_user_id"),
        "litellm.metadata.user_api_key_end_user_id",
        "llm.user",
        *requester("user_id"),
        *identity("user_id"),
    ),
    # It writes 0 where a stream told nothing, or no answer came.
    "usage_source": (Only(NOTHING, Const("missing")), Only(NOTHING_SPENT, Const("missing"))),
    "session_id": (*requester("session_id"), "gen_ai.conversation.id"),
}

# The tier that was asked for is not the one that served.
OTHERS: Fields = {**OPENINFERENCE, "service_tier": ("door:service_tier",)}
# What was read there of a provider's answer.
ANSWER: Fields = {
    column: (Only(RAW, f"door:{column}"),)
    for column in (
        "operation",
        "provider",
        "model_served",
        "response_id",
        "input_total",
        "output_total",
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "reasoning",
        "audio_in",
        "audio_out",
        "image_in",
        "image_out",
        "used_web_search",
    )
}

DIALECT = Dialect(
    name="litellm",
    scopes=("litellm",),
    prefixes=("litellm.",),
    fields=merge(OURS, LITELLM, GEN_AI, ANSWER, OTHERS, GENERAL),
    operations={
        "completion": "chat",
        "acompletion": "chat",
        "responses": "chat",
        "aresponses": "chat",
        "anthropic_messages": "chat",
        "llm": "chat",
        "atext_completion": "text_completion",
        "agenerate_content": "generate_content",
        "embedding": "embeddings",
        "aembedding": "embeddings",
        "arerank": "rerank",
    },
    never=(
        # Raw spans that tell no usage tell nothing of a call that their parents don't.
        When(names=("raw_gen_ai_request",), lacks=("door:raw",)),
        # The proxy writes models on all spans of a request, operations on calls alone.
        When(
            lacks=(
                "gen_ai.operation.name",
                "llm.request.type",
                "openinference.span.kind",
                "door:raw",
            )
        ),
    ),
)
