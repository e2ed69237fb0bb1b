"""OpenLIT."""

from __future__ import annotations

from ingest.dialects.shared import GEN_AI, GEN_AI_OPERATIONS, GENERAL, OURS
from ingest.dialects.table import Const, Dialect, Fields, Only, Scope, SpanName, When, merge

ANTHROPIC = "openlit.instrumentation.anthropic"
BEDROCK = "openlit.instrumentation.bedrock"
GEMINI = "openlit.instrumentation.google_ai_studio"

# A call that failed carries no attribute at all: its names say what it was.
NAMED = r"^(?:chat|embeddings|text_completion|generate_content) (.+)$"
# Of a stream whose provider told no usage they guess it, and then tell nothing of the cache.
GUESSED = When(
    scopes=("openlit.instrumentation.openai",),
    values={"gen_ai.request.stream": ("true",)},
    keys=("gen_ai.usage.input_tokens",),
    lacks=("gen_ai.usage.cache_read.input_tokens",),
)

OPENLIT: Fields = {
    "operation": (
        "gen_ai.operation.name",
        SpanName(r"^(chat|embeddings|text_completion|generate_content) "),
    ),
    "provider": (
        "gen_ai.provider.name",
        "gen_ai.system",
        Scope(r"^openlit\.instrumentation\.(\w+)$"),
    ),
    "model_requested": ("gen_ai.request.model", SpanName(NAMED)),
    "usage_source": (Only(GUESSED, Const("estimated")),),
    "reasoning": ("gen_ai.usage.completion_tokens_details.reasoning_tokens",),
    "cache_read": ("gen_ai.usage.prompt_tokens_details.cached_tokens",),
    "cache_write": ("gen_ai.usage.prompt_tokens_details.cache_creation_tokens",),
    "audio_out": ("gen_ai.usage.completion_tokens_details.audio_tokens",),
    "stream": ("gen_ai.request.is_stream",),
    "user_id": ("gen_ai.request.user",),
    "environment": ("deployment.environment",),
    "service": ("service.name", "gen_ai.application_name"),
}

DIALECT = Dialect(
    name="openlit",
    scopes=("openlit", "openlit.*", "@openlit/*"),
    prefixes=("openlit.",),
    fields=merge(OURS, OPENLIT, GEN_AI, GENERAL),
    operations=GEN_AI_OPERATIONS,
    # Counts are passed on as the provider gave them.
    exclusive_input=(When(scopes=(ANTHROPIC, BEDROCK)),),
    exclusive_output=(When(scopes=(GEMINI,)),),
)
