"""OpenLLMetry, the instrumentations of Traceloop, and the SDK around them."""

from __future__ import annotations

from ingest.dialects.shared import GEN_AI, GEN_AI_OPERATIONS, GENERAL, OURS
from ingest.dialects.table import Dialect, Fields, Only, Rest, Since, When, merge

BEDROCK = "opentelemetry.instrumentation.bedrock"
GEMINI = "opentelemetry.instrumentation.google_generativeai"
LLAMA_INDEX = "opentelemetry.instrumentation.llamaindex"
VERTEX = "opentelemetry.instrumentation.vertexai"

# Google's thoughts are in none of the counts but the sum.
THOUGHTS = Only(
    When(scopes=(GEMINI, VERTEX)),
    Rest("gen_ai.usage.total_tokens", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
)

TRACELOOP: Fields = {
    "operation": ("gen_ai.operation.name", "llm.request.type", "traceloop.span.kind"),
    "reasoning": ("llm.usage.reasoning_tokens", THOUGHTS),
    "ttft_ms": (Since("door:first_token"),),
    "tenant": (
        "traceloop.association.properties.tenant",
        "traceloop.association.properties.tenant_id",
    ),
    "user_id": ("traceloop.association.properties.user_id",),
    "session_id": (
        "traceloop.association.properties.session_id",
        "traceloop.association.properties.chat_id",
    ),
    "action_name": ("traceloop.workflow.name",),
    "prompt_name": ("traceloop.prompt.key",),
    "prompt_version": ("traceloop.prompt.version",),
}

DIALECT = Dialect(
    name="traceloop",
    # Not `opentelemetry.instrumentation.*`: OpenTelemetry's own instrumentations begin so too.
    scopes=(
        "traceloop.*",
        "@traceloop/*",
        "opentelemetry.instrumentation.agno",
        "opentelemetry.instrumentation.alephalpha",
        "opentelemetry.instrumentation.anthropic",
        BEDROCK,
        "opentelemetry.instrumentation.cohere",
        "opentelemetry.instrumentation.crewai*",
        GEMINI,
        "opentelemetry.instrumentation.groq",
        "opentelemetry.instrumentation.haystack",
        "opentelemetry.instrumentation.langchain",
        "opentelemetry.instrumentation.litellm",
        LLAMA_INDEX,
        "opentelemetry.instrumentation.mistralai",
        "opentelemetry.instrumentation.ollama",
        "opentelemetry.instrumentation.openai",
        "opentelemetry.instrumentation.openai.v0",
        "opentelemetry.instrumentation.openai.v1",
        "opentelemetry.instrumentation.openai_agents",
        "opentelemetry.instrumentation.replicate",
        "opentelemetry.instrumentation.sagemaker",
        "opentelemetry.instrumentation.together",
        "opentelemetry.instrumentation.transformers",
        VERTEX,
        "opentelemetry.instrumentation.voyageai",
        "opentelemetry.instrumentation.watsonx",
        "opentelemetry.instrumentation.writer",
    ),
    prefixes=("traceloop.",),
    fields=merge(OURS, TRACELOOP, GEN_AI, GENERAL),
    operations={**GEN_AI_OPERATIONS, "execute_task": "task"},
    # They pass on what Bedrock and Anthropic answer; the instrumentation of Anthropic adds it up.
    exclusive_input=(
        When(scopes=(BEDROCK,)),
        When(scopes=(LLAMA_INDEX,), keys=("gen_ai.usage.cache_creation.input_tokens",)),
    ),
    exclusive_output=(When(scopes=(GEMINI, VERTEX)),),
)
