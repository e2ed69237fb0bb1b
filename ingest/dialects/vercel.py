"""The AI SDK of Vercel, versions 3 to 7, also where version 7 writes gen_ai.* alone.

An operation is a root span (ai.generateText) that repeats the sum of its steps, and each step is a
span of its own (ai.generateText.doGenerate): only steps are calls. Versions 4 and 5 pass on what
the provider says, so that Anthropic's input lacks what the cache gave; what is left of the answer's
own words is in the provider's metadata.
"""

from __future__ import annotations

from ingest.dialects.operations import NO_OPERATION
from ingest.dialects.shared import GEN_AI, GEN_AI_OPERATIONS, GENERAL, OURS
from ingest.dialects.table import (
    Const,
    Dialect,
    Digits,
    Fields,
    Json,
    Only,
    Seconds,
    Sources,
    Sum,
    When,
    merge,
)

METADATA = "ai.telemetry.metadata"
# Where users' own words are: in version 7 in a context, and Traceloop's exporter moves them.
PLACES = (METADATA, "ai.settings.context", "traceloop.association.properties")
ANSWER = "ai.response.providerMetadata"
ANTHROPIC = (ANSWER, "anthropic", "usage")

STREAMS = ("ai.streamText.doStream", "ai.streamObject.doStream")
CALLS = (
    "ai.generateText.doGenerate",
    "ai.generateObject.doGenerate",
    *STREAMS,
)
STEP = When(values={"ai.operationId": CALLS})
STEP_7 = When(scopes=("gen_ai",), values={"gen_ai.operation.name": ("chat",)})
# Who stops a stream ends the step's span without an answer (version 7) or not at all: then the root
# is all that is told of the call.
STOPPED = "stopped"
UNFINISHED = ("ai.response.finishReason", "gen_ai.response.finish_reasons")
STOPPED_ROOT = When(
    values={"ai.operationId": ("ai.streamText", "ai.streamObject")},
    lacks=(*UNFINISHED, "ai.usage.inputTokens", "ai.usage.promptTokens"),
    failed=False,
)
STOPPED_STEP = When(values={"ai.operationId": STREAMS}, lacks=UNFINISHED, failed=False)
STOPPED_STEP_7 = When(
    scopes=("gen_ai",),
    values={"gen_ai.operation.name": ("chat",)},
    lacks=("gen_ai.response.finish_reasons", "gen_ai.client.operation.duration"),
    failed=False,
)
# Version 4 tells what the cache did beside an input that lacks it.
APART = When(
    keys=("ai.usage.promptTokens",),
    providers=(
        "anthropic.messages",
        "vertex.anthropic.messages",
        "google.vertex.anthropic.messages",
    ),
)
# Up to version 5 Bedrock's input lacks what the cache gave and took; later ones tell what is new.
BEDROCK = When(
    providers=("amazon-bedrock",),
    values={"ai.operationId": ("ai.generateText.doGenerate", "ai.streamText.doStream")},
    lacks=("ai.usage.inputTokenDetails.noCacheTokens",),
)


def metadata(*names: str) -> Sources:
    """Where users put what they want to know a call by."""
    return tuple(f"{place}.{name}" for place in PLACES for name in names)


VERCEL: Fields = {
    "operation": (Only(STOPPED_ROOT, Const(STOPPED)), "ai.operationId"),
    "provider": ("ai.model.provider",),
    "model_requested": ("ai.model.id",),
    "model_served": ("ai.response.model",),
    "response_id": ("ai.response.id",),
    "finish_reason": ("ai.response.finishReason",),
    "service_tier": (
        Json(ANSWER, "openai", "serviceTier"),
        Json(ANSWER, "azure", "serviceTier"),
        Json(*ANTHROPIC, "service_tier"),
        Json(ANSWER, "google", "serviceTier"),
        Json(ANSWER, "google", "usageMetadata", "trafficType"),
    ),
    "stream": (
        Only(When(values={"ai.operationId": STREAMS}), Const("true")),
        Only(STOPPED_ROOT, Const("true")),
        Only(STEP, Const("false")),
        Only(When(keys=("gen_ai.client.operation.time_to_first_chunk",)), Const("true")),
    ),
    "max_output_tokens": ("ai.settings.maxOutputTokens", "ai.settings.maxTokens"),
    "ttft_ms": (
        "ai.response.msToFirstChunk",
        "ai.stream.msToFirstChunk",
        Seconds("gen_ai.client.operation.time_to_first_chunk"),
    ),
    "input_total": (
        Only(
            STEP,
            Sum(
                Json(*ANTHROPIC, "input_tokens"),
                Json(*ANTHROPIC, "cache_read_input_tokens"),
                Json(*ANTHROPIC, "cache_creation_input_tokens"),
            ),
        ),
        Only(
            APART,
            Sum(
                "ai.usage.promptTokens",
                Json(ANSWER, "anthropic", "cacheReadInputTokens"),
                Json(ANSWER, "anthropic", "cacheCreationInputTokens"),
            ),
        ),
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
    ),
    "output_total": ("ai.usage.outputTokens", "ai.usage.completionTokens"),
    "total_tokens": (
        "ai.usage.totalTokens",
        Only(STEP, Digits(ANSWER, "totalTokenCount")),
    ),
    "cache_read": (
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
        Only(STEP, Json(*ANTHROPIC, "cache_read_input_tokens")),
        Only(STEP, Digits(ANSWER, "cacheReadInputTokens")),
        Only(STEP, Digits(ANSWER, "cachedPromptTokens")),
        Only(STEP, Digits(ANSWER, "cachedContentTokenCount")),
    ),
    "cache_write": (
        "ai.usage.inputTokenDetails.cacheWriteTokens",
        Only(STEP, Json(*ANTHROPIC, "cache_creation_input_tokens")),
        Only(STEP, Json(ANSWER, "anthropic", "cacheCreationInputTokens")),
        Only(STEP, Digits(ANSWER, "cacheWriteInputTokens")),
        Only(STEP, Json(ANSWER, "openai", "usage", "cacheWriteTokens")),
    ),
    "cache_write_1h": (
        Only(STEP, Json(*ANTHROPIC, "cache_creation", "ephemeral_1h_input_tokens")),
        Only(STEP_7, Json(*ANTHROPIC, "cache_creation", "ephemeral_1h_input_tokens")),
    ),
    "reasoning": (
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
        Only(STEP, Digits(ANSWER, "reasoningTokens")),
        Only(STEP, Digits(ANSWER, "thoughtsTokenCount")),
    ),
    "outcome": (
        Only(STOPPED_ROOT, Const("cancelled")),
        Only(STOPPED_STEP, Const("cancelled")),
        Only(STOPPED_STEP_7, Const("cancelled")),
    ),
    "user_id": metadata("userId", "user_id", "user.id", "user"),
    "session_id": metadata(
        "sessionId", "session_id", "session.id", "conversationId", "threadId", "chatId"
    ),
    "tenant": metadata("tenant", "tenantId", "tenant_id", "organizationId", "orgId", "customerId"),
    "team": metadata("team", "teamId"),
    "feature": metadata("feature"),
    "environment": (*metadata("environment"), "langfuse.environment"),
    "prompt_name": (Json(f"{METADATA}.langfusePrompt", "name"), *metadata("promptName")),
    "prompt_version": (Json(f"{METADATA}.langfusePrompt", "version"), *metadata("promptVersion")),
    "agent": ("ai.telemetry.functionId",),
    "action_name": ("ai.telemetry.functionId",),
}

DIALECT = Dialect(
    name="vercel",
    scopes=("gen_ai",),
    keys=("ai.operationId",),
    fields=merge(OURS, VERCEL, GEN_AI, GENERAL),
    exclusive_input=(BEDROCK,),
    operations={
        **GEN_AI_OPERATIONS,
        STOPPED: "chat",
        **{name.lower(): "chat" for name in CALLS},
        "ai.embed.doembed": "embeddings",
        "ai.embedmany.doembed": "embeddings",
        "ai.rerank.dorerank": "rerank",
        "ai.generatespeech": "speech",
        "ai.transcribe": "transcription",
        "ai.streamtranscribe": "transcription",
        **dict.fromkeys(
            (
                "ai.generatetext",
                "ai.streamtext",
                "ai.generateobject",
                "ai.streamobject",
                "ai.embed",
                "ai.embedmany",
                "ai.rerank",
                "ai.toolcall",
                "agent_step",
            ),
            NO_OPERATION,
        ),
    },
)
